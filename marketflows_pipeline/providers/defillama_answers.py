"""What DefiLlama's answers mean: its error texts, and its JSON as frames.

What belongs here: judging and reading one answer, typed, so that what is not asked for is skipped and not held in
memory. What does not: asking for it (defillama.py).
Shapes: the official OpenAPI file, which abridges them, and the service's published source. Data provided by DefiLlama.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import chain
from mmap import mmap
from typing import Annotated, TypeAlias, TypeVar

import msgspec
import polars as pl

from marketflows_pipeline.errors import (
    BadAnswerError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
)
from marketflows_pipeline.providers.exchange_protocol import (
    CEX_SCHEMA,
    CEX_TVL_SCHEMA,
    PROTOCOL_SCHEMA,
    TOKEN_BALANCE_SCHEMA,
    CexOverview,
    ReservesHistory,
)
from marketflows_pipeline.providers.faults import (
    Answer,
    Fault,
    RefusedError,
    ShapeError,
    classify_by_status,
    not_data,
    one_line,
)

T = TypeVar("T")
Figure: TypeAlias = float | None
# Seconds since 1970; the limit tells them from milliseconds.
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=4_102_444_800)]

EXCHANGE_CATEGORIES = frozenset({"CEX", "Dexs"})
NO_SYMBOL = "-"
NEAR_MIDNIGHT = timedelta(hours=1)

# How the texts that stand in for an error begin, in lower case, under whatever status they come.
ERROR_TEXTS: tuple[tuple[str, type[ProviderError], str], ...] = (
    ("protocol not found", NotFoundError, ""),
    ("data not found", NotFoundError, ""),
    ("no data", NotFoundError, ""),
    ("upgrade to the paid", PlanLimitError, "the free service no longer answers this, only a paid plan does"),
    ("internal", TransientProviderError, ""),
)
BLOCKED = "the service's CDN refuses this machine's address, as it does with many cloud hosts: use another network"


class _Cex(msgspec.Struct, rename="camel"):
    name: str
    slug: str | None = None
    coin: str | None = None
    coin_symbol: str | None = None
    own_tokens: list[str] | None = None
    cg_id: str | None = None
    cg_spot_id: str | None = None
    current_tvl: Figure = None
    clean_assets_tvl: Figure = None
    inflows_24h: Figure = msgspec.field(default=None, name="inflows_24h")
    inflows_1w: Figure = msgspec.field(default=None, name="inflows_1w")
    inflows_1m: Figure = msgspec.field(default=None, name="inflows_1m")
    spot_volume: Figure = None
    deriv_volume: Figure = None
    oi: Figure = None
    leverage: Figure = None


class _Cexs(msgspec.Struct):
    cexs: list[_Cex]
    cg_volume_cexs: list[str] | None = None


class _Kind(msgspec.Struct):
    category: object = None


class _Protocol(msgspec.Struct, rename={"parent_protocol": "parentProtocol"}):
    name: str
    slug: str
    category: str
    symbol: str | None = None
    parent_protocol: str | None = None
    chains: list[str] | None = None
    tvl: Figure = None
    change_1d: Figure = None
    change_7d: Figure = None
    mcap: Figure = None
    url: str | None = None


class _Total(msgspec.Struct, gc=False):
    date: Seconds
    usd: Figure = msgspec.field(default=None, name="totalLiquidityUSD")


class _Holdings(msgspec.Struct):
    date: Seconds
    tokens: dict[str, Figure] | None = None


class _Reserves(msgspec.Struct, rename={"tokens_in_usd": "tokensInUsd"}):
    tvl: list[_Total] | None
    tokens: list[_Holdings] | None = None
    tokens_in_usd: list[_Holdings] | None = None


_CEXS = msgspec.json.Decoder(_Cexs)
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_KIND = msgspec.json.Decoder(_Kind)
_PROTOCOL = msgspec.json.Decoder(_Protocol)
_RESERVES = msgspec.json.Decoder(_Reserves)


def classify(answer: Answer) -> Fault | None:
    """Judge an answer of DefiLlama, whose errors are lines of text; None is a usable one."""
    said = f"HTTP {answer.status}, {answer.excerpt}"
    # Before anything else: the texts may come labelled as HTML.
    text = answer.content[:64].strip().lower()
    for start, kind, advice in ERROR_TEXTS:
        if text.startswith(start.encode()):
            return Fault(kind, f"{said}; {advice}" if advice else said)
    if answer.is_html or not answer.content.strip():
        if answer.status == HTTPStatus.FORBIDDEN:
            return Fault(PermanentProviderError, f"{said}; {BLOCKED}")
        return _by_status(answer)
    if not answer.is_success:
        return _by_status(answer)
    if not (text.startswith((b"{", b"[")) and answer.content[-64:].rstrip().endswith((b"}", b"]"))):
        return Fault(BadAnswerError, f"{said.removesuffix('…')}: cut off or not JSON")
    return None


def read_cexs(text: str) -> CexOverview:
    """The overview of centralised exchanges.

    A figure that is absent, null or, where it is an amount, negative is null; JSON holds none that is not finite. An exchange that is listed
    is centralised under its own id too, since the list of ids spells some otherwise than CoinGecko does.

    Raises:
        ShapeError: not of the documented shape; the message names the place.
        RefusedError: not whole JSON.
    """
    overview = _whole(_CEXS, text)
    rows = overview.cexs
    exchanges = pl.DataFrame(
        {
            "name": [row.name for row in rows],
            "slug": [slugify(row.slug or "") or None for row in rows],
            "coingecko_id": [_coingecko_id(row) for row in rows],
            "coin_symbol": [row.coin_symbol or row.coin or None for row in rows],
            "own_tokens": [_listed([row.coin_symbol, row.coin, *(row.own_tokens or [])]) for row in rows],
            "current_tvl_usd": [_amount(row.current_tvl) for row in rows],
            "clean_assets_tvl_usd": [_amount(row.clean_assets_tvl) for row in rows],
            "inflows_24h_usd": [row.inflows_24h for row in rows],
            "inflows_1w_usd": [row.inflows_1w for row in rows],
            "inflows_1m_usd": [row.inflows_1m for row in rows],
            "spot_volume_usd": [_amount(row.spot_volume) for row in rows],
            "derivatives_volume_usd": [_amount(row.deriv_volume) for row in rows],
            "open_interest_usd": [_amount(row.oi) for row in rows],
            "leverage": [_amount(row.leverage) for row in rows],
        },
        schema=CEX_SCHEMA,
    ).unique("name", keep="first", maintain_order=True)
    listed_ids = chain(overview.cg_volume_cexs or [], exchanges["coingecko_id"])
    return CexOverview(exchanges, tuple(dict.fromkeys(filter(None, listed_ids))))


def read_exchange_protocols(text: str) -> pl.DataFrame:
    """The protocols of the categories CEX and Dexs in PROTOCOL_SCHEMA, in the service's order, each slug once.

    Rows of other categories, nine in ten, are not looked into.

    Raises:
        ShapeError: not of the documented shape; the message names the place.
        RefusedError: not whole JSON.
    """
    rows = list(_exchange_rows(text))
    return pl.DataFrame(
        {
            "slug": [slugify(row.slug) for row in rows],
            "name": [row.name for row in rows],
            "category": [row.category for row in rows],
            "symbol": [None if row.symbol == NO_SYMBOL else row.symbol or None for row in rows],
            "parent_protocol": [row.parent_protocol or None for row in rows],
            "chains": [_listed(row.chains or []) for row in rows],
            "tvl_usd": [_amount(row.tvl) for row in rows],
            "change_1d_pct": [row.change_1d for row in rows],
            "change_7d_pct": [row.change_7d for row in rows],
            "mcap_usd": [_amount(row.mcap) for row in rows],
            "url": [row.url or None for row in rows],
        },
        schema=PROTOCOL_SCHEMA,
    ).unique("slug", keep="first", maintain_order=True)


def read_reserves(content: bytes | mmap, slug: str) -> ReservesHistory:
    """All records of one exchange: what it held in all, and of which token, each at its own times.

    The breakdown by chain, which is most of the answer, is passed over. A total without a figure is left out; a token
    with a quantity only, or a value only, keeps what there is. The arrays are joined by their dates, not by place.

    Args:
        content: the JSON, which may be a file mapped into memory.
        slug: of the exchange.

    Raises:
        ShapeError: not of the documented shape, or not whole; the message names the place.
    """
    try:
        reserves = _RESERVES.decode(content)
    except msgspec.DecodeError as fault:
        raise ShapeError(one_line(str(fault))) from fault
    arrays: list[list[_Total] | list[_Holdings] | None] = [reserves.tvl, reserves.tokens, reserves.tokens_in_usd]
    now = now_dates([sorted({record.date for record in array or []}) for array in arrays])
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


def slugify(name: str) -> str:
    """A name or slug as the service spells it in its addresses: lower case, no blanks or apostrophes."""
    return name.strip().lower().replace(" ", "-").replace("'", "")


def _by_status(answer: Answer) -> Fault | None:
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Fault(TransientProviderError, f"HTTP {answer.status}, {answer.excerpt}")
    if answer.status == HTTPStatus.PAYMENT_REQUIRED:
        return Fault(PlanLimitError, f"HTTP 402, {answer.excerpt}; only a paid plan is answered this")
    return classify_by_status(answer) or not_data(answer)


def _whole(decoder: msgspec.json.Decoder[T], text: str | msgspec.Raw) -> T:
    """What the JSON holds; one that is cut off is asked for again, one of another shape is not."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as fault:
        raise ShapeError(one_line(str(fault))) from fault
    except msgspec.DecodeError as fault:
        raise RefusedError(Fault(BadAnswerError, f"cut off or not JSON: {one_line(str(fault))}"), {}) from fault


def _exchange_rows(text: str) -> Iterator[_Protocol]:
    rows = _whole(_ROWS, text)
    for at, raw in enumerate(rows):
        try:
            if _whole(_KIND, raw).category in EXCHANGE_CATEGORIES:
                yield _whole(_PROTOCOL, raw)
        except ShapeError as fault:
            raise ShapeError(f"row {at}: {fault}") from fault


def _coingecko_id(row: _Cex) -> str | None:
    return row.cg_id or row.cg_spot_id or None


def _listed(names: Iterable[str | None]) -> str | None:
    return ",".join(dict.fromkeys(name for name in names if name)) or None


def _amount(figure: Figure) -> Figure:
    return figure if figure is not None and figure >= 0 else None


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
