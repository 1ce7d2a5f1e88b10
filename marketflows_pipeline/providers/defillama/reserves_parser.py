"""Parser of all records of one exchange at DefiLlama, the largest response there is: JSON to frames.

Shapes: the official OpenAPI file, which abridges them, and the service's published source. Data provided by DefiLlama.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from mmap import mmap
from typing import TypeVar

import msgspec
import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows, UntimelyError
from marketflows_pipeline.providers.http.responses import ParseError, one_line
from marketflows_pipeline.providers.parsing import Figure, decode
from marketflows_pipeline.providers.protocols.exchanges import CEX_TVL_SCHEMA, TOKEN_BALANCE_SCHEMA, ReservesHistory
from marketflows_pipeline.system.printable import is_identity
from marketflows_pipeline.transforms.time_span import TimeSpan

T = TypeVar("T")
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
_RAW_HOLDINGS = msgspec.json.Decoder(_RawHoldings)
_FIGURE = msgspec.json.Decoder(Figure)


def read_reserves(content: bytes | mmap, slug: str, span: TimeSpan) -> ReservesHistory:
    """All records of one exchange: what it held in all, and of which token, each at its own times.

    The breakdown by chain, most of the response, is skipped. A total without a figure is left out; a token
    with a quantity only, or a value only, keeps what there is. The arrays are joined by their dates, not by place.

    A record that is not of the documented shape, or whose date is outside the span, is left out, with a warning, and so
    is a token of a record whose figure is no finite number or null.

    Raises:
        ParseError: not of the documented shape, or too many records would be left out.
        FailedResponseError: truncated or not JSON.
    """
    bad_records = BadRows(f"defillama /protocol/{slug}", "records or figures in them")
    reserves = _decoded(content, bad_records)
    reserves.tvl = _timely(reserves.tvl, "tvl", span, bad_records)
    reserves.tokens = _timely(reserves.tokens, "tokens", span, bad_records)
    reserves.tokens_in_usd = _timely(reserves.tokens_in_usd, "tokensInUsd", span, bad_records)
    # Anybody can send a token without a printable name: it is in no record, and no record lacks it.
    is_whole = bad_records.count == 0
    _drop_unnamed_tokens([*reserves.tokens, *reserves.tokens_in_usd], bad_records)
    bad_records.log()
    arrays: list[list[_Total] | list[_Holdings]] = [reserves.tvl, reserves.tokens, reserves.tokens_in_usd]
    now = now_dates([sorted({record.date for record in array}) for array in arrays])
    totals = {record.date: record.usd for record in reserves.tvl or []}
    tvl = pl.DataFrame(
        {"date": list(totals), "tvl_usd": list(totals.values())}, schema={"date": pl.Float64(), "tvl_usd": pl.Float64()}
    )
    quantity = _balances(reserves.tokens, "quantity")
    # Hundreds of thousands of small objects each, freed before the next are made.
    arrays.clear()
    reserves.tokens = None
    value = _balances(reserves.tokens_in_usd, "value_usd")
    reserves.tokens_in_usd = None
    balances = quantity.join(value, on=["date", "token"], how="full", coalesce=True)
    return ReservesHistory(
        _records(tvl.drop_nulls("tvl_usd"), slug, now).select(CEX_TVL_SCHEMA.names()).sort("ts"),
        _records(balances, slug, now).select(TOKEN_BALANCE_SCHEMA.names()).sort("ts", "token"),
        is_whole,
    )


def _decoded(content: bytes | mmap, bad_records: BadRows) -> _Reserves:
    """All of it at once, which is quick; record by record where something is wrong."""
    try:
        return _RESERVES.decode(content)
    except msgspec.DecodeError:
        raw = decode(_RAW_RESERVES, content)
    totals = bad_records.keep(
        raw.tvl or [], lambda record: _record(_TOTAL, record), lambda at, _: f"tvl[{at}]", array="tvl"
    )
    return _Reserves(
        totals, _holdings(raw.tokens, "tokens", bad_records), _holdings(raw.tokens_in_usd, "tokensInUsd", bad_records)
    )


def _holdings(records: list[msgspec.Raw] | None, array: str, bad_records: BadRows) -> list[_Holdings]:
    """The good records of an array; one with bad figures is kept without these, and counts as a bad one."""

    def parse(numbered: tuple[int, msgspec.Raw]) -> _Holdings:
        at, record = numbered
        raw = _record(_RAW_HOLDINGS, record)
        tokens: dict[str, Figure] = {}
        errors: dict[str, ParseError] = {}
        for token, figure in (raw.tokens or {}).items():
            try:
                tokens[token] = _record(_FIGURE, figure)
            except ParseError as error:
                errors[token] = error
        if errors:
            token, first = next(iter(errors.items()))
            more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
            bad_records.add((array, at), f"{array}[{at}], {one_line(token)}{more}", first)
        return _Holdings(raw.date, tokens)

    return bad_records.keep(list(enumerate(records or [])), parse, lambda at, _: f"{array}[{at}]", array=array)


def _record(decoder: msgspec.json.Decoder[T], record: msgspec.Raw) -> T:
    try:
        return decoder.decode(record)
    except msgspec.DecodeError as error:
        raise ParseError(one_line(str(error))) from error


def _drop_unnamed_tokens(records: Sequence[_Holdings], bad_records: BadRows) -> None:
    """Drop tokens whose symbols are not printable; each counts once, since anybody can send one to a wallet."""
    symbols: set[str] = set().union(*(record.tokens or () for record in records))
    unnamed = {symbol for symbol in symbols if not is_identity(symbol)}
    for symbol in sorted(unnamed):
        bad_records.add(("token", symbol), f"token {one_line(symbol)}", ParseError("should be a printable symbol"))
    for record in records if unnamed else ():
        record.tokens = {symbol: held for symbol, held in (record.tokens or {}).items() if symbol not in unnamed}


def _timely(records: list[R] | None, array: str, span: TimeSpan, bad_records: BadRows) -> list[R]:
    def timely(record: R) -> R:
        if not span.holds_seconds(record.date):
            raise UntimelyError(f"`date` should be seconds from {span}, found {record.date:g}")
        return record

    return bad_records.keep(records or [], timely, lambda at, _: f"{array}[{at}]", array=f"{array}.date")


def now_dates(arrays: Iterable[Sequence[float]]) -> set[float]:
    """Which dates are the time of the request rather than a day's record.

    The service keeps the first record of each UTC day, written soon after midnight, and appends the latest hourly one.
    So only the last date of an array can be now, and it is where another date of that array is of the same UTC day, or
    where it is of the latest day of all arrays and more than an hour from midnight. A now that comes within that hour
    as the first of its day is the record that the day will keep: it is daily. Each array has its dates ascending, in
    seconds since 1970.
    """
    given = [dates for dates in arrays if dates]
    latest_day = max((_moment(dates[-1]).date() for dates in given), default=None)
    now = set()
    for dates in given:
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
