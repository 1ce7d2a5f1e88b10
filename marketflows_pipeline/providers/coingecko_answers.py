"""What CoinGecko's answers mean: its error bodies, and its JSON as frames.

What belongs here: judging and reading one parsed answer. What does not: asking for it (coingecko.py).
Shapes: the official OpenAPI file; the error bodies are undocumented, come in four shapes, and sometimes under HTTP 200.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from http import HTTPStatus
from itertools import pairwise
from typing import TypeAlias

import polars as pl

from marketflows_pipeline.errors import BadAnswerError, PlanLimitError
from marketflows_pipeline.providers.faults import Answer, Fault, ShapeError, classify_by_status, fault_of, one_line
from marketflows_pipeline.providers.json_fields import as_float, is_number, kind, numbers, rows_of, texts, times
from marketflows_pipeline.providers.protocol import COIN_SCHEMA, MARKET_SCHEMA

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
Point: TypeAlias = tuple[float, float | None]
NUMBERS = (int, float)
CHART_COLUMNS = {"market_caps": "market_cap_usd", "prices": "price_usd", "total_volumes": "volume_usd"}
MARKET_NUMBERS = {
    "market_cap": "market_cap_usd",
    "current_price": "price_usd",
    "total_volume": "volume_usd",
    "price_change_percentage_24h": "price_change_24h_pct",
    "market_cap_rank": "market_cap_rank",
}
# Recorded beside the others: null for younger coins, and where they can't be read, which costs no row its market cap.
MARKET_EXTRAS = {
    "price_change_percentage_24h_in_currency": "price_change_24h_exact_pct",
    "price_change_percentage_7d_in_currency": "price_change_7d_pct",
    "price_change_percentage_30d_in_currency": "price_change_30d_pct",
    "circulating_supply": "circulating_supply",
}


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
        """The HTTP status that the body stands for when it comes under 200, or None where it does not tell."""
        said = self.message.lower()
        if self.code in PLAN_ADVICE:
            return HTTPStatus.UNAUTHORIZED
        if self.code is not None and HTTPStatus.BAD_REQUEST <= self.code < 600:
            return self.code
        if "rate limit" in said:
            return HTTPStatus.TOO_MANY_REQUESTS
        if "not found" in said or "could not find" in said:
            return HTTPStatus.NOT_FOUND
        return None


def service_error(body: object) -> ServiceError | None:
    """The error that a parsed body is, or None where it is none."""
    match body:
        case {"error": {"status": {}} as nested}:
            return service_error(nested)
        case {"status": {"error_code": int(code), **rest}}:
            return ServiceError(code, one_line(str(rest.get("error_message", ""))))
        case {"error": str(message), **rest}:
            status = rest.get("status")
            return ServiceError(status if isinstance(status, int) else None, one_line(message))
        case {"error": other}:
            return ServiceError(None, one_line(str(other)))
        case _:
            return None


def classify(answer: Answer) -> Fault | None:
    """Judge an answer of CoinGecko; None is a usable one."""
    error = service_error(answer.body_or_none)
    if error is None:
        if answer.status == HTTPStatus.FORBIDDEN and not answer.is_html:
            return Fault(PlanLimitError, f"HTTP 403, {answer.excerpt}; the plan does not include this")
        return classify_by_status(answer)
    said = f"HTTP {answer.status}, {error.message or 'no message'}" + (f" ({error.code})" if error.code else "")
    if error.code in PLAN_ADVICE:
        return Fault(PlanLimitError, f"{PLAN_ADVICE[error.code]} [{said}]")
    status = error.implied_status if answer.is_success else answer.status
    if status is None:
        return Fault(BadAnswerError, f"an error body: {said}")
    if status == HTTPStatus.FORBIDDEN:
        return Fault(PlanLimitError, f"{said}; the plan does not include this")
    return fault_of(status, said, is_html=False)


def read_chart(body: object, coin_id: str) -> pl.DataFrame:
    """A market chart in HISTORY_SCHEMA: its three arrays, which may differ in length, joined on their timestamps.

    Raises:
        ShapeError: an array is missing, or a point is not ``[milliseconds, number or null]``.
    """
    if not isinstance(body, dict):
        raise ShapeError(f"expected an object with `prices`, `market_caps` and `total_volumes`, found {kind(body)}")
    points = {column: _points(body, key) for key, column in CHART_COLUMNS.items()}
    times = [[ms for ms, _ in each] for each in points.values()]
    if all(each == times[0] for each in times) and all(a < b for a, b in pairwise(times[0])):
        values = {column: [value for _, value in each] for column, each in points.items()}
        schema = {"ms": pl.Int64(), **dict.fromkeys(points, pl.Float64())}
        joined = pl.DataFrame({"ms": [int(ms) for ms in times[0]], **values}, schema=schema, strict=False)
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


def read_markets(body: object, *, with_rehypothecated: bool) -> pl.DataFrame:
    """A page of markets in MARKET_SCHEMA, row by row.

    Raises:
        ShapeError: not a list of objects, or a field that is missing or of another type; the message names both.
    """
    rows = rows_of(body)
    named = {"coin_id": texts(rows, "id"), "symbol": texts(rows, "symbol"), "name": texts(rows, "name")}
    figures = {column: numbers(rows, key) for key, column in MARKET_NUMBERS.items()}
    extras = {
        column: pl.Series([_number_if_any(row.get(key)) for row in rows], dtype=pl.Float64)
        for key, column in MARKET_EXTRAS.items()
    }
    updated = pl.Series(times(rows, "last_updated"), dtype=MARKET_SCHEMA["last_updated"])
    page = pl.DataFrame({**named, **figures, **extras, "last_updated": updated}, strict=False)
    return page.with_columns(
        price_change_24h_pct=pl.coalesce("price_change_24h_exact_pct", pl.col("price_change_24h_pct").cast(pl.Float64)),
        with_rehypothecated=with_rehypothecated,
        source=pl.lit(REHYPOTHECATED_SOURCE if with_rehypothecated else MARKETS_SOURCE),
    ).select(pl.col(column).cast(dtype) for column, dtype in MARKET_SCHEMA.items())


def read_coins(body: object) -> pl.DataFrame:
    """The list of coins in COIN_SCHEMA.

    Raises:
        ShapeError: not a list of objects with ``id``, ``symbol`` and ``name``.
    """
    rows = rows_of(body)
    keys = {"coin_id": "id", "symbol": "symbol", "name": "name"}
    return pl.DataFrame({column: texts(rows, key) for column, key in keys.items()}, schema=COIN_SCHEMA)


def read_categories(body: object) -> pl.DataFrame:
    """The list of categories: ``slug`` and ``name``.

    Raises:
        ShapeError: not a list of objects with ``category_id`` and ``name``.
    """
    rows = rows_of(body)
    keys = {"slug": "category_id", "name": "name"}
    schema = {column: pl.String() for column in keys}
    return pl.DataFrame({column: texts(rows, key) for column, key in keys.items()}, schema=schema)


def _points(body: dict[str, object], key: str) -> list[Point]:
    points = body.get(key)
    if not isinstance(points, list):
        raise ShapeError(f"`{key}` should be a list, found {kind(points)}")
    for at, point in enumerate(points):
        if not _is_point(point):
            raise ShapeError(f"`{key}[{at}]` should be [milliseconds, number or null], found {one_line(str(point))}")
    return points


def _is_point(point: object) -> bool:
    return (
        isinstance(point, list)
        and len(point) == 2
        and type(point[0]) in NUMBERS
        and (point[1] is None or type(point[1]) in NUMBERS)
    )


def _number_if_any(value: object) -> float | None:
    """A finite number, or None for all else."""
    number = as_float(value) if is_number(value) else math.nan
    return number if math.isfinite(number) else None


def _frame(points: list[Point], column: str) -> pl.DataFrame:
    """Of two points of the same moment the later one."""
    return pl.DataFrame(
        {"ms": [int(ms) for ms, _ in points], column: [value for _, value in points]},
        schema={"ms": pl.Int64(), column: pl.Float64()},
        strict=False,
    ).unique("ms", keep="last")
