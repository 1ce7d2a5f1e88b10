"""Tables of the market-cap part: narratives, portfolios and market-cap ranges."""

from __future__ import annotations

from dataclasses import replace

from marketflows_pipeline.schema.model import Column, DType, Table

_COIN = Column("coin_id", DType.TEXT, "Coin id of the market-cap provider")
_TS = Column("ts", DType.TIME, "Time on the grid", "UTC")
_CAP = Column("market_cap_usd", DType.FLOAT, "Market capitalisation: price times circulating supply", "USD")
_RANK = Column("rank", DType.INT, "Place by market cap, 1 is the largest")
_OBSERVED = Column("observed_at", DType.TIME, "When the service was asked", "UTC")
_CATEGORY = Column("category", DType.TEXT, "Narratives, Portfolios, Ranges, or a portfolio's own name")
_SERIES = Column(
    "series", DType.TEXT, "Narrative slug, portfolio name, coin id, or a range's lower limit in whole dollars"
)
_BASE = Column("base_asset", DType.TEXT, "What the market cap is divided by: us-dollar or a coin id")
_EMA = Column("ema_period", DType.INT, "Span of the exponential moving average; 1 where none was taken", "grid steps")
_ORDER = Column("diff_order", DType.INT, "0 level, 1 growth, 2 inflection, and so on")


_FIGURES_OF_A_MEMBER = (
    Column("price_usd", DType.FLOAT, "Price of one coin in the same answer", "USD", nullable=True),
    Column("circulating_supply", DType.FLOAT, "Coins in circulation in the same answer", "coins", nullable=True),
    *(
        Column(
            f"price_change_{period}_pct",
            DType.FLOAT,
            f"Change of the price in dollars over {words} before, as the service gives it; null for younger coins",
            "%",
            nullable=True,
        )
        for period, words in (("24h", "the 24 hours"), ("7d", "the 7 days"), ("30d", "the 30 days"))
    ),
)


def _value(description: str, unit: str, *derived_from: str) -> Column:
    return Column("value", DType.FLOAT, description, unit, nullable=True, derived_from=derived_from)


RAW_COINS = Table(
    name="raw.coins",
    part="market_caps",
    grain="one coin ever seen on an answer",
    key=("coin_id",),
    description="Names and symbols, and when the service first and last showed the coin.",
    columns=(
        _COIN,
        Column("symbol", DType.TEXT, "Ticker as the service gives it, lower case; not unique"),
        Column("name", DType.TEXT, "Display name"),
        Column("first_seen_at", DType.TIME, "First answer that held the coin", "UTC"),
        Column("last_seen_at", DType.TIME, "Latest answer that held the coin", "UTC"),
        Column("is_active", DType.BOOL, "False once the service no longer knows the id"),
    ),
    as_of="last_seen_at",
    replaces="merge",
)

RAW_MARKET_CAPS = Table(
    name="raw.market_caps",
    part="market_caps",
    grain="one observation of one coin",
    key=("coin_id", "ts"),
    description=(
        "Every market cap ever served for a tracked coin, from histories and from hourly pages. "
        "Nulls, zeros, negatives and non-finite caps are counted and left out; rows are never removed."
    ),
    columns=(
        _COIN,
        Column("ts", DType.TIME, "When the service observed the value", "UTC"),
        _CAP,
        Column("price_usd", DType.FLOAT, "Price of one coin", "USD", nullable=True),
        Column("volume_usd", DType.FLOAT, "Trading volume of the 24 hours before", "USD", nullable=True),
        Column("source", DType.TEXT, "Which answer brought it, such as coingecko:markets"),
        Column("fetched_at", DType.TIME, "When it was fetched", "UTC"),
    ),
    as_of="ts",
    replaces="merge",
    revised_by=("market_cap_usd", "price_usd", "volume_usd"),
)

RAW_NARRATIVE_MEMBERS = Table(
    name="raw.narrative_members",
    part="market_caps",
    grain="one member of one narrative at one observation",
    key=("observed_at", "narrative", "coin_id"),
    description=(
        "The largest coins of each narrative as the service listed them at that moment: down to the "
        "(narrative_top_n + 5)th that no exclusion drops, with the excluded ones in between, and in the first run of "
        "each UTC day all of the page, at most 250. Also of each excluded category, all of the page. "
        "A narrative is the sum of the rows that are neither is_reserve nor excluded; excluded ones above them are "
        "followed all the same."
    ),
    columns=(
        _OBSERVED,
        Column("narrative", DType.TEXT, "Category slug of that day; a former one counts under today's too"),
        _COIN,
        replace(_RANK, description="Place by market cap in the category, excluded coins counted, 1 is the largest"),
        replace(_CAP, nullable=True),
        *_FIGURES_OF_A_MEMBER,
        Column(
            "is_reserve",
            DType.BOOL,
            "Below the narrative_top_n largest that no exclusion drops: neither followed nor summed up, kept for "
            "measures that look further down; null, as good as false, in rows of older versions",
            nullable=True,
        ),
        Column(
            "is_excluded",
            DType.BOOL,
            "Whether exclude_categories dropped the coin at that moment; null in rows of older versions and in those "
            "of the excluded categories themselves",
            nullable=True,
        ),
        Column(
            "is_full_page",
            DType.BOOL,
            "Whether this observation holds all that the service listed (at most 250); else it ends at the "
            "(narrative_top_n + 5)th; null in rows of older versions",
            nullable=True,
        ),
    ),
    as_of="observed_at",
    replaces="merge",
    may_be_empty=True,
)

RAW_COHORT_MEMBERS = Table(
    name="raw.cohort_members",
    part="market_caps",
    grain="one coin above the smallest range limit at one observation",
    key=("observed_at", "coin_id"),
    description=(
        "All coins whose market cap exceeded the smallest range limit at that moment, those left out of the ranges too."
    ),
    columns=(
        _OBSERVED,
        _COIN,
        _RANK,
        _CAP,
        *_FIGURES_OF_A_MEMBER,
        Column(
            "is_excluded",
            DType.BOOL,
            "Whether exclude_categories left the coin out at that moment: followed, and in no range; null, as good as "
            "false, in rows of older versions, which hold no such coins",
            nullable=True,
        ),
    ),
    as_of="observed_at",
    replaces="merge",
    may_be_empty=True,
)

RAW_CATEGORY_NAMES = Table(
    name="raw.category_names",
    part="market_caps",
    grain="one category ever listed",
    key=("category_id",),
    description=(
        "Slugs and names of categories. Those with the newest last_seen_at are today's, the others former ones. A slug "
        "of the settings that is not listed means the category that has its name today, or holds it in brackets as a "
        "short name. Asked for when a slug of the settings is not known. Source: GET /coins/categories/list."
    ),
    columns=(
        Column("category_id", DType.TEXT, "Category slug of the market-cap provider"),
        Column("name", DType.TEXT, "Display name"),
        Column("first_seen_at", DType.TIME, "First list that held it", "UTC"),
        Column("last_seen_at", DType.TIME, "Latest list that held it", "UTC"),
    ),
    as_of="last_seen_at",
    replaces="merge",
    may_be_empty=True,
)

RAW_CATEGORY_SNAPSHOTS = Table(
    name="raw.category_snapshots",
    part="market_caps",
    grain="one category at one observation",
    key=("observed_at", "category_id"),
    description=(
        "All of the provider's categories with their figures, once a UTC day; the service has no history of them. "
        "Categories overlap. Source: GET /coins/categories. CoinPaprika gives no figures of its tags: they are sums "
        "over the coins of its list without wrapped ones, computed here, and partial where coins are outside it."
    ),
    columns=(
        Column("category_id", DType.TEXT, "Category slug of the market-cap provider"),
        _OBSERVED,
        Column("name", DType.TEXT, "Display name"),
        replace(
            _CAP, description="Sum of its coins' market caps, as the service gives it, or summed here", nullable=True
        ),
        Column("market_cap_change_24h_pct", DType.FLOAT, "Change of that sum in 24 hours", "%", nullable=True),
        Column("volume_24h_usd", DType.FLOAT, "Trading volume of its coins in 24 hours", "USD", nullable=True),
        Column(
            "top_3_coins_id",
            DType.TEXT,
            "Its largest coins, at most three, the largest first, comma separated; null where the service names none",
            nullable=True,
        ),
    ),
    as_of="observed_at",
    replaces="merge",
    may_be_empty=True,
)

CORE_COHORT = Table(
    name="core.cohort",
    part="market_caps",
    grain="one coin of this run's fixed cohort",
    key=("coin_id",),
    description=(
        "Tracked coins whose market cap at the last grid time exceeds the smallest limit, without stablecoins and what "
        "else exclude_categories leaves out. "
        "Chosen with today's caps, so history drawn from it carries survivorship bias."
    ),
    columns=(
        _COIN,
        _RANK,
        replace(
            _CAP, description="Market cap at the last grid time", derived_from=("core.market_cap_grid.market_cap_usd",)
        ),
        Column("selected_at", DType.TIME, "Last grid time", "UTC"),
    ),
    as_of="selected_at",
    may_be_empty=True,
)

CORE_MARKET_CAP_GRID = Table(
    name="core.market_cap_grid",
    part="market_caps",
    grain="one coin at one grid time",
    key=("coin_id", "ts"),
    description=(
        "Market caps and prices on an even grid: linear in time between observations, held flat before the first and "
        "after the last one; `fill` says which. 5-minute steps for a window of 1 day, hourly up to 90 days, daily "
        "above."
    ),
    columns=(
        _COIN,
        _TS,
        replace(_CAP, derived_from=("raw.market_caps.market_cap_usd",)),
        Column(
            "price_usd",
            DType.FLOAT,
            "Price of one coin, from the same observations as the market cap; null where one of them has no price",
            "USD",
            nullable=True,
            derived_from=("raw.market_caps.price_usd",),
        ),
        Column(
            "fill",
            DType.TEXT,
            "observed (an observation within half a step), interpolated, before_first or after_last",
            derived_from=("raw.market_caps.ts",),
        ),
    ),
    as_of="ts",
)

CORE_BUCKETS = Table(
    name="core.buckets",
    part="market_caps",
    grain="one cohort coin at one grid time",
    key=("coin_id", "ts"),
    description="The market-cap range each cohort coin belongs to at each time.",
    columns=(
        _COIN,
        _TS,
        Column(
            "lower_limit_usd",
            DType.FLOAT,
            "The highest limit that the coin's cap exceeds; null below the lowest",
            "USD",
            nullable=True,
            derived_from=("core.market_cap_grid.market_cap_usd",),
        ),
        replace(_CAP, derived_from=("core.market_cap_grid.market_cap_usd",)),
    ),
    as_of="ts",
    may_be_empty=True,
)

CORE_GROUP_TOTALS = Table(
    name="core.group_totals",
    part="market_caps",
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
            derived_from=("core.market_cap_grid.market_cap_usd", "core.buckets.market_cap_usd"),
        ),
        Column("n_assets", DType.INT, "Coins in the sum"),
    ),
    as_of="ts",
)

CORE_SERIES = Table(
    name="core.series",
    part="market_caps",
    grain="one series of one category",
    key=("category", "series"),
    description="How each series is named on charts and in which order it is shown.",
    columns=(
        _CATEGORY,
        _SERIES,
        Column("label", DType.TEXT, "Name for people: a symbol, a narrative, or a range such as $1B to $10B"),
        Column("sort_order", DType.INT, "Place within the category, from 1"),
        Column(
            "n_left_out",
            DType.INT,
            "Coins that exclude_categories leaves out: of a narrative those above its last coin in use, of a range "
            "those in it at the last grid time; null of other series",
            nullable=True,
            derived_from=("raw.narrative_members.coin_id", "core.market_cap_grid.coin_id"),
        ),
        Column(
            "left_out_usd",
            DType.FLOAT,
            "Their market cap",
            "USD",
            nullable=True,
            derived_from=("raw.narrative_members.market_cap_usd", "core.market_cap_grid.market_cap_usd"),
        ),
    ),
)

_METRIC_KEY = ("category", "series", "base_asset", "ts")

MART_NORMALIZED = Table(
    name="mart.normalized",
    part="market_caps",
    grain="one series in one base at one grid time",
    key=_METRIC_KEY,
    description=(
        "Market cap in the base asset, divided by its first valid value in the window, so each curve starts at 1. "
        "The window slides: values are comparable within one publish, not between two."
    ),
    columns=(
        _CATEGORY,
        _SERIES,
        _BASE,
        _TS,
        _value("Market cap relative to the window's start", "start = 1", "core.group_totals.market_cap_usd"),
    ),
    as_of="ts",
)

MART_EMA = Table(
    name="mart.ema",
    part="market_caps",
    grain="one series in one base and one EMA period at one grid time",
    key=("category", "series", "base_asset", "ema_period", "ts"),
    description="Exponential moving average of mart.normalized: y[0] = x[0], alpha = 2 / (period + 1).",
    columns=(
        _CATEGORY,
        _SERIES,
        _BASE,
        _EMA,
        _TS,
        _value("Smoothed relative market cap", "start = 1", "mart.normalized.value"),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_DERIVATIVES = Table(
    name="mart.derivatives",
    part="market_caps",
    grain="one series in one base, EMA period and order at one grid time",
    key=("category", "series", "base_asset", "ema_period", "diff_order", "ts"),
    description=(
        "Growth (order 1), inflection (order 2) and higher differences per grid step: of market caps, so mostly of "
        "prices, and no measure of money that came in. Groups: differences of the "
        "normalized or EMA curve, each order smoothed before the next. Ranges: differences over the coins that were "
        "in the range one (growth) or two (inflection) steps before, the EMA taken last."
    ),
    columns=(
        _CATEGORY,
        _SERIES,
        _BASE,
        _EMA,
        _ORDER,
        _TS,
        _value(
            "Difference of that order",
            "start = 1, per grid step",
            "mart.normalized.value",
            "mart.ema.value",
            "core.buckets.market_cap_usd",
        ),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_UNIT_NORMALIZED = Table(
    name="mart.unit_normalized",
    part="market_caps",
    grain="one series in one base, EMA period and order at one grid time",
    key=("category", "series", "base_asset", "ema_period", "diff_order", "ts"),
    description=(
        "Values scaled at each time across the series of the same category, base, EMA period and order: "
        "the largest is 1, the smallest 0; null where all are equal."
    ),
    columns=(
        _CATEGORY,
        _SERIES,
        _BASE,
        _EMA,
        _ORDER,
        _TS,
        _value(
            "Place between the smallest and the largest series",
            "0 to 1",
            "mart.normalized.value",
            "mart.ema.value",
            "mart.derivatives.value",
        ),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_METRICS = Table(
    name="mart.metrics",
    part="market_caps",
    grain="one value of any of the four metric tables",
    key=("category", "series", "base_asset", "ema_period", "diff_order", "is_unit", "ts"),
    description="mart.normalized, mart.ema, mart.derivatives and mart.unit_normalized as one long view.",
    columns=(
        _CATEGORY,
        _SERIES,
        _BASE,
        _EMA,
        _ORDER,
        Column("is_unit", DType.BOOL, "True for values scaled to 0..1 across series"),
        _TS,
        _value(
            "The metric",
            "",
            "mart.normalized.value",
            "mart.ema.value",
            "mart.derivatives.value",
            "mart.unit_normalized.value",
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
)

MART_PERCENT_GAINS = Table(
    name="mart.percent_gains",
    part="market_caps",
    grain="one series in one base over one offset",
    key=("category", "series", "base_asset", "hours_ago"),
    description=(
        "Gain of each series' market cap, in the base, from `hours_ago` before `as_of` until `as_of`: mostly that of "
        "prices, not money that came in."
    ),
    columns=(
        _CATEGORY,
        _SERIES,
        _BASE,
        Column("hours_ago", DType.FLOAT, "Length of the look back", "hours"),
        Column("as_of", DType.TIME, "Last grid time", "UTC"),
        Column(
            "gain_pct",
            DType.FLOAT,
            "Gain over the offset; null where it cannot be known",
            "%",
            nullable=True,
            derived_from=("core.group_totals.market_cap_usd", "raw.market_caps.market_cap_usd"),
        ),
        Column("basis", DType.TEXT, "grid, or observations for an offset shorter than a grid step"),
        Column("reason", DType.TEXT, "Why the gain is null", nullable=True),
    ),
    as_of="as_of",
)

MARKET_CAP_TABLES: tuple[Table, ...] = (
    RAW_COINS,
    RAW_MARKET_CAPS,
    RAW_NARRATIVE_MEMBERS,
    RAW_COHORT_MEMBERS,
    RAW_CATEGORY_NAMES,
    RAW_CATEGORY_SNAPSHOTS,
    CORE_COHORT,
    CORE_MARKET_CAP_GRID,
    CORE_BUCKETS,
    CORE_GROUP_TOTALS,
    CORE_SERIES,
    MART_NORMALIZED,
    MART_EMA,
    MART_DERIVATIVES,
    MART_UNIT_NORMALIZED,
    MART_METRICS,
    MART_PERCENT_GAINS,
)
