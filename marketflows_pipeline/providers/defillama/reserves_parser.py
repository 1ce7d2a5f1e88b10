"""All records of one exchange at DefiLlama: the largest answer there is, as frames.

Shapes: the official OpenAPI file, which abridges them, and the service's published source. Data provided by
DefiLlama.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from mmap import mmap
from typing import TypeAlias, TypeVar

import msgspec
import polars as pl

from marketflows_pipeline.errors import BadResponseError
from marketflows_pipeline.providers.bad_rows import BadRows, UntimelyError
from marketflows_pipeline.providers.http.responses import Classification, FailedResponseError, ParseError, one_line
from marketflows_pipeline.providers.protocols.exchanges import CEX_TVL_SCHEMA, TOKEN_BALANCE_SCHEMA, ReservesHistory
from marketflows_pipeline.providers.strict_json import strict_json
from marketflows_pipeline.system.printable import is_identity
from marketflows_pipeline.transforms.time_span import TimeSpan

T = TypeVar("T")
Figure: TypeAlias = float | None
Faults: TypeAlias = dict[str, msgspec.DecodeError]
NEAR_MIDNIGHT = timedelta(hours=1)


class _Total(msgspec.Struct, gc=False):
    date: float
    usd: Figure = msgspec.field(default=None, name="totalLiquidityUSD")


class _Holdings(msgspec.Struct):
    date: float
    tokens: dict[str, Figure] | None = None


R = TypeVar("R", _Total, _Holdings)


class _RawHoldings(msgspec.Struct):
    date: float
    tokens: dict[str, msgspec.Raw] | None = None


class _Reserves(msgspec.Struct, rename={"tokens_in_usd": "tokensInUsd"}):
    tvl: list[_Total] | None
    tokens: list[_Holdings] | None = None
    tokens_in_usd: list[_Holdings] | None = None


class _RawReserves(msgspec.Struct, rename={"tokens_in_usd": "tokensInUsd"}):
    tvl: list[msgspec.Raw] | None
    tokens: list[msgspec.Raw] | None = None
    tokens_in_usd: list[msgspec.Raw] | None = None


_RESERVES = msgspec.json.Decoder(_Reserves)
_RAW_RESERVES = msgspec.json.Decoder(_RawReserves)
_TOTAL = msgspec.json.Decoder(_Total)
_HOLDINGS = msgspec.json.Decoder(_Holdings)
_RAW_HOLDINGS = msgspec.json.Decoder(_RawHoldings)
_FIGURE = msgspec.json.Decoder(Figure)


def read_reserves(content: bytes | mmap, slug: str, span: TimeSpan) -> ReservesHistory:
    """All records of one exchange: what it held in all, and of which token, each at its own times.

    The breakdown by chain, which is most of the answer, is passed over. A total without a figure is left out; a token
    with a quantity only, or a value only, keeps what there is. The arrays are joined by their dates, not by place.

    A record that is not of the documented shape, or whose date is outside the span, is left out, with a warning, and so
    is a token of a record whose figure is no finite number or null.

    Args:
        content: the JSON, which may be a file mapped into memory.
        slug: of the exchange.
        span: when its records can be.

    Raises:
        ParseError: not of the documented shape, or too many records would be left out.
        FailedResponseError: not whole JSON.
    """
    left_out = BadRows(f"defillama /protocol/{slug}", "records or figures in them")
    reserves = _decoded(content, left_out)
    reserves.tvl = _timely(reserves.tvl, "tvl", span, left_out)
    reserves.tokens = _timely(reserves.tokens, "tokens", span, left_out)
    reserves.tokens_in_usd = _timely(reserves.tokens_in_usd, "tokensInUsd", span, left_out)
    _drop_unnamed_tokens([*reserves.tokens, *reserves.tokens_in_usd], left_out)
    left_out.tell()
    arrays: list[list[_Total] | list[_Holdings]] = [reserves.tvl, reserves.tokens, reserves.tokens_in_usd]
    now = now_dates([sorted({record.date for record in array}) for array in arrays])
    totals = {record.date: record.usd for record in reserves.tvl or []}
    tvl = pl.DataFrame(
        {"date": list(totals), "tvl_usd": list(totals.values())}, schema={"date": pl.Float64(), "tvl_usd": pl.Float64()}
    )
    quantity = _balances(reserves.tokens, "quantity")
    # Hundreds of thousands of small objects each, gone before the next need the room.
    arrays.clear()
    reserves.tokens = None
    value = _balances(reserves.tokens_in_usd, "value_usd")
    reserves.tokens_in_usd = None
    balances = quantity.join(value, on=["date", "token"], how="full", coalesce=True)
    return ReservesHistory(
        _records(tvl.drop_nulls("tvl_usd"), slug, now).select(CEX_TVL_SCHEMA.names()).sort("ts"),
        _records(balances, slug, now).select(TOKEN_BALANCE_SCHEMA.names()).sort("ts", "token"),
    )


def _decoded(content: bytes | mmap, left_out: BadRows) -> _Reserves:
    """All of it at once, which is quick; record by record where something is at fault."""
    try:
        return _RESERVES.decode(content)
    except msgspec.DecodeError:
        pass
    try:
        try:
            # A copy: what is not decoded yet points into it, and a file that is pointed into can't be closed.
            raw = _RAW_RESERVES.decode(content[:])
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            raw = _RAW_RESERVES.decode(strict_json(content))
    except msgspec.ValidationError as fault:
        raise ParseError(one_line(str(fault))) from fault
    except msgspec.DecodeError as fault:
        raise FailedResponseError(
            Classification(BadResponseError, f"truncated or not JSON: {one_line(str(fault))}")
        ) from fault
    return _Reserves(
        tvl=_sound(raw.tvl, "tvl", lambda record, _: _TOTAL.decode(record), left_out),
        tokens=_sound(raw.tokens, "tokens", _holdings, left_out),
        tokens_in_usd=_sound(raw.tokens_in_usd, "tokensInUsd", _holdings, left_out),
    )


def _sound(
    records: list[msgspec.Raw] | None, key: str, read: Callable[[msgspec.Raw, Faults], T], left_out: BadRows
) -> list[T]:
    """The records of an array that are of the documented shape; one with a figure at fault counts as one at fault."""
    kept = []
    for at, record in enumerate(records or []):
        faults: Faults = {}
        try:
            kept.append(read(record, faults))
        except msgspec.DecodeError as fault:
            left_out.add((key, at), f"{key}[{at}]", ParseError(one_line(str(fault))))
        if faults:
            token, fault_there = next(iter(faults.items()))
            more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
            left_out.add((key, at), f"{key}[{at}], {one_line(token)}{more}", ParseError(one_line(str(fault_there))))
    left_out.judge(len(records or []))
    return kept


def _holdings(record: msgspec.Raw, faults: Faults) -> _Holdings:
    """A record without the tokens whose figures are none; these are noted."""
    with suppress(msgspec.DecodeError):
        return _HOLDINGS.decode(record)
    raw = _RAW_HOLDINGS.decode(record)
    tokens: dict[str, Figure] = {}
    for token, figure in (raw.tokens or {}).items():
        try:
            tokens[token] = _FIGURE.decode(figure)
        except msgspec.DecodeError as fault:
            faults[token] = fault
    return _Holdings(raw.date, tokens)


def _drop_unnamed_tokens(records: Sequence[_Holdings], left_out: BadRows) -> None:
    """Take out tokens whose symbols can be no ids; each counts once, since anybody can send one to a wallet."""
    symbols: set[str] = set().union(*(record.tokens or () for record in records))
    unnamed = {symbol for symbol in symbols if not is_identity(symbol)}
    for symbol in sorted(unnamed):
        left_out.add(("token", symbol), f"token {one_line(symbol)}", ParseError("should be a printable symbol"))
    for record in records if unnamed else ():
        record.tokens = {symbol: held for symbol, held in (record.tokens or {}).items() if symbol not in unnamed}


def _timely(records: list[R] | None, key: str, span: TimeSpan, left_out: BadRows) -> list[R]:
    kept = []
    for at, record in enumerate(records or []):
        if span.holds_seconds(record.date):
            kept.append(record)
        else:
            fault = UntimelyError(f"`date` should be seconds from {span}, found {record.date:g}")
            left_out.add((key, "date", at), f"{key}[{at}]", fault)
    left_out.judge(len(records or []))
    return kept


def now_dates(arrays: Iterable[Sequence[float]]) -> set[float]:
    """Which dates are the moment of asking rather than a day's record.

    The service keeps the first record of each UTC day, written soon after midnight, and appends the latest hourly one.
    So only the last date of an array can be now, and it is where another date of that array is of the same UTC day, or
    where it is of the answer's latest day and more than an hour from midnight. A now that comes within that hour as the
    first of its day is the very record that the day will keep: it is daily.

    Args:
        arrays: dates of each array, ascending, in seconds since 1970.
    """
    told = [dates for dates in arrays if dates]
    latest_day = max((_moment(dates[-1]).date() for dates in told), default=None)
    now = set()
    for dates in told:
        last = _moment(dates[-1])
        is_second_of_day = len(dates) > 1 and _moment(dates[-2]).date() == last.date()
        nearest_midnight = (last + timedelta(hours=12)).replace(hour=0, minute=0, second=0, microsecond=0)
        is_off_midnight = abs(last - nearest_midnight) > NEAR_MIDNIGHT
        if is_second_of_day or (is_off_midnight and last.date() == latest_day):
            now.add(dates[-1])
    return now


def _moment(date: float) -> datetime:
    return datetime.fromtimestamp(date, UTC)


def _balances(records: list[_Holdings] | None, figure: str) -> pl.DataFrame:
    """One row a date and token; of two records of the same date the later one."""
    held: Mapping[float, dict[str, Figure]] = {record.date: record.tokens or {} for record in records or []}
    per_date = pl.DataFrame(
        {"date": list(held), "n": [len(tokens) for tokens in held.values()]},
        schema={"date": pl.Float64(), "n": pl.UInt32()},
    )
    dates = per_date.select(pl.col("date").repeat_by("n").explode()).drop_nulls()
    return dates.with_columns(
        pl.Series("token", list(chain.from_iterable(held.values())), dtype=pl.String()),
        pl.Series(figure, list(chain.from_iterable(tokens.values() for tokens in held.values())), dtype=pl.Float64()),
    )


def _records(frame: pl.DataFrame, slug: str, now: set[float]) -> pl.DataFrame:
    return frame.with_columns(
        slug=pl.lit(slug),
        ts=(pl.col("date") * 1_000_000).round().cast(pl.Int64()).cast(pl.Datetime("us", "UTC")),
        is_now=pl.col("date").is_in(list(now)),
    )
