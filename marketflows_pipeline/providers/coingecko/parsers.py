"""What CoinGecko's answers mean: its error bodies, and its JSON as frames.

Shapes: the official OpenAPI file; the error bodies are undocumented, come in four shapes, and sometimes under HTTP
200.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from http import HTTPStatus
from itertools import pairwise
from typing import TypeAlias

import polars as pl

from marketflows_pipeline.errors import BadResponseError, PlanLimitError, TransientProviderError
from marketflows_pipeline.providers.bad_rows import BadRows, UntimelyError, accept_rows, refuse_empty
from marketflows_pipeline.providers.http.responses import (
    RATE_LIMITED,
    UNQUOTED_STATUSES,
    Classification,
    ParseError,
    Response,
    classify_by_status,
    classify_status,
    is_transient_status,
    one_line,
)
from marketflows_pipeline.providers.json_fields import Fields, as_float, finite, is_number, kind
from marketflows_pipeline.providers.protocols.market_caps import (
    CATEGORY_NAMES_SCHEMA,
    COIN_SCHEMA,
    MARKET_SCHEMA,
    UTC_TIME,
)
from marketflows_pipeline.transforms.market_caps.observations import MAX_CAP_USD
from marketflows_pipeline.transforms.time_span import COINS_SINCE, TimeSpan

HISTORY_SOURCE = "coingecko:market_chart"
MARKETS_SOURCE = "coingecko:markets"
REHYPOTHECATED_SOURCE = "coingecko:markets+rehypothecated"

PLAN_ADVICE = {
    10002: "the API key is missing or not known: set COINGECKO_API_KEY, or api_key under [coingecko] in secrets.toml",
    10005: "this endpoint is not in the plan of the API key",
    10010: 'the API key is of a paid plan: set plan = "pro" in [providers.coingecko]',
    10011: 'the API key is of the demo plan: set plan = "demo" in [providers.coingecko]',
    10012: "the plan serves the last 365 days only: lower `days`, or use a paid plan",
}
# Which of the parameters that are asked for may be for paid plans only.
PAID_PARAMETERS = ("interval", "show_max")
Point: TypeAlias = tuple[int, float | None]
MARKETS = "coingecko /coins/markets"
NAMES = ("coin_id", "symbol", "name")
CHART_COLUMNS = {"market_caps": "market_cap_usd", "prices": "price_usd", "total_volumes": "volume_usd"}
# What is measured, the cap first: a row without them is malformed.
MARKET_NUMBERS = {
    "market_cap": "market_cap_usd",
    "current_price": "price_usd",
    "total_volume": "volume_usd",
    "price_change_percentage_24h": "price_change_24h_pct",
}
# What only describes: null for young coins, and where it can't be read, which costs no row its market cap.
MARKET_EXTRAS = {
    "market_cap_rank": "market_cap_rank",
    "price_change_percentage_24h_in_currency": "price_change_24h_exact_pct",
    "price_change_percentage_7d_in_currency": "price_change_7d_pct",
    "price_change_percentage_30d_in_currency": "price_change_30d_pct",
    "circulating_supply": "circulating_supply",
}
FIGURES = dict.fromkeys([*MARKET_NUMBERS.values(), *MARKET_EXTRAS.values()], pl.Float64())


@dataclass(frozen=True)
class ServiceError:
    """An error body, whichever of the four shapes it came in.

    Attributes:
        code: CoinGecko's own code or an HTTP status, where there is one.
        message: what CoinGecko said.
    """

    code: int | None
    message: str

    @property
    def implied_status(self) -> int | None:
        """The HTTP status that the body stands for, whatever status it comes under; None where it does not tell."""
        said = self.message.lower()
        if self.code in PLAN_ADVICE:
            return HTTPStatus.UNAUTHORIZED
        if self.code is not None and HTTPStatus.BAD_REQUEST <= self.code < 600:
            return self.code
        if RATE_LIMITED.search(said):
            return HTTPStatus.TOO_MANY_REQUESTS
        if "not found" in said or "could not find" in said:
            return HTTPStatus.NOT_FOUND
        return None


def service_error(body: object) -> ServiceError | None:
    """The error that a parsed body is, or None where it is none."""
    match body:
        case {"error": {"status": {}} as nested}:
            return service_error(nested)
        case {"status": {"error_code": code, **rest}}:
            return ServiceError(_code(code), one_line(str(rest.get("error_message", ""))))
        case {"error": str(message), **rest}:
            return ServiceError(_code(rest.get("status")), one_line(message))
        case {"error": other}:
            return ServiceError(None, one_line(str(other)))
        case _:
            return None


def classify(answer: Response) -> Classification | None:
    """Judge an answer of CoinGecko; None is a usable one."""
    error = service_error(answer.body_or_none)
    if error is None:
        is_refused = not answer.is_foreign and not answer.is_rate_limited
        if answer.status == HTTPStatus.FORBIDDEN and is_refused:
            return Classification(PlanLimitError, f"HTTP 403, {answer.excerpt}; the plan does not include this")
        return classify_by_status(answer)
    return _fault_of_error(answer, error)


def _fault_of_error(answer: Response, error: ServiceError) -> Classification:
    """What an error body stands for, by its own code where that and the HTTP status say different things."""
    said = f"HTTP {answer.status}, {error.message or 'no message'}" + (f" ({error.code})" if error.code else "")
    if UNQUOTED_STATUSES & {answer.status, error.implied_status}:
        said = f"HTTP {answer.status}" + (f", error code {error.code}" if error.code else "")
        about = [name for name in PAID_PARAMETERS if name in error.message]
        said += f", about `{about[0]}`" if about else ""
    if is_transient_status(answer.status):
        return Classification(TransientProviderError, said)
    if error.code in PLAN_ADVICE:
        return Classification(PlanLimitError, f"{PLAN_ADVICE[error.code]} [{said}]")
    implied = error.implied_status
    status = implied if answer.is_success or (implied is not None and is_transient_status(implied)) else answer.status
    if status is None:
        return Classification(BadResponseError, f"an error body: {said}")
    if status == HTTPStatus.FORBIDDEN:
        return Classification(PlanLimitError, f"{said}; the plan does not include this")
    return classify_status(status, said, is_own=True)


def _code(said: object) -> int | None:
    """A code that is a number, or is written as one."""
    if isinstance(said, str) and said.isascii() and said.isdigit():
        return int(said[:6])
    return said if isinstance(said, int) and not isinstance(said, bool) else None


def read_chart(body: object, coin_id: str, span: TimeSpan) -> pl.DataFrame:
    """A market chart in HISTORY_SCHEMA: its three arrays, which may differ in length, joined on their timestamps.

    A point that is not ``[milliseconds, finite number or null]``, that has an impossible cap, or whose time is outside
    the span is left out, with a warning.

    Args:
        body: the parsed JSON.
        coin_id: of the coin.
        span: when its points can be.

    Raises:
        ParseError: an array is missing, or too many of its points would be left out.
    """
    if not isinstance(body, dict):
        raise ParseError(f"expected an object with `prices`, `market_caps` and `total_volumes`, found {kind(body)}")
    left_out = BadRows(f"coingecko history of {coin_id}", "points")
    points = {column: _points(body, key, span, left_out) for key, column in CHART_COLUMNS.items()}
    left_out.tell(max(map(len, points.values())) + left_out.count)
    times = [[ms for ms, _ in each] for each in points.values()]
    if all(each == times[0] for each in times) and all(a < b for a, b in pairwise(times[0])):
        values = {column: [value for _, value in each] for column, each in points.items()}
        schema = {"ms": pl.Int64(), **dict.fromkeys(points, pl.Float64())}
        joined = pl.DataFrame({"ms": times[0], **values}, schema=schema)
    else:
        arrays = [_frame(each, column) for column, each in points.items()]
        joined = reduce(lambda left, right: left.join(right, on="ms", how="full", coalesce=True), arrays).sort("ms")
    return joined.select(
        coin_id=pl.lit(coin_id),
        ts=pl.from_epoch("ms", time_unit="ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
        market_cap_usd="market_cap_usd",
        price_usd="price_usd",
        volume_usd="volume_usd",
        source=pl.lit(HISTORY_SOURCE),
    )


def read_markets(
    body: object, *, with_rehypothecated: bool, now: datetime, is_first_page: bool = False
) -> pl.DataFrame:
    """A page of markets in MARKET_SCHEMA, row by row.

    A row is left out, with a warning, where ``id``, ``symbol`` or ``name`` is not text, a figure is missing or not a
    finite number or null, the cap is impossible, or ``last_updated`` is no time or cannot be. A rank, supply or change
    over 7 or 30 days that is no number is null.

    Args:
        body: the parsed JSON.
        with_rehypothecated: whether wrapped coins were asked for too.
        now: present moment.
        is_first_page: of a list that is never empty.

    Raises:
        ParseError: not a list, an empty first page, or too many rows would be left out.
    """
    span = TimeSpan.ever(COINS_SINCE, now=now)
    rows = accept_rows(body, lambda fields: _market(fields, span), what=MARKETS)
    if is_first_page:
        refuse_empty(rows, "first page")
    page = pl.DataFrame(
        rows, schema={**dict.fromkeys(NAMES, pl.String), **FIGURES, "last_updated": UTC_TIME}, orient="row"
    )
    return page.with_columns(
        price_change_24h_pct=pl.coalesce("price_change_24h_exact_pct", pl.col("price_change_24h_pct").cast(pl.Float64)),
        with_rehypothecated=with_rehypothecated,
        source=pl.lit(REHYPOTHECATED_SOURCE if with_rehypothecated else MARKETS_SOURCE),
    ).select(pl.col(column).cast(dtype, strict=not dtype.is_integer()) for column, dtype in MARKET_SCHEMA.items())


def read_coins(body: object) -> pl.DataFrame:
    """The list of coins in COIN_SCHEMA; one whose ``id``, ``symbol`` or ``name`` is not text is left out.

    Raises:
        ParseError: not a list, an empty one, or too many coins would be left out.
    """
    rows = accept_rows(body, _names, what="coingecko /coins/list")
    refuse_empty(rows, "list of coins")
    return pl.DataFrame(rows, schema=COIN_SCHEMA, orient="row")


def read_categories(body: object) -> pl.DataFrame:
    """The list of categories: ``slug`` and ``name``; one whose ``category_id`` or ``name`` is not text is left out.

    Raises:
        ParseError: not a list, an empty one, or too many categories would be left out.
    """
    rows = accept_rows(
        body,
        lambda fields: (fields.identity("category_id"), fields.name("name")),
        what="coingecko /coins/categories/list",
        key="category_id",
    )
    refuse_empty(rows, "list of categories")
    return pl.DataFrame(rows, schema=CATEGORY_NAMES_SCHEMA, orient="row")


def _names(fields: Fields) -> tuple[str, str, str]:
    return fields.identity("id"), fields.name("symbol"), fields.name("name")


def _market(fields: Fields, span: TimeSpan) -> tuple[object, ...]:
    names = _names(fields)
    figures = [fields.number(key) for key in MARKET_NUMBERS]
    extras = [fields.or_null(fields.number_or_none, key) for key in MARKET_EXTRAS]
    _refuse_impossible(figures[0])
    updated = fields.time_or_none("last_updated")
    if updated is not None and not span.holds(updated):
        raise UntimelyError(f"`last_updated` should be from {span}, found {updated:%Y-%m-%d %H:%M:%S}")
    return (*names, *figures, *extras, updated)


def _points(body: dict[str, object], key: str, span: TimeSpan, left_out: BadRows) -> list[Point]:
    points = body.get(key)
    if not isinstance(points, list):
        raise ParseError(f"`{key}` should be a list, found {kind(points)}")
    kept = []
    for at, point in enumerate(points):
        try:
            kept.append(_point(point, key, span))
        except ParseError as fault:
            left_out.add(at, f"`{key}[{at}]`", fault)
    left_out.judge(len(points))
    return kept


def _point(point: object, key: str, span: TimeSpan) -> Point:
    match point:
        case [moment, None as value] if is_number(moment):
            pass
        case [moment, value] if is_number(moment) and is_number(value):
            value = finite(as_float(value), "value")
            if key == "market_caps":
                _refuse_impossible(value)
        case _:
            raise ParseError(f"should be [milliseconds, number or null], found {one_line(str(point))}")
    if not span.holds_seconds(as_float(moment) / 1000):
        raise UntimelyError(f"{moment} ms should be from {span}")
    return int(moment), value


def _refuse_impossible(cap: float | None) -> None:
    if cap is not None and cap > MAX_CAP_USD:
        raise ParseError(f"`market_cap` should be at most {MAX_CAP_USD:g} USD, found {cap:g}")


def _frame(points: list[Point], column: str) -> pl.DataFrame:
    """Of two points of the same moment the later one."""
    return pl.DataFrame(points, schema={"ms": pl.Int64(), column: pl.Float64()}, orient="row").unique("ms", keep="last")
