"""What CoinGecko's answers about exchanges and trending coins mean: their JSON as frames.

Shapes: the official OpenAPI file, and recorded answers where they say otherwise.
"""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows, UntimelyError, accept_rows, refuse_empty
from marketflows_pipeline.providers.http.responses import ParseError, one_line
from marketflows_pipeline.providers.json_fields import Fields, as_float, decimal, finite, is_number, kind
from marketflows_pipeline.providers.protocols.exchanges import EXCHANGE_SCHEMA, TRENDING_SCHEMA, VOLUME_CHART_SCHEMA
from marketflows_pipeline.transforms.time_span import TimeSpan

VOLUME_CHART_SOURCE = "coingecko:volume_chart"
EXCHANGE_RATINGS = ("trust_score", "trust_score_rank", "year_established")
NO_VALUE = {"", "nan", "inf", "infinity", "-infinity", "-inf"}


def read_exchanges(body: object, *, is_first_page: bool = False) -> pl.DataFrame:
    """A page of exchanges in EXCHANGE_SCHEMA, row by row, an exchange that stands on it twice included.

    An exchange is left out, with a warning, where ``id`` or ``name`` is not text, or its volume is missing or not a
    finite number or null. A volume that is negative is null, and so is what only describes an exchange where it is
    missing, blank or of another type.

    Raises:
        ParseError: not a list, an empty first page, or too many rows would be left out.
    """
    rows = accept_rows(body, _exchange, what="coingecko /exchanges")
    if is_first_page:
        refuse_empty(rows, "first page")
    # Ranks and years are whole numbers only once they are known to fit.
    schema = {column: pl.Float64() if dtype.is_integer() else dtype for column, dtype in EXCHANGE_SCHEMA.items()}
    page = pl.DataFrame(rows, schema=schema, orient="row")
    return page.with_columns(_at_least_zero("volume_24h_btc")).select(_cast(EXCHANGE_SCHEMA))


def read_volume_chart(body: object, exchange_id: str, span: TimeSpan) -> pl.DataFrame:
    """A volume chart in VOLUME_CHART_SCHEMA, by time; of two points of the same moment the later one.

    Each value is the rolling sum of the 24 hours up to its point, as decimal text. A point whose value is null,
    negative or text for no number says nothing, and is left out. So is, with a warning, one that is not
    ``[milliseconds, decimal text]``, or whose time is outside the span.

    Args:
        body: the parsed JSON.
        exchange_id: of the exchange.
        span: when its points can be.

    Raises:
        ParseError: not a list, or too many points would be left out.
    """
    if not isinstance(body, list):
        raise ParseError(f"expected a list of points, found {kind(body)}")
    left_out = BadRows(f"coingecko volume chart of {exchange_id}", "points")
    points = []
    for at, point in enumerate(body):
        try:
            points.append(_point(point, span))
        except ParseError as fault:
            left_out.add(at, f"point {at}", fault)
    left_out.judge(len(body))
    left_out.tell(len(body))
    chart = pl.DataFrame(points, schema={"ms": pl.Int64(), "volume_24h_btc": pl.Float64()}, orient="row")
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


def read_is_centralised(body: object) -> bool | None:
    """Whether the exchange of an answer is centralised; None where ``centralized`` is neither true nor false.

    Raises:
        ParseError: no object, or one without a name.
    """
    if not isinstance(body, dict) or not isinstance(body.get("name"), str):
        raise ParseError(f"expected an object with a name, found {kind(body)}")
    said = body.get("centralized")
    return said if isinstance(said, bool) else None


def read_trending(body: object) -> pl.DataFrame:
    """The coins of a trending search in TRENDING_SCHEMA, first the most wanted, each once.

    A coin without ``data`` has its names and rank only. Zero stays zero, as it does in markets: a cap of 0 is what the
    service shows of a coin whose supply it has not verified. A coin is left out, with a warning, where ``id``,
    ``symbol`` or ``name`` is not text, or a figure is neither a number nor an amount; a rank that is no number is null.

    Raises:
        ParseError: no list ``coins``, or too many of them would be left out.
    """
    coins = body.get("coins") if isinstance(body, dict) else None
    if not isinstance(coins, list):
        raise ParseError(f"expected an object with a list `coins`, found {kind(body)}")
    items = [coin.get("item") if isinstance(coin, dict) else coin for coin in coins]
    rows = accept_rows(items, _trending_coin, what="coingecko /search/trending")
    schema = {column: pl.Float64() if dtype.is_integer() else dtype for column, dtype in TRENDING_SCHEMA.items()}
    amounts = ("market_cap_usd", "volume_24h_usd", "price_usd", "price_btc")
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .unique("coin_id", keep="first", maintain_order=True)
        .with_columns(*map(_at_least_zero, amounts))
        .select(_cast(TRENDING_SCHEMA))
    )


def _exchange(fields: Fields) -> tuple[object, ...]:
    return (
        fields.identity("id"),
        fields.name("name"),
        fields.number("trade_volume_24h_btc"),
        *(fields.or_null(fields.number_or_none, key) for key in EXCHANGE_RATINGS),
        fields.or_null(fields.text_or_none, "country"),
        fields.or_null(fields.address_or_none, "url"),
        fields.or_null(fields.flag_or_none, "has_trading_incentive"),
    )


def _trending_coin(item: Fields) -> tuple[object, ...]:
    figures = item.object_or_empty("data")
    changes = figures.object_or_empty("price_change_percentage_24h")
    return (
        item.identity("id"),
        item.name("symbol"),
        item.name("name"),
        item.or_null(item.number_or_none, "market_cap_rank"),
        figures.amount_or_none("market_cap"),
        figures.amount_or_none("total_volume"),
        figures.amount_or_none("price"),
        item.number_or_none("price_btc"),
        changes.number_or_none("usd"),
    )


def _point(point: object, span: TimeSpan) -> tuple[int, float | None]:
    """Milliseconds and volume of a point; a volume was seen as text only, but a number is as clear."""
    match point:
        case [moment, value] if is_number(moment):
            pass
        case _:
            raise _bad_point(point)
    if not span.holds_seconds(as_float(moment) / 1000):
        raise UntimelyError(f"{moment} ms should be from {span}")
    match value:
        case None:
            return int(moment), None
        case str() if value.strip().lower() in NO_VALUE:
            return int(moment), None
        case str():
            volume = decimal(value.strip())
        case _:
            volume = finite(as_float(value), "volume") if is_number(value) else None
    if volume is None:
        raise _bad_point(point)
    return int(moment), volume


def _bad_point(point: object) -> ParseError:
    return ParseError(f"should be [milliseconds, decimal text or null], found {one_line(str(point))}")


def _at_least_zero(column: str) -> pl.Expr:
    return pl.when(pl.col(column).is_finite() & (pl.col(column) >= 0)).then(pl.col(column)).alias(column)


def _cast(schema: pl.Schema) -> list[pl.Expr]:
    """The columns of a schema; a rank or year too large to be one is null."""
    return [pl.col(column).cast(dtype, strict=not dtype.is_integer()) for column, dtype in schema.items()]
