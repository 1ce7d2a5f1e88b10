"""Parsers of CoinGecko's market caps, lists and categories: JSON to frames.

Shapes: the official OpenAPI file, which promises figures that were seen null.
"""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from itertools import pairwise
from typing import TypeAlias

import msgspec
import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows, refuse_empty
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.market_figures import (
    MOMENT,
    NamedCoin,
    frame_of,
    refuse_impossible_cap,
    timed_value,
    utc_time,
)
from marketflows_pipeline.providers.parsing import Figure, NotBlank, Row, described, finite, parse_list, parse_row
from marketflows_pipeline.providers.protocols.market_caps import (
    CATEGORY_NAMES_SCHEMA,
    CATEGORY_SCHEMA,
    COIN_SCHEMA,
    HISTORY_SCHEMA,
    MARKET_SCHEMA,
)
from marketflows_pipeline.transforms.market_caps.id_map import CONTRACTS
from marketflows_pipeline.transforms.time_span import COINS_SINCE, TimeSpan

HISTORY_SOURCE = "coingecko:market_chart"
MARKETS_SOURCE = "coingecko:markets"
REHYPOTHECATED_SOURCE = "coingecko:markets+rehypothecated"

CHART_COLUMNS = {"market_caps": "market_cap_usd", "prices": "price_usd", "total_volumes": "volume_usd"}
SEPARATOR = ","
Point: TypeAlias = tuple[int, Figure]


class _Contracts(Row):
    ids = ("id",)
    optional = ("platforms",)
    id: NotBlank
    platforms: dict[str, str | None] | None = None


class _Market(NamedCoin):
    """The four measured figures are always there, if null; the others only describe."""

    optional = (
        "market_cap_rank",
        "price_change_percentage_24h_in_currency",
        "price_change_percentage_7d_in_currency",
        "price_change_percentage_30d_in_currency",
        "circulating_supply",
    )
    market_cap: Figure
    current_price: Figure
    total_volume: Figure
    price_change_percentage_24h: Figure
    market_cap_rank: Figure = None
    price_change_percentage_24h_in_currency: Figure = None
    price_change_percentage_7d_in_currency: Figure = None
    price_change_percentage_30d_in_currency: Figure = None
    circulating_supply: Figure = None
    last_updated: str | None = None

    @property
    def change_24h(self) -> Figure:
        """The exact change, or else the rounded one of every response."""
        exact = self.price_change_percentage_24h_in_currency
        return self.price_change_percentage_24h if exact is None else exact


class _CategoryName(Row):
    ids = ("category_id",)
    names = ("name",)
    category_id: NotBlank
    name: str


class _Category(Row):
    ids = ("id", "top_3_coins_id")
    names = ("name",)
    id: NotBlank
    name: str
    market_cap: Figure = None
    market_cap_change_24h: Figure = None
    volume_24h: Figure = None
    top_3_coins_id: list[NotBlank] | None = None


def read_chart(body: object, coin_id: str, span: TimeSpan) -> pl.DataFrame:
    """A market chart in HISTORY_SCHEMA: its three arrays, which may differ in length, joined on their timestamps.

    A point that is not ``[milliseconds, finite number or null]``, that has an impossible cap, or whose time is outside
    the span is left out, with a warning.

    Raises:
        ParseError: an array is missing, or too many of its points would be left out.
    """
    if not isinstance(body, dict):
        raise ParseError(
            f"expected an object with `prices`, `market_caps` and `total_volumes`, found {described(body)}"
        )
    bad_points = BadRows(f"coingecko history of {coin_id}", "points")
    points = {column: _points(body.get(key), key, span, bad_points) for key, column in CHART_COLUMNS.items()}
    bad_points.log(max(map(len, points.values())) + bad_points.count)
    times = [[ms for ms, _ in each] for each in points.values()]
    if all(each == times[0] for each in times) and all(a < b for a, b in pairwise(times[0])):
        values = {column: [value for _, value in each] for column, each in points.items()}
        schema = {"ms": pl.Int64(), **dict.fromkeys(points, pl.Float64())}
        joined = pl.DataFrame({"ms": times[0], **values}, schema=schema)
    else:
        arrays = [_frame(each, column) for column, each in points.items()]
        joined = reduce(lambda left, right: left.join(right, on="ms", how="full", coalesce=True), arrays).sort("ms")
    return joined.with_columns(
        coin_id=pl.lit(coin_id),
        ts=MOMENT,
        source=pl.lit(HISTORY_SOURCE),
    ).select(HISTORY_SCHEMA.names())


def read_markets(
    body: object, *, with_rehypothecated: bool, now: datetime, is_first_page: bool = False
) -> pl.DataFrame:
    """A page of markets in MARKET_SCHEMA, row by row.

    A row is left out, with a warning, where ``id``, ``symbol`` or ``name`` is not text, a figure is missing or not a
    finite number or null, the cap is impossible, or ``last_updated`` is no time or an impossible one. A rank, supply or
    change over 7 or 30 days that is no number is null.

    Raises:
        ParseError: not a list, an empty first page, or too many rows would be left out.
    """
    span = TimeSpan.ever(COINS_SINCE, now=now)

    def parse(row: object, nulls: list[ParseError]) -> tuple[object, ...]:
        coin = parse_row(row, _Market, nulls)
        refuse_impossible_cap(coin.market_cap)
        return (
            *(coin.id, coin.symbol, coin.name, coin.market_cap, coin.current_price, coin.total_volume),
            *(coin.change_24h, coin.price_change_percentage_7d_in_currency),
            *(coin.price_change_percentage_30d_in_currency, coin.circulating_supply, coin.market_cap_rank),
            *(_updated(coin.last_updated, span), with_rehypothecated),
            REHYPOTHECATED_SOURCE if with_rehypothecated else MARKETS_SOURCE,
        )

    rows = parse_list(body, parse, what="coingecko /coins/markets")
    if is_first_page:
        refuse_empty(rows, "first page")
    return frame_of(rows, MARKET_SCHEMA)


def read_coins(body: object) -> pl.DataFrame:
    """The list of coins in COIN_SCHEMA; one whose ``id``, ``symbol`` or ``name`` is not text is left out.

    Raises:
        ParseError: not a list, an empty one, or too many coins would be left out.
    """
    rows = parse_list(
        body, lambda row, nulls: msgspec.structs.astuple(parse_row(row, NamedCoin, nulls)), what="coingecko /coins/list"
    )
    refuse_empty(rows, "list of coins")
    return pl.DataFrame(rows, schema=COIN_SCHEMA, orient="row")


def read_contracts(body: object) -> pl.DataFrame:
    """The contracts of coins in CONTRACTS, platforms by the service's names; a coin of the chain's own has none.

    Raises:
        ParseError: not a list, an empty one, or too many coins would be left out.
    """
    rows = parse_list(body, lambda row, nulls: parse_row(row, _Contracts, nulls), what="coingecko /coins/list")
    refuse_empty(rows, "list of coins")
    # The own coin of a chain is listed with an empty name and address; an address may be null.
    found = [
        (name, address, row.id) for row in rows for name, address in (row.platforms or {}).items() if name and address
    ]
    return pl.DataFrame(found, schema=CONTRACTS, orient="row")


def read_categories(body: object) -> pl.DataFrame:
    """The list of categories in CATEGORY_NAMES_SCHEMA; one whose ``category_id`` or ``name`` is not text is left out.

    Raises:
        ParseError: not a list, an empty one, or too many categories would be left out.
    """
    rows = parse_list(
        body,
        lambda row, nulls: msgspec.structs.astuple(parse_row(row, _CategoryName, nulls)),
        what="coingecko /coins/categories/list",
        key="category_id",
    )
    refuse_empty(rows, "list of categories")
    return pl.DataFrame(rows, schema=CATEGORY_NAMES_SCHEMA, orient="row")


def read_category_snapshot(body: object) -> pl.DataFrame:
    """The categories with their figures in CATEGORY_SCHEMA, each once; a malformed one is left out, with a warning.

    Figures of categories without coins were seen null, though the official description promises every figure.

    Raises:
        ParseError: not a list, an empty one, or too many categories would be left out.
    """
    rows = parse_list(body, _category, what="coingecko /coins/categories")
    refuse_empty(rows, "list of categories")
    return pl.DataFrame(rows, schema=CATEGORY_SCHEMA, orient="row").unique(
        "category_id", keep="first", maintain_order=True
    )


def _category(row: object, nulls: list[ParseError]) -> tuple[object, ...]:
    *figures, largest = msgspec.structs.astuple(parse_row(row, _Category, nulls))
    return (*figures, SEPARATOR.join(largest or []) or None)


def _updated(text: str | None, span: TimeSpan) -> datetime | None:
    return None if text is None else utc_time(text, "last_updated", span)


def _points(points: object, key: str, span: TimeSpan, bad_points: BadRows) -> list[Point]:
    if not isinstance(points, list):
        raise ParseError(f"`{key}` should be a list, found {described(points)}")
    return bad_points.keep(points, lambda point: _point(point, key, span), lambda at, _: f"`{key}[{at}]`")


def _point(point: object, key: str, span: TimeSpan) -> Point:
    moment, value = timed_value(point, Figure, "number or null", span)
    if value is not None:
        finite(value, "value")
    if key == "market_caps":
        refuse_impossible_cap(value)
    return moment, value


def _frame(points: list[Point], column: str) -> pl.DataFrame:
    """Of two points of the same moment the later one."""
    return pl.DataFrame(points, schema={"ms": pl.Int64(), column: pl.Float64()}, orient="row").unique("ms", keep="last")
