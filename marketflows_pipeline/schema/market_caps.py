"""Tables of the market-cap part: narratives, portfolios and market-cap ranges."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from marketflows_pipeline.schema.columns import (
    COIN,
    FETCHED,
    NAME,
    OBSERVED,
    flag,
    integer,
    moment,
    number,
    pct,
    text,
    usd,
)
from marketflows_pipeline.schema.model import Table

_table = partial(Table, part="market_caps")

_TS = moment("ts", "Time on the grid")
_CAP = usd("market_cap_usd", "Market capitalisation: price times circulating supply", nullable=False)
_RANK = integer("rank", "Place by market cap, 1 is the largest")
_CATEGORY = text("category", "Narratives, Portfolios, Ranges, or a portfolio's own name")
_SERIES = text("series", "Narrative slug, portfolio name, coin id, or a range's lower limit in whole dollars")
_BASE = text("base_asset", "What the market cap is divided by: us-dollar or a coin id")
_EMA = integer("ema_period", "Span of the exponential moving average; 1 where none was taken", unit="grid steps")
_ORDER = integer("diff_order", "0 level, 1 growth, 2 inflection, and so on")
_FIGURES_OF_A_MEMBER = (
    usd("price_usd", "Price of one coin in the same answer"),
    number("circulating_supply", "Coins in circulation in the same answer", unit="coins"),
    *(
        pct(
            f"price_change_{period}_pct",
            f"Change of the price in dollars over {words} before, as the service gives it; null for younger coins",
        )
        for period, words in (("24h", "the 24 hours"), ("7d", "the 7 days"), ("30d", "the 30 days"))
    ),
)
_SERIES_KEY = (_CATEGORY, _SERIES, _BASE)
_CURVE_KEY = (*_SERIES_KEY, _EMA, _ORDER)
# What many columns are computed from.
_GRID_CAP = "core.market_cap_grid.market_cap_usd"
_NORMALIZED = "mart.normalized.value"
_SMOOTHED = "mart.ema.value"

MARKET_CAP_TABLES: tuple[Table, ...] = (
    _table(
        name="raw.coins",
        grain="one coin ever seen on an answer",
        key=("coin_id",),
        description="Names and symbols, and when the service first and last showed the coin.",
        columns=(
            COIN,
            text("symbol", "Ticker as the service gives it, lower case; not unique"),
            NAME,
            moment("first_seen_at", "First answer that held the coin"),
            moment("last_seen_at", "Latest answer that held the coin"),
            flag("is_active", "False once the service no longer knows the id"),
        ),
        as_of="last_seen_at",
        replaces="merge",
    ),
    _table(
        name="raw.market_caps",
        grain="one observation of one coin",
        key=("coin_id", "ts"),
        description=(
            "Every market cap ever served for a tracked coin, from histories and from hourly pages. "
            "Nulls, zeros, negatives and non-finite caps are counted and left out; rows are never removed."
        ),
        columns=(
            COIN,
            moment("ts", "When the service observed the value"),
            _CAP,
            usd("price_usd", "Price of one coin"),
            usd("volume_usd", "Trading volume of the 24 hours before"),
            text("source", "Which answer brought it, such as coingecko:markets"),
            FETCHED,
        ),
        as_of="ts",
        replaces="merge",
        revised_by=("market_cap_usd", "price_usd", "volume_usd"),
    ),
    _table(
        name="raw.narrative_members",
        grain="one member of one narrative at one observation",
        key=("observed_at", "narrative", "coin_id"),
        description=(
            "The largest coins of each narrative as the service listed them at that moment: down to the "
            "(narrative_top_n + 5)th that no exclusion drops, with the excluded ones in between, and in the first run "
            "of each UTC day all of the page, at most 250. Also of each excluded category, all of the page. A "
            "narrative is the sum of the rows that are neither is_reserve nor excluded; excluded ones above them are "
            "followed all the same."
        ),
        columns=(
            OBSERVED,
            text("narrative", "Category slug of that day; a former one counts under today's too"),
            COIN,
            replace(_RANK, description="Place by market cap in the category, excluded coins counted, 1 is the largest"),
            replace(_CAP, nullable=True),
            *_FIGURES_OF_A_MEMBER,
            flag(
                "is_reserve",
                "Below the narrative_top_n largest that no exclusion drops: neither followed nor summed up, kept for "
                "measures that look further down; null, as good as false, in rows of older versions",
                nullable=True,
            ),
            flag(
                "is_excluded",
                "Whether exclude_categories dropped the coin at that moment; null in rows of older versions and in "
                "those of the excluded categories themselves",
                nullable=True,
            ),
            flag(
                "is_full_page",
                "Whether this observation holds all that the service listed (at most 250); else it ends at the "
                "(narrative_top_n + 5)th; null in rows of older versions",
                nullable=True,
            ),
        ),
        as_of="observed_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="raw.cohort_members",
        grain="one coin above the smallest range limit at one observation",
        key=("observed_at", "coin_id"),
        description=(
            "All coins whose market cap exceeded the smallest range limit at that moment, those left out of the ranges "
            "too."
        ),
        columns=(
            OBSERVED,
            COIN,
            _RANK,
            _CAP,
            *_FIGURES_OF_A_MEMBER,
            flag(
                "is_excluded",
                "Whether exclude_categories left the coin out at that moment: followed, and in no range; null, as "
                "good as false, in rows of older versions, which hold no such coins",
                nullable=True,
            ),
        ),
        as_of="observed_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="raw.category_names",
        grain="one category ever listed",
        key=("category_id",),
        description=(
            "Slugs and names of categories. Those with the newest last_seen_at are today's, the others former ones. A "
            "slug of the settings that is not listed means the category that has its name today, or holds it in "
            "brackets as a short name. Asked for when a slug of the settings is not known. Source: GET "
            "/coins/categories/list."
        ),
        columns=(
            text("category_id", "Category slug of the market-cap provider"),
            NAME,
            moment("first_seen_at", "First list that held it"),
            moment("last_seen_at", "Latest list that held it"),
        ),
        as_of="last_seen_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="raw.category_snapshots",
        grain="one category at one observation",
        key=("observed_at", "category_id"),
        description=(
            "All of the provider's categories with their figures, once a UTC day; the service has no history of them. "
            "Categories overlap. Source: GET /coins/categories. CoinPaprika gives no figures of its tags: they are "
            "sums over the coins of its list without wrapped ones, computed here, and partial where coins are outside "
            "it."
        ),
        columns=(
            text("category_id", "Category slug of the market-cap provider"),
            OBSERVED,
            NAME,
            replace(
                _CAP,
                description="Sum of its coins' market caps, as the service gives it, or summed here",
                nullable=True,
            ),
            pct("market_cap_change_24h_pct", "Change of that sum in 24 hours"),
            usd("volume_24h_usd", "Trading volume of its coins in 24 hours"),
            text(
                "top_3_coins_id",
                "Its largest coins, at most three, the largest first, comma separated; null where the service names "
                "none",
                nullable=True,
            ),
        ),
        as_of="observed_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="core.cohort",
        grain="one coin of this run's fixed cohort",
        key=("coin_id",),
        description=(
            "Tracked coins whose market cap at the last grid time exceeds the smallest limit, without stablecoins and "
            "what else exclude_categories leaves out. Chosen with today's caps, so history drawn from it carries "
            "survivorship bias."
        ),
        columns=(
            COIN,
            _RANK,
            replace(_CAP, description="Market cap at the last grid time", derived_from=(_GRID_CAP,)),
            moment("selected_at", "Last grid time"),
        ),
        as_of="selected_at",
        may_be_empty=True,
    ),
    _table(
        name="core.market_cap_grid",
        grain="one coin at one grid time",
        key=("coin_id", "ts"),
        description=(
            "Market caps and prices on an even grid: linear in time between observations, held flat before the first "
            "and after the last one; `fill` says which. 5-minute steps for a window of 1 day, hourly up to 90 days, "
            "daily above."
        ),
        columns=(
            COIN,
            _TS,
            replace(_CAP, derived_from=("raw.market_caps.market_cap_usd",)),
            usd(
                "price_usd",
                "Price of one coin, from the same observations as the market cap; null where one of them has no price",
                "raw.market_caps.price_usd",
            ),
            text(
                "fill",
                "observed (an observation within half a step), interpolated, before_first or after_last",
                "raw.market_caps.ts",
            ),
        ),
        as_of="ts",
    ),
    _table(
        name="core.buckets",
        grain="one cohort coin at one grid time",
        key=("coin_id", "ts"),
        description="The market-cap range each cohort coin belongs to at each time.",
        columns=(
            COIN,
            _TS,
            usd("lower_limit_usd", "The highest limit that the coin's cap exceeds; null below the lowest", _GRID_CAP),
            replace(_CAP, derived_from=(_GRID_CAP,)),
        ),
        as_of="ts",
        may_be_empty=True,
    ),
    _table(
        name="core.group_totals",
        grain="one series at one grid time",
        key=("category", "series", "ts"),
        description="Summed market cap of each narrative, portfolio, portfolio coin and range. An empty range is null.",
        columns=(
            _CATEGORY,
            _SERIES,
            _TS,
            replace(
                _CAP,
                nullable=True,
                description="Sum over the series' coins",
                derived_from=(_GRID_CAP, "core.buckets.market_cap_usd"),
            ),
            integer("n_assets", "Coins in the sum"),
        ),
        as_of="ts",
    ),
    _table(
        name="core.series",
        grain="one series of one category",
        key=("category", "series"),
        description="How each series is named on charts and in which order it is shown.",
        columns=(
            _CATEGORY,
            _SERIES,
            text("label", "Name for people: a symbol, a narrative, or a range such as $1B to $10B"),
            integer("sort_order", "Place within the category, from 1"),
            integer(
                "n_left_out",
                "Coins that exclude_categories leaves out: of a narrative those above its last coin in use, of a range "
                "those in it at the last grid time; null of other series",
                "raw.narrative_members.coin_id",
                "core.market_cap_grid.coin_id",
                nullable=True,
            ),
            usd("left_out_usd", "Their market cap", "raw.narrative_members.market_cap_usd", _GRID_CAP),
        ),
    ),
    _table(
        name="mart.normalized",
        grain="one series in one base at one grid time",
        key=("category", "series", "base_asset", "ts"),
        description=(
            "Market cap in the base asset, divided by its first valid value in the window, so each curve starts at 1. "
            "The window slides: values are comparable within one publish, not between two."
        ),
        columns=(
            *_SERIES_KEY,
            _TS,
            number(
                "value",
                "Market cap relative to the window's start",
                "core.group_totals.market_cap_usd",
                unit="start = 1",
            ),
        ),
        as_of="ts",
    ),
    _table(
        name="mart.ema",
        grain="one series in one base and one EMA period at one grid time",
        key=("category", "series", "base_asset", "ema_period", "ts"),
        description="Exponential moving average of mart.normalized: y[0] = x[0], alpha = 2 / (period + 1).",
        columns=(
            *_SERIES_KEY,
            _EMA,
            _TS,
            number("value", "Smoothed relative market cap", _NORMALIZED, unit="start = 1"),
        ),
        as_of="ts",
        may_be_empty=True,
    ),
    _table(
        name="mart.derivatives",
        grain="one series in one base, EMA period and order at one grid time",
        key=("category", "series", "base_asset", "ema_period", "diff_order", "ts"),
        description=(
            "Growth (order 1), inflection (order 2) and higher differences per grid step: of market caps, so mostly of "
            "prices, and no measure of money that came in. Groups: differences of the normalized or EMA curve, each "
            "order smoothed before the next. Ranges: differences over the coins that were in the range one (growth) or "
            "two (inflection) steps before, the EMA taken last."
        ),
        columns=(
            *_CURVE_KEY,
            _TS,
            number(
                "value",
                "Difference of that order",
                _NORMALIZED,
                _SMOOTHED,
                "core.buckets.market_cap_usd",
                unit="start = 1, per grid step",
            ),
        ),
        as_of="ts",
        may_be_empty=True,
    ),
    _table(
        name="mart.unit_normalized",
        grain="one series in one base, EMA period and order at one grid time",
        key=("category", "series", "base_asset", "ema_period", "diff_order", "ts"),
        description=(
            "Values scaled at each time across the series of the same category, base, EMA period and order: "
            "the largest is 1, the smallest 0; null where all are equal."
        ),
        columns=(
            *_CURVE_KEY,
            _TS,
            number(
                "value",
                "Place between the smallest and the largest series",
                _NORMALIZED,
                _SMOOTHED,
                "mart.derivatives.value",
                unit="0 to 1",
            ),
        ),
        as_of="ts",
        may_be_empty=True,
    ),
    _table(
        name="mart.metrics",
        grain="one value of any of the four metric tables",
        key=("category", "series", "base_asset", "ema_period", "diff_order", "is_unit", "ts"),
        description="mart.normalized, mart.ema, mart.derivatives and mart.unit_normalized as one long view.",
        columns=(
            *_CURVE_KEY,
            flag("is_unit", "True for values scaled to 0..1 across series"),
            _TS,
            number(
                "value", "The metric", _NORMALIZED, _SMOOTHED, "mart.derivatives.value", "mart.unit_normalized.value"
            ),
        ),
        as_of="ts",
        view_sql="""
        select category, series, base_asset, cast(1 as integer) as ema_period, cast(0 as integer) as diff_order,
               false as is_unit, ts, value from mart.normalized
        union all
        select category, series, base_asset, ema_period, cast(0 as integer), false, ts, value from mart.ema
        union all
        select category, series, base_asset, ema_period, diff_order, false, ts, value from mart.derivatives
        union all
        select category, series, base_asset, ema_period, diff_order, true, ts, value from mart.unit_normalized
    """,
    ),
    _table(
        name="mart.percent_gains",
        grain="one series in one base over one offset",
        key=("category", "series", "base_asset", "hours_ago"),
        description=(
            "Gain of each series' market cap, in the base, from `hours_ago` before `as_of` until `as_of`: mostly that "
            "of prices, not money that came in."
        ),
        columns=(
            *_SERIES_KEY,
            number("hours_ago", "Length of the look back", unit="hours", nullable=False),
            moment("as_of", "Last grid time"),
            pct(
                "gain_pct",
                "Gain over the offset; null where it cannot be known",
                "core.group_totals.market_cap_usd",
                "raw.market_caps.market_cap_usd",
            ),
            text("basis", "grid, or observations for an offset shorter than a grid step"),
            text("reason", "Why the gain is null", nullable=True),
        ),
        as_of="as_of",
    ),
)
