"""What Yahoo's chart answers mean: parallel arrays as bars, events as corporate actions.

What belongs here: reading one answer. What does not: telling it from a fault (yahoo_faults.py), asking (yahoo.py).
The service publishes no description of this address. Its shape is what its answers were seen to have: prices adjusted
for splits, arrays with nulls, and as last element the session that is still open.
"""

from __future__ import annotations

import logging
import math
from datetime import date, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.complete_sessions import (
    last_complete_new_york_day,
    last_complete_session,
    last_complete_utc_day,
)
from marketflows_pipeline.providers.cross_asset_protocol import ACTION_SCHEMA, BAR_SCHEMA, PriceHistory
from marketflows_pipeline.providers.faults import Fault, RefusedError, ShapeError, one_line
from marketflows_pipeline.providers.yahoo_faults import ErrorObject, is_empty_span

logger = logging.getLogger(__name__)

Figure: TypeAlias = float | None
Figures: TypeAlias = list[Figure]

SOURCE = "yahoo:chart"
DAILY = "1d"
COIN = "CRYPTOCURRENCY"
# What is counted in shares, and whose session ends at the close in New York.
SHARES = frozenset({"ETF", "EQUITY", "MUTUALFUND"})
# The service may list a split before it adjusts prices for it. That shows where the split is larger than a day's moves,
# and heals within days.
TELLING_RATIO = 1.4
HEALS_WITHIN = timedelta(days=30)


class _Meta(msgspec.Struct, rename="camel"):
    symbol: str
    currency: str | None = None
    instrument_type: str | None = None
    exchange_timezone_name: str | None = None
    data_granularity: str | None = None
    first_trade_date: int | None = None


class _Quote(msgspec.Struct):
    open: Figures | None = None
    high: Figures | None = None
    low: Figures | None = None
    close: Figures | None = None
    volume: Figures | None = None


class _Adjusted(msgspec.Struct):
    adjclose: Figures | None = None


class _Indicators(msgspec.Struct):
    quote: list[_Quote] = []
    adjclose: list[_Adjusted] | None = None


class _Dividend(msgspec.Struct):
    date: int
    amount: float


class _Split(msgspec.Struct):
    date: int
    numerator: float
    denominator: float


class _Events(msgspec.Struct):
    dividends: dict[str, _Dividend] = {}
    splits: dict[str, _Split] = {}


class _Result(msgspec.Struct):
    meta: _Meta
    indicators: _Indicators
    timestamp: list[int] | None = None
    events: _Events | None = None


class _Chart(msgspec.Struct):
    result: list[_Result] | None = None
    error: ErrorObject | None = None


class _Body(msgspec.Struct):
    chart: _Chart


def read_history(body: object, *, symbol: str, asked: str, start: date, end: date, now: datetime) -> PriceHistory:
    """Bars of the complete sessions from `start` to `end`, and the actions from `start` on, of one answer.

    Prices that are not positive are null; a session without a close is left out; of two rows of one session the later
    one counts. Actions after `end` stay in, because the prices are adjusted for them already; announced ones do not.

    Args:
        body: the parsed JSON.
        symbol: what the asset is called in tables.
        asked: its symbol at the service.
        start: first session.
        end: last session.
        now: present moment, which tells the open session from complete ones.

    Raises:
        ShapeError: not of the known shape, not in dollars, not daily, of another symbol, or not adjusted for a split
            that it lists.
        RefusedError: the service knows no such symbol, which it may also tell by an empty shell.
    """
    chart = _converted(body)
    if chart.result is None and chart.error is not None and is_empty_span(chart.error):
        return PriceHistory(BAR_SCHEMA.to_frame(), ACTION_SCHEMA.to_frame())
    if not chart.result:
        raise ShapeError("`chart.result` should hold an object, and is empty")
    result = chart.result[0]
    zone, last_complete = _times_of(result.meta, bool(result.timestamp), asked, now)
    is_coin = result.meta.instrument_type == COIN
    rows = _rows(result, zone).with_columns(
        symbol=pl.lit(symbol),
        as_traded_close_usd=pl.lit(None, pl.Float64()),
        # What is neither a share nor a coin is counted in contracts, which no price makes dollars of.
        volume=pl.col("volume") if is_coin or result.meta.instrument_type in SHARES else pl.lit(None, pl.Float64()),
        volume_unit=pl.lit("usd" if is_coin else "shares"),
        source=pl.lit(SOURCE),
    )
    complete = rows.filter(pl.col("session").is_between(start, min(end, last_complete)))
    bars = complete.filter(pl.col("close_usd").is_not_null()).unique("session", keep="last", maintain_order=True)
    _log_left_out(complete, symbol)
    actions = _actions(result.events or _Events(), zone, now).with_columns(symbol=pl.lit(symbol), source=pl.lit(SOURCE))
    _check_adjusted(rows, actions.filter(action="split"), asked, now)
    return PriceHistory(
        bars.select(BAR_SCHEMA.names()).sort("session"),
        actions.filter(pl.col("session") >= start).select(ACTION_SCHEMA.names()).sort("session", "action"),
    )


def _converted(body: object) -> _Chart:
    try:
        return msgspec.convert(body, _Body).chart
    except msgspec.ValidationError as fault:
        raise ShapeError(one_line(str(fault))) from fault


def _times_of(meta: _Meta, has_rows: bool, asked: str, now: datetime) -> tuple[str, date]:
    """The zone that sessions are dated in and the newest complete one, once it is sure what the answer is about."""
    if not has_rows and meta.currency is None and meta.first_trade_date is None:
        raise RefusedError(Fault(NotFoundError, f"the service knows nothing of {asked}"), {})
    if meta.symbol.upper() != asked.upper():
        raise ShapeError(f"{asked} was asked for and {meta.symbol} answered: is that its provider_symbol now?")
    if meta.currency != "USD":
        raise ShapeError(f"{asked} is quoted in {meta.currency}; only prices in USD are understood")
    if meta.data_granularity not in {None, DAILY}:
        raise ShapeError(f"bars of {meta.data_granularity} came where daily ones were asked for")
    if meta.instrument_type is None:
        raise ShapeError("`instrumentType` is missing, so nobody knows whether volume is shares or dollars")
    if meta.instrument_type == COIN:
        return "UTC", last_complete_utc_day(now)
    try:
        zone = ZoneInfo(meta.exchange_timezone_name or "").key
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise ShapeError(f"`exchangeTimezoneName` is {meta.exchange_timezone_name!r}, which is no time zone") from fault
    in_shares = meta.instrument_type in SHARES
    return zone, last_complete_session(now) if in_shares else last_complete_new_york_day(now)


def _rows(result: _Result, zone: str) -> pl.DataFrame:
    """All rows of the answer in its own order, their figures sound or null."""
    stamps = result.timestamp or []
    quote = result.indicators.quote[0] if result.indicators.quote else _Quote()
    adjusted = result.indicators.adjclose[0] if result.indicators.adjclose else _Adjusted()
    figures = {
        "open_usd": quote.open,
        "high_usd": quote.high,
        "low_usd": quote.low,
        "close_usd": quote.close,
        "adjusted_close_usd": adjusted.adjclose,
        "volume": quote.volume,
    }
    for name, column in figures.items():
        if column is not None and len(column) != len(stamps):
            raise ShapeError(f"{len(column)} values of {name} for {len(stamps)} timestamps")
    if stamps and quote.close is None:
        raise ShapeError("`indicators.quote[0].close` is missing")
    known = {name: column if column is not None else [None] * len(stamps) for name, column in figures.items()}
    prices = [name for name in figures if name != "volume"]
    return (
        pl.DataFrame(
            {"at": stamps, **known}, schema={"at": pl.Int64(), **{name: pl.Float64() for name in figures}}, strict=True
        )
        .with_columns(_session("at", zone), is_priced=pl.col("close_usd").is_not_null())
        .with_columns(
            *(_where(pl.col(name) > 0, name) for name in prices),
            _where(pl.col("volume") >= 0, "volume"),
        )
    )


def _where(condition: pl.Expr, name: str) -> pl.Expr:
    return pl.when(condition & pl.col(name).is_finite()).then(pl.col(name)).alias(name)


def _session(stamp: str, zone: str) -> pl.Expr:
    """The date that a stamp in seconds falls on there, be it the open, a coin's midnight or the last trade."""
    at = pl.from_epoch(stamp, time_unit="s").dt.replace_time_zone("UTC")
    return at.dt.convert_time_zone(zone).dt.date().alias("session")


def _log_left_out(rows: pl.DataFrame, symbol: str) -> None:
    empty = rows.filter(~pl.col("is_priced")).height
    unsound = rows.filter(pl.col("is_priced") & pl.col("close_usd").is_null()).height
    if unsound:
        logger.warning("yahoo %s: %d sessions left out whose close is not above 0", symbol, unsound)
    if empty:
        logger.debug("yahoo %s: %d sessions left out without a close", symbol, empty)


def _actions(events: _Events, zone: str, now: datetime) -> pl.DataFrame:
    """Dividends and splits until now, each kind once a session: dividends of one session add up, splits multiply."""
    dividends = [each for each in events.dividends.values() if each.date <= now.timestamp()]
    splits = [each for each in events.splits.values() if each.date <= now.timestamp()]
    for split in splits:
        if not (split.numerator > 0 and split.denominator > 0):
            raise ShapeError(f"a split of {split.numerator:g} to {split.denominator:g}")
    schema = {"at": pl.Int64(), "value": pl.Float64()}
    paid = pl.DataFrame({"at": [each.date for each in dividends], "value": [each.amount for each in dividends]}, schema)
    divided = pl.DataFrame(
        {"at": [each.date for each in splits], "value": [each.numerator / each.denominator for each in splits]}, schema
    )
    return pl.concat(
        [
            frame.with_columns(_session("at", zone), action=pl.lit(action)).group_by("session", "action").agg(value)
            for frame, action, value in (
                (paid.filter(pl.col("value").is_finite() & (pl.col("value") > 0)), "dividend", pl.col("value").sum()),
                (divided, "split", pl.col("value").product()),
            )
        ]
    )


def _check_adjusted(rows: pl.DataFrame, splits: pl.DataFrame, asked: str, now: datetime) -> None:
    """Refuse closes that jump by a fresh split instead of going on: whoever undoes the split would undo it twice."""
    closes = rows.filter(pl.col("close_usd").is_not_null()).sort("at")
    for session, ratio in splits.select("session", "value").iter_rows():
        before = closes.filter(pl.col("session") < session)["close_usd"]
        after = closes.filter(pl.col("session") >= session)["close_usd"]
        if before.is_empty() or after.is_empty() or 1 / TELLING_RATIO < ratio < TELLING_RATIO:
            continue
        move = math.log(after[0] / before[-1])
        if abs(move + math.log(ratio)) >= abs(move):
            continue
        found = f"{asked} was split {ratio:g} for 1 on {session}, and its prices are not adjusted for that"
        if session > now.date() - HEALS_WITHIN:
            raise ShapeError(f"{found} yet: a later run asks again")
        logger.warning("yahoo: %s, as it seems; figures before that day are doubtful", found)
