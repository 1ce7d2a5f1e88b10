"""Tables of the chained index: closes that are never rewritten, who was a member, and what each coin contributed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from marketflows_pipeline.schema.columns import COIN, flag, integer, moment, number, pct, text, usd
from marketflows_pipeline.schema.model import Column, Table

_table = partial(Table, part="market_caps", may_be_empty=True)

_CATEGORY = text("category", "Narratives or Portfolios")
_SERIES = text("series", "Narrative slug or portfolio name")
_BASE = text("base_asset", "What the index is divided by: us-dollar or a coin id")
_CLOSE = moment("ts", "Daily close at 00:00 UTC")
_VERSION = integer(
    "index_version", "1, and one more from each close at which a changed rule began; chained, so without a step"
)
_RULE_SOURCES = ("raw.market_caps.price_usd", "core.narrative_constituents.units")
_LEVELS = (
    _VERSION,
    text("weighting", "cap, capped (at most the larger of 25 % and 1/n) or equal"),
    number(
        "price_index",
        "What fixed units of the members are worth, without issuance; in a coin divided by the coin's price relative",
        *_RULE_SOURCES,
        unit="base = 1000",
        nullable=False,
    ),
    number(
        "cap_index",
        "The same weights on market caps, which contain issuance; in a coin divided by the coin's cap relative",
        "raw.market_caps.market_cap_usd",
        "core.narrative_constituents.weight",
        unit="base = 1000",
        nullable=False,
    ),
    integer("n", "Coins held up to this close"),
    pct(
        "coverage_pct",
        "Share of the level whose price is known at this close; the rest is held at its last one",
        nullable=False,
    ),
    pct("turnover_pct", "Half of what the weights changed by where members were set anew at this close; null else"),
    flag("is_backfilled", "Before the first stored list of members: made with later members, by hindsight"),
)


def _of_both(column: Column) -> Column:
    return replace(
        column, derived_from=tuple(f"core.{name}.{column.name}" for name in ("index_closes", "index_latest"))
    )


NARRATIVE_INDEX_TABLES: tuple[Table, ...] = (
    _table(
        name="core.narrative_constituents",
        grain="one member of one index from one reconstitution on",
        key=("category", "series", "coin_id", "effective_from"),
        description=(
            "Who is in each index, with which weight, and since when: set at a close by what was known then, and held "
            "to the next reconstitution. Rows stay for ever; only effective_to is filled in later, and units and price "
            "of a coin that is redenominated are restated in its new unit."
        ),
        columns=(
            _VERSION,
            _CATEGORY,
            _SERIES,
            COIN,
            moment("effective_from", "Close at which it was set; it earns from there on"),
            moment("effective_to", "Close of the next reconstitution; null while it holds", nullable=True),
            integer(
                "rank",
                "Place among eligible coins of the list known at that close, by market cap; of a portfolio as "
                "configured",
                "raw.narrative_members.rank",
            ),
            number("weight", "Share of the index at that close", unit="1 = all", nullable=False),
            number("units", "weight / price_usd, held until the next reconstitution", unit="coins", nullable=False),
            flag("is_incumbent", "Whether it was a member before"),
            text("reason", "Why it is a member"),
            usd("price_usd", "Price at that close", "raw.market_caps.price_usd", nullable=False),
            usd("market_cap_usd", "Market cap at that close", "raw.market_caps.market_cap_usd", nullable=False),
            text("rule", "The rule in words"),
        ),
        as_of="effective_from",
        replaces="merge",
    ),
    _table(
        name="core.index_closes",
        grain="one index in one base at one final close",
        key=("category", "series", "base_asset", "ts"),
        description=(
            "The chained index at its final closes, base 1,000. Rows are only added: no moving window, fetched history "
            "or revised price changes a stored close. A close is final once every member has a price or the service "
            "has answered or refused a request for its history, at the latest 48 hours after."
        ),
        columns=(
            _CATEGORY,
            _SERIES,
            _BASE,
            _CLOSE,
            *_LEVELS,
            usd(
                "base_price_usd",
                "Price of the base asset that the price index was divided by; null in us-dollar",
                "raw.market_caps.price_usd",
            ),
            usd(
                "base_cap_usd",
                "Its market cap, which the cap index was divided by; null in us-dollar",
                "raw.market_caps.market_cap_usd",
            ),
        ),
        as_of="ts",
        replaces="merge",
    ),
    _table(
        name="core.index_latest",
        grain="one index in one base at one time since its last final close",
        key=("category", "series", "base_asset", "ts"),
        description=(
            "What the last final close's members are worth at later closes and now. Provisional: made anew by each run."
        ),
        columns=(
            _CATEGORY,
            _SERIES,
            _BASE,
            replace(_CLOSE, description="A close that is not final yet, or now"),
            *_LEVELS,
        ),
        as_of="ts",
    ),
    _table(
        name="mart.narrative_index",
        grain="one index in one base at one close, or at the latest time",
        key=("category", "series", "base_asset", "ts"),
        description=(
            "The chained index of each narrative and portfolio, base 1,000: members as known at each reconstitution, "
            "units fixed until the next, so no change of members, window or supply moves its level. Final closes and, "
            "marked is_provisional, what came after. Returns are of prices: no measure of money that came in."
        ),
        columns=(
            *map(_of_both, (_CATEGORY, _SERIES, _BASE)),
            _of_both(replace(_CLOSE, description="Daily close at 00:00 UTC; of provisional rows also the latest time")),
            *map(_of_both, _LEVELS),
            flag("is_provisional", "Not final: the last final close's members at later prices"),
        ),
        as_of="ts",
        view_sql="""
        select category, series, base_asset, ts, index_version, weighting, price_index, cap_index, n, coverage_pct,
               turnover_pct, is_backfilled, false as is_provisional from core.index_closes
        union all
        select category, series, base_asset, ts, index_version, weighting, price_index, cap_index, n, coverage_pct,
               turnover_pct, is_backfilled, true from core.index_latest
    """,
    ),
    _table(
        name="mart.index_contributions",
        grain="one member of one index over the day before one final close",
        key=("category", "series", "coin_id", "ts"),
        description=(
            "How many index points of the US-dollar price index are in each coin, before and at each final close. Over "
            "a window a coin contributed 100 * sum(points - points_before) / the level at the window's start, in "
            "percent."
        ),
        columns=(
            _CATEGORY,
            _SERIES,
            COIN,
            _CLOSE,
            number(
                "points_before",
                "At the close before, after a reconstitution there",
                unit="index points",
                nullable=False,
            ),
            number(
                "points", "At this close, before a reconstitution", *_RULE_SOURCES, unit="index points", nullable=False
            ),
            number("cap_points", "The same of the cap index", unit="index points", nullable=False),
            pct(
                "contribution_pct",
                "Weight at the close before times return since: they sum to the index's return",
                nullable=False,
            ),
        ),
        as_of="ts",
        replaces="merge",
    ),
)
