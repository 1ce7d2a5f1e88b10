"""Tables of the chained index: closes that are never rewritten, who was a member, and what each coin contributed."""

from __future__ import annotations

from dataclasses import replace

from marketflows_pipeline.schema.model import Column, DType, Table

_CATEGORY = Column("category", DType.TEXT, "Narratives or Portfolios")
_SERIES = Column("series", DType.TEXT, "Narrative slug or portfolio name")
_COIN = Column("coin_id", DType.TEXT, "Coin id of the market-cap provider")
_BASE = Column("base_asset", DType.TEXT, "What the index is divided by: us-dollar or a coin id")
_CLOSE = Column("ts", DType.TIME, "Daily close at 00:00 UTC", "UTC")
_VERSION = Column(
    "index_version",
    DType.INT,
    "1, and one more from each close at which a changed rule began; chained, so without a step",
)
_RULE_SOURCES = ("raw.market_caps.price_usd", "core.narrative_constituents.units")

_LEVELS = (
    _VERSION,
    Column("weighting", DType.TEXT, "cap, capped (at most the larger of 25 % and 1/n) or equal"),
    Column(
        "price_index",
        DType.FLOAT,
        "What fixed units of the members are worth, without issuance; in a coin divided by the coin's price relative",
        "base = 1000",
        derived_from=_RULE_SOURCES,
    ),
    Column(
        "cap_index",
        DType.FLOAT,
        "The same weights on market caps, which contain issuance; in a coin divided by the coin's cap relative",
        "base = 1000",
        derived_from=("raw.market_caps.market_cap_usd", "core.narrative_constituents.weight"),
    ),
    Column("n", DType.INT, "Coins held up to this close"),
    Column(
        "coverage_pct",
        DType.FLOAT,
        "Share of the level whose price is known at this close; the rest is held at its last one",
        "%",
    ),
    Column(
        "turnover_pct",
        DType.FLOAT,
        "Half of what the weights changed by where members were set anew at this close; null else",
        "%",
        nullable=True,
    ),
    Column(
        "is_backfilled", DType.BOOL, "Before the first stored list of members: made with later members, by hindsight"
    ),
)

CORE_NARRATIVE_CONSTITUENTS = Table(
    name="core.narrative_constituents",
    part="market_caps",
    grain="one member of one index from one reconstitution on",
    key=("category", "series", "coin_id", "effective_from"),
    description=(
        "Who is in each index, with which weight, and since when: set at a close by what was known then, and held to "
        "the next reconstitution. Rows stay for ever; only effective_to is filled in later, and units and price of a "
        "coin that is redenominated are restated in its new unit."
    ),
    columns=(
        _VERSION,
        _CATEGORY,
        _SERIES,
        _COIN,
        Column("effective_from", DType.TIME, "Close at which it was set; it earns from there on", "UTC"),
        Column(
            "effective_to", DType.TIME, "Close of the next reconstitution; null while it holds", "UTC", nullable=True
        ),
        Column(
            "rank",
            DType.INT,
            "Place among eligible coins of the list known at that close, by market cap; of a portfolio as configured",
            derived_from=("raw.narrative_members.rank",),
        ),
        Column("weight", DType.FLOAT, "Share of the index at that close", "1 = all"),
        Column("units", DType.FLOAT, "weight / price_usd, held until the next reconstitution", "coins"),
        Column("is_incumbent", DType.BOOL, "Whether it was a member before"),
        Column("reason", DType.TEXT, "Why it is a member"),
        Column("price_usd", DType.FLOAT, "Price at that close", "USD", derived_from=("raw.market_caps.price_usd",)),
        Column(
            "market_cap_usd",
            DType.FLOAT,
            "Market cap at that close",
            "USD",
            derived_from=("raw.market_caps.market_cap_usd",),
        ),
        Column("rule", DType.TEXT, "The rule in words"),
    ),
    as_of="effective_from",
    replaces="merge",
    may_be_empty=True,
)

CORE_INDEX_CLOSES = Table(
    name="core.index_closes",
    part="market_caps",
    grain="one index in one base at one final close",
    key=("category", "series", "base_asset", "ts"),
    description=(
        "The chained index at its final closes, base 1,000. Rows are only added: no moving window, fetched history or "
        "revised price changes a stored close. A close is final once every member has a price or the service has "
        "answered or refused a request for its history, at the latest 48 hours after."
    ),
    columns=(
        _CATEGORY,
        _SERIES,
        _BASE,
        _CLOSE,
        *_LEVELS,
        Column(
            "base_price_usd",
            DType.FLOAT,
            "Price of the base asset that the price index was divided by; null in us-dollar",
            "USD",
            nullable=True,
            derived_from=("raw.market_caps.price_usd",),
        ),
        Column(
            "base_cap_usd",
            DType.FLOAT,
            "Its market cap, which the cap index was divided by; null in us-dollar",
            "USD",
            nullable=True,
            derived_from=("raw.market_caps.market_cap_usd",),
        ),
    ),
    as_of="ts",
    replaces="merge",
    may_be_empty=True,
)

CORE_INDEX_LATEST = Table(
    name="core.index_latest",
    part="market_caps",
    grain="one index in one base at one time since its last final close",
    key=("category", "series", "base_asset", "ts"),
    description=(
        "What the last final close's members are worth at later closes and now. Provisional: made anew by each run."
    ),
    columns=(_CATEGORY, _SERIES, _BASE, replace(_CLOSE, description="A close that is not final yet, or now"), *_LEVELS),
    as_of="ts",
    may_be_empty=True,
)


def _of_both(column: Column) -> Column:
    return replace(
        column, derived_from=tuple(f"core.{name}.{column.name}" for name in ("index_closes", "index_latest"))
    )


MART_NARRATIVE_INDEX = Table(
    name="mart.narrative_index",
    part="market_caps",
    grain="one index in one base at one close, or at the latest time",
    key=("category", "series", "base_asset", "ts"),
    description=(
        "The chained index of each narrative and portfolio, base 1,000: members as known at each reconstitution, units "
        "fixed until the next, so no change of members, window or supply moves its level. Final closes and, marked "
        "is_provisional, what came after. Returns are of prices: no measure of money that came in."
    ),
    columns=(
        *map(_of_both, (_CATEGORY, _SERIES, _BASE)),
        _of_both(replace(_CLOSE, description="Daily close at 00:00 UTC; of provisional rows also the latest time")),
        *map(_of_both, _LEVELS),
        Column("is_provisional", DType.BOOL, "Not final: the last final close's members at later prices"),
    ),
    as_of="ts",
    may_be_empty=True,
    view_sql="""
        select category, series, base_asset, ts, index_version, weighting, price_index, cap_index, n, coverage_pct,
               turnover_pct, is_backfilled, false as is_provisional from core.index_closes
        union all
        select category, series, base_asset, ts, index_version, weighting, price_index, cap_index, n, coverage_pct,
               turnover_pct, is_backfilled, true from core.index_latest
    """,
)

MART_INDEX_CONTRIBUTIONS = Table(
    name="mart.index_contributions",
    part="market_caps",
    grain="one member of one index over the day before one final close",
    key=("category", "series", "coin_id", "ts"),
    description=(
        "How many index points of the US-dollar price index are in each coin, before and at each final close. Over a "
        "window a coin contributed 100 * sum(points - points_before) / the level at the window's start, in percent."
    ),
    columns=(
        _CATEGORY,
        _SERIES,
        _COIN,
        _CLOSE,
        Column("points_before", DType.FLOAT, "At the close before, after a reconstitution there", "index points"),
        Column(
            "points", DType.FLOAT, "At this close, before a reconstitution", "index points", derived_from=_RULE_SOURCES
        ),
        Column("cap_points", DType.FLOAT, "The same of the cap index", "index points"),
        Column(
            "contribution_pct",
            DType.FLOAT,
            "Weight at the close before times return since: they sum to the index's return",
            "%",
        ),
    ),
    as_of="ts",
    replaces="merge",
    may_be_empty=True,
)

NARRATIVE_INDEX_TABLES: tuple[Table, ...] = (
    CORE_NARRATIVE_CONSTITUENTS,
    CORE_INDEX_CLOSES,
    CORE_INDEX_LATEST,
    MART_NARRATIVE_INDEX,
    MART_INDEX_CONTRIBUTIONS,
)
