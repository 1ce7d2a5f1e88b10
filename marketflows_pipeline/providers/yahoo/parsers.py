"""Parser of Yahoo's charts: parallel arrays to bars, events to corporate actions.

The service publishes no description of this endpoint. Its responses were seen to have prices adjusted
for splits, arrays with nulls, and as last element the session that is still open.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.bad_rows import BadRows
from marketflows_pipeline.providers.complete_sessions import (
    last_complete_new_york_day,
    last_complete_session,
    last_complete_utc_day,
)
from marketflows_pipeline.providers.http.responses import Classification, FailedResponseError, ParseError, one_line
from marketflows_pipeline.providers.parsing import Figure, Row, parse_row
from marketflows_pipeline.providers.protocols.cross_asset import ACTION_SCHEMA, BAR_SCHEMA, PriceHistory
from marketflows_pipeline.providers.yahoo.actions_parser import (
    Events,
    check_adjusted,
    read_actions,
    seconds_of,
    session_of,
)
from marketflows_pipeline.providers.yahoo.errors import ErrorObject, is_empty_span
from marketflows_pipeline.transforms.cross_asset.session_bars import is_no_new_york_day, is_outside, one_bar_a_session
from marketflows_pipeline.transforms.time_span import FUNDS_SINCE, TimeSpan

logger = logging.getLogger(__name__)

# Values are parsed one by one, so that a bad one spoils only its row.
Values: TypeAlias = list[object]

SOURCE = "yahoo:chart"
DAILY = "1d"
COIN = "CRYPTOCURRENCY"
# What is counted in shares, and whose session ends at the close in New York.
SHARES = frozenset({"ETF", "EQUITY", "MUTUALFUND"})
A_DAY = timedelta(days=1)
_NAMED = 5


class _Meta(msgspec.Struct, rename="camel"):
    symbol: str
    currency: str | None = None
    instrument_type: str | None = None
    exchange_timezone_name: str | None = None
    data_granularity: str | None = None
    first_trade_date: object = None


class _Quote(msgspec.Struct):
    open: Values | None = None
    high: Values | None = None
    low: Values | None = None
    close: Values | None = None
    volume: Values | None = None


class _Adjusted(msgspec.Struct):
    adjclose: Values | None = None


class _Indicators(msgspec.Struct):
    quote: list[_Quote] = []
    adjclose: list[_Adjusted] | None = None


class _Result(msgspec.Struct):
    meta: _Meta
    indicators: _Indicators
    timestamp: Values | None = None
    events: Events | None = None


class _Chart(msgspec.Struct):
    result: list[_Result] | None = None
    error: ErrorObject | None = None


class _Bar(Row):
    open_usd: Figure
    high_usd: Figure
    low_usd: Figure
    close_usd: Figure
    adjusted_close_usd: Figure
    volume: Figure


class _Body(msgspec.Struct):
    chart: _Chart


def read_history(body: object, *, symbol: str, requested: str, start: date, end: date, now: datetime) -> PriceHistory:
    """Bars of the complete sessions from `start` to `end`, and the actions from `start` on, of one response.

    Prices that are not positive are null; a session without a close is left out; rows of one session become one bar
    (see `one_bar_a_session`). A low and high that the open or close lies outside of are null, and a fund's row of a day
    on which New York does not trade is left out, both with a warning. Actions after `end` stay in, because the prices
    are adjusted for them already; announced ones do not.

    A row or action is left out, with a warning, where its time is no number or cannot be, or a figure is neither a
    finite number nor, in a row, null. Rows cannot be more than two days before `start`. ``requested`` is the symbol at
    the service; the present moment tells the open session from complete ones.

    Raises:
        ParseError: not of the known shape, not in dollars, not daily, of another symbol, not adjusted for a split that
            it lists, or too many rows or actions would be left out.
        FailedResponseError: the service does not know the symbol: an empty result without currency.
    """
    chart = _chart_of(body)
    if chart.result is None and chart.error is not None and is_empty_span(chart.error):
        return PriceHistory(BAR_SCHEMA.to_frame(), ACTION_SCHEMA.to_frame())
    if not chart.result:
        raise ParseError("`chart.result` should hold an object, and is empty")
    result = chart.result[0]
    zone, last_complete = _times_of(result.meta, bool(result.timestamp), requested, now)
    is_coin = result.meta.instrument_type == COIN
    bad_rows = BadRows(f"yahoo {symbol}", "rows and actions")
    first_moment = datetime.combine(start - A_DAY, time(), UTC)
    span = TimeSpan.window(first_moment, step=A_DAY, since=FUNDS_SINCE, now=now)
    rows = _rows(result, zone, span, bad_rows).with_columns(
        symbol=pl.lit(symbol),
        as_traded_close_usd=pl.lit(None, pl.Float64()),
        # What is neither a share nor a coin is counted in contracts, which no price makes dollars of.
        volume=pl.col("volume") if is_coin or result.meta.instrument_type in SHARES else pl.lit(None, pl.Float64()),
        volume_unit=pl.lit("usd" if is_coin else "shares"),
        source=pl.lit(SOURCE),
    )
    complete = rows.filter(pl.col("session").is_between(start, min(end, last_complete)))
    if result.meta.instrument_type in SHARES:
        complete = _traded(complete, symbol)
    bars = _plausible(one_bar_a_session(complete.filter(pl.col("close_usd").is_not_null())), symbol)
    _log_left_out(complete, symbol)
    actions = read_actions(result.events or Events(), zone, now, bad_rows).with_columns(
        symbol=pl.lit(symbol), source=pl.lit(SOURCE)
    )
    bad_rows.log()
    check_adjusted(rows, actions.filter(action="split"), requested, now)
    return PriceHistory(
        bars.select(BAR_SCHEMA.names()).sort("session"),
        actions.filter(pl.col("session") >= start).select(ACTION_SCHEMA.names()).sort("session", "action"),
    )


def _chart_of(body: object) -> _Chart:
    try:
        return msgspec.convert(body, _Body).chart
    except msgspec.ValidationError as error:
        raise ParseError(one_line(str(error))) from error


def _times_of(meta: _Meta, has_rows: bool, requested: str, now: datetime) -> tuple[str, date]:
    """The zone that sessions are dated in and the newest complete session, once the response is known to be right."""
    if not has_rows and meta.currency is None and meta.first_trade_date is None:
        raise FailedResponseError(Classification(NotFoundError, f"the service does not know {requested}"))
    if meta.symbol.upper() != requested.upper():
        raise ParseError(
            f"{requested} was requested, {one_line(meta.symbol)} returned: is that its provider_symbol now?"
        )
    if meta.currency != "USD":
        raise ParseError(f"{requested} is quoted in {one_line(str(meta.currency))}; only prices in USD are supported")
    if meta.data_granularity not in {None, DAILY}:
        raise ParseError(f"bars of {one_line(str(meta.data_granularity))} came where daily ones were requested")
    if meta.instrument_type is None:
        raise ParseError("`instrumentType` is missing, so volume may be shares or dollars")
    if meta.instrument_type == COIN:
        return "UTC", last_complete_utc_day(now)
    try:
        zone = ZoneInfo(meta.exchange_timezone_name or "").key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        found = one_line(repr(meta.exchange_timezone_name))
        raise ParseError(f"`exchangeTimezoneName` is {found}, which is no time zone") from error
    in_shares = meta.instrument_type in SHARES
    return zone, last_complete_session(now) if in_shares else last_complete_new_york_day(now)


def _rows(result: _Result, zone: str, span: TimeSpan, bad_rows: BadRows) -> pl.DataFrame:
    """The good rows of the response in its own order; figures that are not positive are null."""
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
            raise ParseError(f"{len(column)} values of {name} for {len(stamps)} timestamps")
    if stamps and quote.close is None:
        raise ParseError("`indicators.quote[0].close` is missing")
    known = {name: column if column is not None else [None] * len(stamps) for name, column in figures.items()}
    rows = [
        (stamp, dict(zip(figures, values, strict=True))) for stamp, *values in zip(stamps, *known.values(), strict=True)
    ]

    def parse(row: tuple[object, dict[str, object]]) -> tuple[object, ...]:
        return seconds_of(row[0], span), *msgspec.structs.astuple(parse_row(row[1], _Bar, []))

    good = bad_rows.keep(rows, parse, lambda at, _: f"row {at}")
    prices = [name for name in figures if name != "volume"]
    schema = {"at": pl.Int64(), **dict.fromkeys(figures, pl.Float64())}
    return (
        pl.DataFrame(good, schema=schema, orient="row")
        .with_columns(session_of("at", zone), is_priced=pl.col("close_usd").is_not_null())
        .with_columns(
            *(_where(pl.col(name) > 0, name) for name in prices),
            _where(pl.col("volume") >= 0, "volume"),
        )
    )


def _where(condition: pl.Expr, name: str) -> pl.Expr:
    return pl.when(condition).then(pl.col(name)).alias(name)


def _traded(rows: pl.DataFrame, symbol: str) -> pl.DataFrame:
    is_closed = rows.select(is_no_new_york_day(pl.col("session"))).to_series()
    if is_closed.any():
        days = ", ".join(map(str, rows.filter(is_closed)["session"].unique().sort().head(_NAMED)))
        logger.warning("yahoo %s: %d rows left out, of days without trading: %s", symbol, is_closed.sum(), days)
    return rows.filter(~is_closed)


def _plausible(bars: pl.DataFrame, symbol: str) -> pl.DataFrame:
    """The bars, without low and high where they contradict open or close, which matter more."""
    wrong = pl.any_horizontal(is_outside("open_usd"), is_outside("close_usd"))
    days = bars.filter(wrong)["session"]
    if days.len():
        named = ", ".join(map(str, days.head(_NAMED)))
        logger.warning(
            "yahoo %s: low and high left out of %d sessions whose open or close lies outside: %s",
            symbol,
            days.len(),
            named,
        )
    return bars.with_columns(pl.when(~wrong).then(pl.col(name)).alias(name) for name in ("high_usd", "low_usd"))


def _log_left_out(rows: pl.DataFrame, symbol: str) -> None:
    n_without_close = rows.filter(~pl.col("is_priced")).height
    n_not_positive = rows.filter(pl.col("is_priced") & pl.col("close_usd").is_null()).height
    if n_not_positive:
        logger.warning("yahoo %s: %d sessions left out whose close is not above 0", symbol, n_not_positive)
    if n_without_close:
        logger.debug("yahoo %s: %d sessions left out without a close", symbol, n_without_close)
