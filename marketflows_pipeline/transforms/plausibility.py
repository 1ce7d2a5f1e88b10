"""Find stored values that cannot be true: bounds of every measured column and of every time.

A null is missing, never impossible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl

from marketflows_pipeline.schema import DType, Table, table
from marketflows_pipeline.transforms.market_caps.observations import MAX_CAP_USD
from marketflows_pipeline.transforms.time_span import CLOCK_TOLERANCE, COINS_SINCE, FUNDS_SINCE, OWN_FILES_SINCE

# No amount of dollars in this world is larger than a market cap can be.
MAX_USD = MAX_CAP_USD
# A hundred thousand times all bitcoins there will ever be.
MAX_BTC = 2.1e12
MAX_VOLATILITY = 1e4
# The dollar index stands near 100, yields below 20 %.
MAX_REFERENCE = 1e4

_COINS, _FUNDS, _OWN_FILES = (since.date() for since in (COINS_SINCE, FUNDS_SINCE, OWN_FILES_SINCE))
OWN_FILES = "folder:"

# A session's date is that of its place: the first to have a new day are 14 hours ahead of UTC.
EARLIEST_ZONE = timedelta(hours=14)
# Rows of earlier versions have the start of their run as fetched_at, and a first run may ask for histories all day.
LONGEST_RUN = timedelta(days=1)


@dataclass(frozen=True)
class Bound:
    """What a measured column can hold; anything that is not finite never.

    Attributes:
        column: its name.
        least: lowest value; None for no limit.
        most: highest value; None for no limit.
        is_above: whether `least` itself is impossible too.
    """

    column: str
    least: float | None = 0.0
    most: float | None = MAX_USD
    is_above: bool = False

    @property
    def expected(self) -> str:
        """The limits in words."""
        limits = []
        if self.least is not None:
            limits.append(f"{'more than' if self.is_above else 'at least'} {self.least:g}")
        if self.most is not None:
            limits.append(f"at most {self.most:g}")
        return " and ".join(limits) or "a finite number"


@dataclass(frozen=True)
class TimeBound:
    """What a time or date column can hold: nothing before a day, nothing after it was fetched or after now.

    Attributes:
        column: its name.
        earliest: first day.
        earliest_of_own_files: the same for rows that come from the user's own files.
        ahead: how far after its row's ``fetched_at`` a time may lie.
        may_be_ahead: whether a date in the future is no fault, as of a split that was announced.
    """

    column: str
    earliest: date = _COINS
    earliest_of_own_files: date | None = None
    ahead: timedelta = CLOCK_TOLERANCE
    may_be_ahead: bool = False

    def latest(self, entry: Table) -> Mapping[str, timedelta]:
        """How far after each of ``now`` and, where the table has it, ``fetched_at`` its values may lie."""
        is_date = entry.column(self.column).dtype is DType.DATE
        of = {"now": CLOCK_TOLERANCE, "fetched_at": self.ahead}
        known = {name: EARLIEST_ZONE if is_date else ahead for name, ahead in of.items()}
        return (
            {} if self.may_be_ahead else {name: known[name] for name in known if name in {"now", *entry.column_names}}
        )


@dataclass(frozen=True)
class Bounds:
    """The bounds of one raw table: of its times and of its measured values."""

    times: tuple[TimeBound, ...]
    values: tuple[Bound, ...] = ()


_OBSERVED = (TimeBound("observed_at"),)
_TS = (TimeBound("ts"),)
_SESSION = (TimeBound("session", _FUNDS, _OWN_FILES),)

BOUNDS: Mapping[str, Bounds] = {
    "raw.market_caps": Bounds(
        (TimeBound("ts", ahead=LONGEST_RUN),),
        (Bound("market_cap_usd", is_above=True), Bound("price_usd"), Bound("volume_usd")),
    ),
    # The service lists members without a known cap at 0.
    "raw.narrative_members": Bounds(_OBSERVED, (Bound("market_cap_usd"),)),
    "raw.cohort_members": Bounds(_OBSERVED, (Bound("market_cap_usd", is_above=True),)),
    "raw.category_names": Bounds((TimeBound("last_seen_at"),)),
    "raw.category_snapshots": Bounds(
        _OBSERVED,
        (
            *map(Bound, ("market_cap_usd", "volume_24h_usd")),
            Bound("market_cap_change_24h_pct", least=None, most=None),
        ),
    ),
    "raw.cross_check_caps": Bounds(
        (TimeBound("observed_at"), TimeBound("ts")),
        (Bound("market_cap_usd", is_above=True), Bound("price_usd")),
    ),
    "raw.exchanges": Bounds(_OBSERVED, (Bound("volume_24h_btc", most=MAX_BTC),)),
    "raw.exchange_volumes": Bounds(_TS, (Bound("volume_24h_btc", most=MAX_BTC),)),
    "raw.trending_coins": Bounds(
        _OBSERVED,
        (
            *map(Bound, ("market_cap_usd", "volume_24h_usd", "price_usd")),
            Bound("price_btc", most=MAX_BTC),
            Bound("price_change_24h_pct", least=None, most=None),
        ),
    ),
    "raw.bitcoin_prices": Bounds(_OBSERVED, (Bound("price_usd", is_above=True),)),
    "raw.excluded_coins": Bounds(_OBSERVED),
    "raw.protocols": Bounds(
        _OBSERVED,
        (
            *map(Bound, ("tvl_usd", "mcap_usd")),
            *(Bound(f"change_{days}d_pct", least=None, most=None) for days in (1, 7)),
        ),
    ),
    "raw.cex_snapshots": Bounds(
        _OBSERVED,
        (
            *map(Bound, ("current_tvl_usd", "clean_assets_tvl_usd", "spot_volume_usd", "derivatives_volume_usd")),
            Bound("open_interest_usd"),
            *(Bound(f"inflows_{span}_usd", least=-MAX_USD) for span in ("24h", "1w", "1m")),
            Bound("leverage", most=None),
        ),
    ),
    "raw.centralised_exchanges": Bounds((TimeBound("last_seen_at"),)),
    "raw.exchange_kinds": Bounds((TimeBound("fetched_at"),)),
    "raw.cex_tvl": Bounds(_TS, (Bound("tvl_usd"),)),
    # How many there are of a token says nothing by itself: some were issued by the quadrillion.
    "raw.cex_token_balances": Bounds(_TS, (Bound("quantity", most=None), Bound("value_usd"))),
    "raw.reported_flows": Bounds((TimeBound("session", _OWN_FILES, _OWN_FILES),), (Bound("flow_usd", least=-MAX_USD),)),
    # Yields and spreads can be below 0.
    "raw.reference_series": Bounds(
        (TimeBound("session", _OWN_FILES, _OWN_FILES),), (Bound("value", least=-MAX_REFERENCE, most=MAX_REFERENCE),)
    ),
    "raw.daily_bars": Bounds(
        _SESSION,
        (
            Bound("close_usd", is_above=True),
            *map(Bound, ("open_usd", "high_usd", "low_usd", "adjusted_close_usd", "as_traded_close_usd", "volume")),
        ),
    ),
    "raw.corporate_actions": Bounds(
        (TimeBound("session", _FUNDS, _OWN_FILES, may_be_ahead=True),),
        (Bound("value", is_above=True),),
    ),
    "raw.shares_outstanding": Bounds(_SESSION, tuple(map(Bound, ("shares", "nav_usd", "net_assets_usd")))),
    "raw.volatility_index": Bounds(
        (TimeBound("session", _FUNDS),), (Bound("close", most=MAX_VOLATILITY, is_above=True),)
    ),
}


def implausible(name: str, rows: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """What is impossible in rows of a raw table.

    Args:
        name: ``schema.table``, one of `BOUNDS`.
        rows: all its columns.
        moment: the present, aware.

    Returns:
        The table's key columns, ``column_name`` and ``reason``: one row for each value that is at fault.
    """
    entry, bounds = table(name), BOUNDS[name]
    faults = [
        *map(_value_fault, bounds.values),
        *(fault for each in bounds.times for fault in _time_faults(name, each)),
    ]
    now = pl.lit(moment.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    found = [
        rows.with_columns(now=now)
        .filter(fault.is_at_fault.fill_null(value=False))
        .select(*entry.key, column_name=pl.lit(fault.column), reason=fault.reason)
        for fault in faults
    ]
    return pl.concat(found).sort(entry.key, maintain_order=True)


@dataclass(frozen=True)
class _Fault:
    column: str
    is_at_fault: pl.Expr
    reason: pl.Expr


def _value_fault(bound: Bound) -> _Fault:
    value = pl.col(bound.column)
    is_within = value.is_finite()
    if bound.least is not None:
        is_within &= (value > bound.least) if bound.is_above else (value >= bound.least)
    if bound.most is not None:
        is_within &= value <= bound.most
    reason = pl.format(f"{bound.column} is {{}}: expected {bound.expected}", value)
    return _Fault(bound.column, ~is_within, reason)


def _time_faults(name: str, bound: TimeBound) -> Iterator[_Fault]:
    entry = table(name)
    is_date = entry.column(bound.column).dtype is DType.DATE
    value = pl.col(bound.column)
    shown = _as_text(value, is_date=is_date)
    earliest = pl.lit(bound.earliest)
    if bound.earliest_of_own_files is not None:
        is_own = pl.col("source").str.starts_with(OWN_FILES)
        earliest = pl.when(is_own).then(pl.lit(bound.earliest_of_own_files)).otherwise(earliest)
    words = pl.format(f"{bound.column} is {{}}: expected {{}} or later", shown, _as_text(earliest, is_date=True))
    yield _Fault(bound.column, value < earliest, words)
    if limits := bound.latest(entry):
        last = pl.min_horizontal(pl.col(name) + ahead for name, ahead in limits.items())
        last = last.dt.date() if is_date else last
        words = pl.format(f"{bound.column} is {{}}: expected {{}} or earlier", shown, _as_text(last, is_date=is_date))
        yield _Fault(bound.column, value > last, words)


def _as_text(value: pl.Expr, *, is_date: bool) -> pl.Expr:
    return value.dt.to_string("%Y-%m-%d" if is_date else "%Y-%m-%dT%H:%M:%SZ")
