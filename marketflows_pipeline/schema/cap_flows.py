"""Tables of what moved market caps: attribution, migration between ranges, the chain of each range."""

from __future__ import annotations

from dataclasses import replace

from marketflows_pipeline.schema.model import Column, DType, Table

_COIN = Column("coin_id", DType.TEXT, "Coin id of the market-cap provider")
_CLOSE = Column("ts", DType.TIME, "Daily close, 00:00 UTC", "UTC")
_OBSERVED_CAP, _OBSERVED_PRICE = "raw.market_caps.market_cap_usd", "raw.market_caps.price_usd"
_ATTRIBUTION = "mart.cap_attribution"


def _usd(name: str, description: str, *derived_from: str, nullable: bool = False) -> Column:
    return Column(name, DType.FLOAT, description, "USD", nullable=nullable, derived_from=derived_from)


def _count(name: str, description: str) -> Column:
    return Column(name, DType.INT, description)


_EFFECTS = (
    _usd("price_effect_usd", "Supply at the close before times the change of price"),
    _usd("supply_effect_usd", "Price times the change of supply: issuance, burns, counts; read it over 7 days or more"),
    _usd(
        "large_supply_step_usd",
        "The same where supply moved by more than 10 % and the coin is not pegged, wrapped or a lending receipt: "
        "a size class, no proof of a new count",
    ),
    _usd("timing_usd", "Change of market cap less supply times price, which are not of one instant"),
)

MART_CAP_ATTRIBUTION = Table(
    name=_ATTRIBUTION,
    part="market_caps",
    grain="one followed coin at one daily close",
    key=("coin_id", "ts"),
    description=(
        "What moved each coin's market cap since the close before: change = price + supply + large supply step + "
        "timing, exactly. Closes are the last observation at or before 00:00 UTC, of the last 366 days. Prices and "
        "supplies are in units of the coin's first close here, so that a redenomination is no effect. No effect is "
        "money that came in."
    ),
    columns=(
        _COIN,
        _CLOSE,
        _usd("market_cap_usd", "Market cap at the close", _OBSERVED_CAP),
        _usd("price_usd", "Price of one coin at the close, redenominations restated", _OBSERVED_PRICE),
        Column(
            "supply",
            DType.FLOAT,
            "Trailing median of market cap / price over 7 closes, fewer at a coin's start",
            "coins",
            derived_from=(_OBSERVED_CAP, _OBSERVED_PRICE),
        ),
        Column(
            "circulating_supply",
            DType.FLOAT,
            "What the service's pages gave on the day before the close, redenominations restated; shown, never mixed "
            "with supply",
            "coins",
            nullable=True,
            derived_from=("raw.cohort_members.circulating_supply", "raw.narrative_members.circulating_supply"),
        ),
        _usd("change_usd", "Change of market cap since the close before; null at the coin's first", nullable=True),
        *(replace(column, nullable=True) for column in _EFFECTS),
        Column(
            "is_confirmed",
            DType.BOOL,
            "Of a large supply step, whether circulating_supply moved by more than half of it in the same direction "
            "within the 7 closes of the median; null where there is no large step or the pages did not say",
            nullable=True,
        ),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_CAP_ATTRIBUTION_TOTALS = Table(
    name="mart.cap_attribution_totals",
    part="market_caps",
    grain="one series at one daily close",
    key=("category", "series", "ts"),
    description=(
        "What moved each series' market cap since the close before: change = price + supply + large supply step + "
        "timing + arrivals - departures, exactly. Effects are those of the members at the close before. Narratives by "
        "their stored members, ranges by caps at closes: both from the first stored list on; portfolios by the "
        "settings. Between closes there are totals only (core.group_totals): supply is a median over closes, and a "
        "split by the hour would be noise."
    ),
    columns=(
        Column("category", DType.TEXT, "Narratives, Portfolios or Ranges"),
        Column("series", DType.TEXT, "Narrative slug, portfolio name, or a range's lower limit in whole dollars"),
        _CLOSE,
        _usd("market_cap_before_usd", "Sum over the members at the close before", f"{_ATTRIBUTION}.market_cap_usd"),
        _usd("market_cap_usd", "Sum over the members; 0 where there is none", f"{_ATTRIBUTION}.market_cap_usd"),
        _usd("change_usd", "Change of the sum", f"{_ATTRIBUTION}.market_cap_usd"),
        *(replace(column, derived_from=(f"{_ATTRIBUTION}.{column.name}",)) for column in _EFFECTS),
        _usd("arrivals_usd", "Market cap of coins that came since the close before", f"{_ATTRIBUTION}.market_cap_usd"),
        _usd(
            "departures_usd",
            "Market cap of coins that went, at this close; of those without one any more the last known",
            f"{_ATTRIBUTION}.market_cap_usd",
        ),
        _count("n_members", "Members at this close"),
        _count("n_arrivals", "Coins that came"),
        _count("n_departures", "Coins that went"),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_RANGE_MIGRATION = Table(
    name="mart.range_migration",
    part="market_caps",
    grain="one coin that is in another range than some days before",
    key=("period_days", "ts", "coin_id"),
    description=(
        "Coins that crossed a limit between two daily closes, from the first stored cohort on; before it only today's "
        "survivors are known. A coin's own move stays with the range it came from, and it arrives at its cap after."
    ),
    columns=(
        Column("period_days", DType.INT, "Days between the two closes: 1, 7 or 30", "days"),
        Column("ts_from", DType.TIME, "The earlier close", "UTC"),
        replace(_CLOSE, description="The later close, 00:00 UTC"),
        _COIN,
        Column("from_range", DType.TEXT, "Lower limit in whole dollars; null outside of all ranges", nullable=True),
        Column("to_range", DType.TEXT, "Lower limit in whole dollars; null outside of all ranges", nullable=True),
        _usd(
            "cap_before_usd",
            "Market cap at the earlier close; null where none is stored",
            f"{_ATTRIBUTION}.market_cap_usd",
            nullable=True,
        ),
        _usd(
            "cap_after_usd",
            "Market cap at the later close; null where none is stored",
            f"{_ATTRIBUTION}.market_cap_usd",
            nullable=True,
        ),
        Column(
            "kind",
            DType.TEXT,
            "moved (between ranges), entered or left (across the smallest limit), listed (its complete history begins "
            "in between), delisted (the service no longer has its id)",
        ),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_RANGE_CHAIN = Table(
    name="mart.range_chain",
    part="market_caps",
    grain="one range at one daily close",
    key=("series", "ts"),
    description=(
        "Growth of each range over fixed members, so that crossing a limit is none: members are fixed at 00:00 UTC, "
        "and a coin changes its range only once its cap is 5 % beyond the limit. Of market caps, so mostly of prices. "
        "From the first stored cohort on, within the last 366 days: compare values within one publish, not between two."
    ),
    columns=(
        Column("series", DType.TEXT, "The range's lower limit in whole dollars"),
        _CLOSE,
        Column(
            "chain_index",
            DType.FLOAT,
            "Product of the growth of the members of each close before; null while there is none",
            "1,000 at its first members",
            nullable=True,
            derived_from=(f"{_ATTRIBUTION}.market_cap_usd",),
        ),
        _count("n_members", "Members of the chain at this close"),
        _count("n_kept", "Of these, those past a limit by less than 5 %, which the level counts elsewhere"),
        _usd(
            "level_usd",
            "Total of the range in core.group_totals, where each coin counts where it is; null off its grid",
            "core.group_totals.market_cap_usd",
            nullable=True,
        ),
    ),
    as_of="ts",
    may_be_empty=True,
)

CAP_FLOW_TABLES: tuple[Table, ...] = (
    MART_CAP_ATTRIBUTION,
    MART_CAP_ATTRIBUTION_TOTALS,
    MART_RANGE_MIGRATION,
    MART_RANGE_CHAIN,
)
