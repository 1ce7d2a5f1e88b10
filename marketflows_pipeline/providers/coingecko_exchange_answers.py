"""What CoinGecko's answers about exchanges and trending coins mean: their JSON as frames.

What belongs here: reading one parsed answer. What does not: asking for it (coingecko_exchanges.py), and error bodies
(coingecko_answers.py).
Shapes: the official OpenAPI file, and recorded answers where they say otherwise.
"""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.providers.exchange_protocol import EXCHANGE_SCHEMA, TRENDING_SCHEMA, VOLUME_CHART_SCHEMA
from marketflows_pipeline.providers.faults import ShapeError, one_line
from marketflows_pipeline.providers.json_fields import (
    Row,
    amounts_or_none,
    as_float,
    decimal,
    flags_or_none,
    is_number,
    kind,
    numbers,
    numbers_or_none,
    rows_of,
    texts,
    texts_or_none,
)

VOLUME_CHART_SOURCE = "coingecko:volume_chart"
# Farther from 1970 no microsecond fits the column.
LAST_MS = 8.64e15
NO_VALUE = {"", "nan", "inf", "infinity", "-infinity", "-inf"}


def read_exchanges(body: object) -> pl.DataFrame:
    """A page of exchanges in EXCHANGE_SCHEMA, row by row, an exchange that stands on it twice included.

    A volume that is null, negative or no finite number is null; so is a blank country or address. What only describes
    an exchange may be missing, its volume may not.

    Raises:
        ShapeError: not a list of objects, or a field that is missing or of another type; the message names both.
    """
    rows = rows_of(body)
    page = pl.DataFrame(
        {
            "exchange_id": texts(rows, "id"),
            "name": texts(rows, "name"),
            "volume_24h_btc": numbers(rows, "trade_volume_24h_btc"),
            "trust_score": numbers_or_none(rows, "trust_score"),
            "trust_score_rank": numbers_or_none(rows, "trust_score_rank"),
            "year_established": numbers_or_none(rows, "year_established"),
            "country": texts_or_none(rows, "country"),
            "url": texts_or_none(rows, "url"),
            "has_trading_incentive": flags_or_none(rows, "has_trading_incentive"),
        },
        schema_overrides={"volume_24h_btc": pl.Float64(), "trust_score": pl.Float64()},
        strict=False,
    )
    return page.with_columns(_at_least_zero("volume_24h_btc"), _finite("trust_score")).select(_cast(EXCHANGE_SCHEMA))


def read_volume_chart(body: object, exchange_id: str) -> pl.DataFrame:
    """A volume chart in VOLUME_CHART_SCHEMA, by time; of two points of the same moment the later one.

    Each value is the rolling sum of the 24 hours up to its point, as decimal text. A point whose value is null,
    negative or no finite number says nothing, and is left out.

    Raises:
        ShapeError: not a list of ``[milliseconds, decimal text]``; the message names the point.
    """
    if not isinstance(body, list):
        raise ShapeError(f"expected a list of points, found {kind(body)}")
    points = [_point(point, at) for at, point in enumerate(body)]
    chart = pl.DataFrame(
        {"ms": [ms for ms, _ in points], "volume_24h_btc": [volume for _, volume in points]},
        schema={"ms": pl.Int64(), "volume_24h_btc": pl.Float64()},
    )
    return (
        chart.with_columns(_at_least_zero("volume_24h_btc"))
        .drop_nulls()
        .unique("ms", keep="last")
        .sort("ms")
        .with_columns(
            exchange_id=pl.lit(exchange_id),
            ts=pl.from_epoch("ms", time_unit="ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
            source=pl.lit(VOLUME_CHART_SOURCE),
        )
        .select(_cast(VOLUME_CHART_SCHEMA))
    )


def read_trending(body: object) -> pl.DataFrame:
    """The coins of a trending search in TRENDING_SCHEMA, first the most wanted, each once.

    A coin without ``data`` has its names and rank only. Zero stays zero, as it does in markets: a cap of 0 is what the
    service shows of a coin whose supply it has not verified.

    Raises:
        ShapeError: no list ``coins`` of objects with an ``item``, or a field that is missing or of another type.
    """
    items = _items(body)
    figures = [_figures(item) for item in items]
    coins = pl.DataFrame(
        {
            "coin_id": texts(items, "id"),
            "symbol": texts(items, "symbol"),
            "name": texts(items, "name"),
            "market_cap_rank": numbers_or_none(items, "market_cap_rank"),
            "market_cap_usd": amounts_or_none(figures, "market_cap"),
            "volume_24h_usd": amounts_or_none(figures, "total_volume"),
            "price_usd": amounts_or_none(figures, "price"),
            "price_btc": numbers_or_none(items, "price_btc"),
            "price_change_24h_pct": numbers_or_none([_changes(row) for row in figures], "usd"),
        },
        schema_overrides={column: dtype for column, dtype in TRENDING_SCHEMA.items() if dtype == pl.Float64()},
        strict=False,
    )
    amounts = ("market_cap_usd", "volume_24h_usd", "price_usd", "price_btc")
    return (
        coins.unique("coin_id", keep="first", maintain_order=True)
        .with_columns(*map(_at_least_zero, amounts), _finite("price_change_24h_pct"))
        .select(_cast(TRENDING_SCHEMA))
    )


def _point(point: object, at: int) -> tuple[int, float | None]:
    """Milliseconds and volume of a point; a volume was seen as text only, but a number is as clear."""
    match point:
        case [moment, value] if is_number(moment) and abs(moment) <= LAST_MS:
            ms = int(moment)
        case _:
            raise _bad_point(point, at)
    match value:
        case None:
            return ms, None
        case str() if value.strip().lower() in NO_VALUE:
            return ms, None
        case str():
            volume = decimal(value.strip())
        case _:
            volume = as_float(value) if is_number(value) else None
    if volume is None:
        raise _bad_point(point, at)
    return ms, volume


def _bad_point(point: object, at: int) -> ShapeError:
    return ShapeError(f"point {at} should be [milliseconds, decimal text or null], found {one_line(str(point))}")


def _items(body: object) -> list[Row]:
    coins = body.get("coins") if isinstance(body, dict) else None
    if not isinstance(coins, list):
        raise ShapeError(f"expected an object with a list `coins`, found {kind(body)}")
    for at, coin in enumerate(coins):
        item = coin.get("item") if isinstance(coin, dict) else None
        if not isinstance(item, dict):
            raise ShapeError(f"`coins[{at}]` should be an object with an `item`, found {kind(coin)}")
    return [coin["item"] for coin in coins]


def _figures(item: Row) -> Row:
    """The figures of a coin under the coin's id, so that a message can name it."""
    figures = item.get("data")
    if figures is not None and not isinstance(figures, dict):
        raise ShapeError(f"`data` of {item.get('id')} should be an object or null, found {kind(figures)}")
    return {**(figures or {}), "id": item.get("id")}


def _changes(figures: Row) -> Row:
    changes = figures.get("price_change_percentage_24h")
    if changes is not None and not isinstance(changes, dict):
        raise ShapeError(
            f"`price_change_percentage_24h` of {figures['id']} should be an object by currency or null, "
            f"found {kind(changes)}"
        )
    return {**(changes or {}), "id": figures["id"]}


def _finite(column: str) -> pl.Expr:
    return pl.when(pl.col(column).is_finite()).then(pl.col(column)).alias(column)


def _at_least_zero(column: str) -> pl.Expr:
    return pl.when(pl.col(column).is_finite() & (pl.col(column) >= 0)).then(pl.col(column)).alias(column)


def _cast(schema: pl.Schema) -> list[pl.Expr]:
    """The columns of a schema; a rank or year too large to be one is null."""
    return [pl.col(column).cast(dtype, strict=not dtype.is_integer()) for column, dtype in schema.items()]
