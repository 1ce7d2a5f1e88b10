"""Parsers of CoinGecko's exchanges, volume charts and trending coins: JSON to frames.

Shapes: the official OpenAPI file, and recorded responses where they differ from it.
"""

from __future__ import annotations

import re

import msgspec
import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows, refuse_empty
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.market_figures import MOMENT, bad_point, frame_of, once_each, timed_value
from marketflows_pipeline.providers.parsing import (
    Figure,
    NotBlank,
    Row,
    described,
    finite,
    is_address,
    parse_list,
    parse_row,
)
from marketflows_pipeline.providers.protocols.exchanges import EXCHANGE_SCHEMA, TRENDING_SCHEMA, VOLUME_CHART_SCHEMA
from marketflows_pipeline.system.printable import presentable
from marketflows_pipeline.transforms.time_span import TimeSpan

VOLUME_CHART_SOURCE = "coingecko:volume_chart"
VOLUME_EXPECTED = "decimal text or null"
NO_VALUE = {"", "nan", "inf", "infinity", "-infinity", "-inf"}
DECIMAL = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)
MONEY = re.compile(r"(-?)\$?((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?(?:e[+-]?\d+)?)", re.IGNORECASE)
# Prices with many zeros were once formatted for a browser: $0.0<sub title="0.0000015">5</sub>15.
FORMATTED = re.compile(r'<sub title="([^"]+)"')


class _Exchange(Row):
    ids = ("id",)
    names = ("name",)
    optional = ("trust_score", "trust_score_rank", "year_established", "country", "url", "has_trading_incentive")
    id: NotBlank
    name: str
    trade_volume_24h_btc: Figure
    trust_score: Figure = None
    trust_score_rank: Figure = None
    year_established: Figure = None
    country: str | None = None
    url: str | None = None
    has_trading_incentive: bool | None = None


class _Changes(msgspec.Struct):
    usd: Figure = None


class _TrendingFigures(msgspec.Struct):
    market_cap: float | str | None = None
    total_volume: float | str | None = None
    price: float | str | None = None
    price_change_percentage_24h: _Changes | None = None


class _TrendingCoin(Row):
    ids = ("id",)
    names = ("symbol", "name")
    optional = ("market_cap_rank",)
    id: NotBlank
    symbol: str
    name: str
    market_cap_rank: Figure = None
    price_btc: Figure = None
    data: _TrendingFigures | None = None


def read_exchanges(body: object, *, is_first_page: bool = False) -> pl.DataFrame:
    """A page of exchanges in EXCHANGE_SCHEMA, row by row, with an exchange that stands on it twice.

    An exchange is left out, with a warning, where ``id`` or ``name`` is not text, or its volume is missing or not a
    finite number or null. A volume that is negative is null, and so is what only describes an exchange where it is
    missing, blank or of another type.

    Raises:
        ParseError: not a list, an empty first page, or too many rows would be left out.
    """
    rows = parse_list(body, _exchange, what="coingecko /exchanges")
    if is_first_page:
        refuse_empty(rows, "first page")
    page = frame_of(rows, EXCHANGE_SCHEMA)
    return page.with_columns(_at_least_zero("volume_24h_btc"))


def read_volume_chart(body: object, exchange_id: str, span: TimeSpan) -> pl.DataFrame:
    """A volume chart in VOLUME_CHART_SCHEMA, by time; of two points of the same moment the later one.

    Each value is the rolling sum of the 24 hours up to its point, as decimal text. A point whose value is null,
    negative or text for no number is dropped. One that is not ``[milliseconds, decimal text]``, or whose time is
    outside the span, is left out with a warning.

    Raises:
        ParseError: not a list, or too many points would be left out.
    """
    if not isinstance(body, list):
        raise ParseError(f"expected a list of points, found {described(body)}")
    bad_points = BadRows(f"coingecko volume chart of {exchange_id}", "points")
    points = bad_points.keep(body, lambda point: _point(point, span), lambda at, _: f"point {at}")
    bad_points.log(len(body))
    chart = pl.DataFrame(points, schema={"ms": pl.Int64(), "volume_24h_btc": pl.Float64()}, orient="row")
    return (
        chart.with_columns(_at_least_zero("volume_24h_btc"))
        .drop_nulls()
        .unique("ms", keep="last")
        .sort("ms")
        .with_columns(
            exchange_id=pl.lit(exchange_id),
            ts=MOMENT,
            source=pl.lit(VOLUME_CHART_SOURCE),
        )
        .select(VOLUME_CHART_SCHEMA.names())
    )


def read_is_centralised(body: object) -> bool | None:
    """Whether the exchange of a response is centralised; None where ``centralized`` is neither true nor false.

    Raises:
        ParseError: no object, or one without a name.
    """
    if not isinstance(body, dict) or not isinstance(body.get("name"), str):
        raise ParseError(f"expected an object with a name, found {described(body)}")
    centralised = body.get("centralized")
    return centralised if isinstance(centralised, bool) else None


def read_trending(body: object) -> pl.DataFrame:
    """The coins of a trending search in TRENDING_SCHEMA, the most searched first, each once.

    A coin without ``data`` has its names and rank only. Zero stays zero, as it does in markets: a cap of 0 is what the
    service shows of a coin whose supply it has not verified. A coin is left out, with a warning, where ``id``,
    ``symbol`` or ``name`` is not text, or a figure is neither a number nor an amount; a rank that is no number is null.

    Raises:
        ParseError: no list ``coins``, or too many of them would be left out.
    """
    coins = body.get("coins") if isinstance(body, dict) else None
    if not isinstance(coins, list):
        raise ParseError(f"expected an object with a list `coins`, found {described(body)}")
    items = [coin.get("item") if isinstance(coin, dict) else coin for coin in coins]
    rows = parse_list(items, _trending_coin, what="coingecko /search/trending")
    amounts = ("market_cap_usd", "volume_24h_usd", "price_usd", "price_btc")
    return once_each(frame_of(rows, TRENDING_SCHEMA)).with_columns(*map(_at_least_zero, amounts))


def decimal(text: str) -> float | None:
    """The number in a text such as ``76327.6889417086372104``, or None where it is none."""
    return float(text) if DECIMAL.fullmatch(text) else None


def amount(text: str) -> float | None:
    """Dollars in a text such as ``$521,967,819``, ``-$0.00000123`` or ``$1.2e-7``, or None where there are none."""
    formatted = FORMATTED.search(text)
    match = MONEY.fullmatch((formatted[1] if formatted else text).strip())
    return float(match[1] + match[2].replace(",", "")) if match else None


def _exchange(row: object, nulls: list[ParseError]) -> tuple[object, ...]:
    exchange = parse_row(row, _Exchange, nulls)
    url = (exchange.url or "").strip()
    exchange.country = presentable(exchange.country or "") or None
    exchange.url = url if is_address(url) else None
    return msgspec.structs.astuple(exchange)


def _trending_coin(row: object, nulls: list[ParseError]) -> tuple[object, ...]:
    coin = parse_row(row, _TrendingCoin, nulls)
    figures = coin.data or _TrendingFigures()
    changes = figures.price_change_percentage_24h or _Changes()
    return (
        coin.id,
        coin.symbol,
        coin.name,
        coin.market_cap_rank,
        _dollars(figures.market_cap, "market_cap"),
        _dollars(figures.total_volume, "total_volume"),
        _dollars(figures.price, "price"),
        coin.price_btc,
        changes.usd if changes.usd is None else finite(changes.usd, "usd"),
    )


def _dollars(value: float | str | None, key: str) -> Figure:
    """Money as a number or as text; null and blank are None."""
    if isinstance(value, str) and value.strip():
        if (dollars := amount(value)) is None:
            raise ParseError(f"`{key}` should be an amount of money, found {described(value)}")
        return finite(dollars, key)
    return finite(value, key) if isinstance(value, float) else None


def _point(point: object, span: TimeSpan) -> tuple[int, Figure]:
    """Milliseconds and volume of a point; a volume was seen as text only, but a number is as clear."""
    moment, value = timed_value(point, float | str | None, VOLUME_EXPECTED, span)
    if not isinstance(value, str):
        return moment, value if value is None else finite(value, "volume")
    volume = decimal(value.strip())
    if volume is None and value.strip().lower() not in NO_VALUE:
        raise bad_point(point, VOLUME_EXPECTED)
    return moment, volume


def _at_least_zero(column: str) -> pl.Expr:
    return pl.when(pl.col(column).is_finite() & (pl.col(column) >= 0)).then(pl.col(column)).alias(column)
