"""Parsers of CoinPaprika's tickers, histories, coins, tags and contracts: JSON to frames.

Shapes: the official OpenAPI file, and what was served beyond it. An empty text stands for a missing number, and a
market cap of 0 beside a price for a supply that nobody has verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

import polars as pl

from marketflows_pipeline.providers.bad_rows import BadRows, refuse_empty
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.market_figures import (
    NamedCoin,
    by_falling_cap,
    frame_of,
    once_each,
    refuse_impossible_cap,
    utc_time,
)
from marketflows_pipeline.providers.parsing import Figure, NotBlank, Row, described, iso_moment, parse_list, parse_row
from marketflows_pipeline.providers.protocols.market_caps import COIN_SCHEMA, HISTORY_SCHEMA, MARKET_SCHEMA
from marketflows_pipeline.system.printable import is_identity
from marketflows_pipeline.transforms.time_span import COINS_SINCE, TimeSpan

HISTORY_SOURCE = "coinpaprika:historical"
TICKERS_SOURCE = "coinpaprika:tickers"

# A number as it may be written.
Amount: TypeAlias = float | Literal[""] | None

CAP_CHANGE = "cap_change_24h_pct"
TICKER_SCHEMA = pl.Schema({**MARKET_SCHEMA, CAP_CHANGE: pl.Float64()})
CONTRACT_SCHEMA = pl.Schema({"address": pl.String(), "coin_id": pl.String()})
# Long ago, so that every change is taken as it is.
UNKNOWN_START = datetime(1, 1, 1, tzinfo=UTC)


class _Coin(NamedCoin):
    optional = ("is_active",)
    is_active: bool | None = None


class _Ticker(NamedCoin):
    """`circulating_supply` is missing on the free plan."""

    optional = ("rank", "circulating_supply", "first_data_at")
    quotes: Mapping[str, Any] = {}
    rank: Amount = None
    circulating_supply: Amount = None
    first_data_at: str | None = None
    last_updated: str | None = None


class _Quote(Row):
    """The three measured figures are always there, if empty; the changes only describe."""

    optional = ("market_cap_change_24h", "percent_change_24h", "percent_change_7d", "percent_change_30d")
    price: Amount
    volume_24h: Amount
    market_cap: Amount
    market_cap_change_24h: Amount = None
    percent_change_24h: Amount = None
    percent_change_7d: Amount = None
    percent_change_30d: Amount = None


class _Tick(Row):
    timestamp: str
    price: Amount
    volume_24h: Amount
    market_cap: Amount


class _Tag(Row):
    ids = ("id",)
    names = ("name",)
    id: NotBlank
    name: str
    coins: list[Any] | None = None


class _Contract(Row):
    ids = ("address", "id")
    optional = ("active",)
    address: NotBlank
    id: NotBlank
    active: bool | None = None


@dataclass(frozen=True)
class Tag:
    """A tag with the ids of its coins; None where the service named none."""

    name: str
    coins: frozenset[str] | None


@dataclass(frozen=True)
class Tickers:
    """All tickers in TICKER_SCHEMA by falling market cap, and the ids of rows that were left out."""

    rows: pl.DataFrame
    left_out: frozenset[str]


def read_history(body: object, coin_id: str, span: TimeSpan) -> pl.DataFrame:
    """The ticks of one coin in HISTORY_SCHEMA, by time; of two of the same moment the later one. It may be empty.

    A tick with a figure that is no number, an impossible cap, or a time outside the span is left out, with a warning.

    Raises:
        ParseError: not a list, or too many of its ticks would be left out.
    """
    if not isinstance(body, list):
        raise ParseError(f"expected a list of ticks, found {described(body)}")
    bad_ticks = BadRows(f"coinpaprika history of {coin_id}", "ticks")

    def parse(row: object) -> tuple[object, ...]:
        tick = parse_row(row, _Tick, [])
        moment = utc_time(tick.timestamp, "timestamp", span)
        figures = (_cap(tick.market_cap), _figure(tick.price), _figure(tick.volume_24h))
        return coin_id, moment, *figures, HISTORY_SOURCE

    rows = bad_ticks.keep(body, parse, lambda at, _: f"`[{at}]`")
    bad_ticks.log(len(body))
    columns = ("coin_id", "ts", "market_cap_usd", "price_usd", "volume_usd", "source")
    schema = pl.Schema({name: HISTORY_SCHEMA[name] for name in columns})
    ticks = pl.DataFrame(rows, schema=schema, orient="row")
    return ticks.unique("ts", keep="last", maintain_order=True).sort("ts").select(HISTORY_SCHEMA.names())


def read_tickers(body: object, now: datetime) -> Tickers:
    """All tickers by falling market cap, each coin once, those without a cap last.

    A row is left out, with a warning, where ``id``, ``symbol`` or ``name`` is not text, a figure of its quote is
    missing or no number, the cap is impossible, or ``last_updated`` is no time or an impossible one. A rank, supply or
    change that is no number is null.

    Raises:
        ParseError: not a list, an empty one, or too many rows would be left out.
    """
    span = TimeSpan.ever(COINS_SINCE, now=now)
    left_out: set[str] = set()

    def parse(row: object, nulls: list[ParseError]) -> tuple[object, ...]:
        try:
            return _ticker(row, nulls, span)
        except ParseError:
            if isinstance(row, dict) and isinstance(row.get("id"), str):
                left_out.add(row["id"])
            raise

    rows = parse_list(body, parse, what="coinpaprika /tickers")
    refuse_empty(rows, "list of tickers")
    return Tickers(_markets(rows), frozenset(left_out))


def read_ticker(body: object, now: datetime) -> pl.DataFrame:
    """The ticker of one coin as a row in TICKER_SCHEMA.

    Raises:
        ParseError: it is not what is documented, as for `read_tickers`.
    """
    return _markets([_ticker(body, [], TimeSpan.ever(COINS_SINCE, now=now))])


def read_coins(body: object) -> pl.DataFrame:
    """The list of coins in COIN_SCHEMA, and ``is_active``; inactive ones have no price any more.

    Raises:
        ParseError: not a list, an empty one, or too many coins would be left out.
    """

    def parse(row: object, nulls: list[ParseError]) -> tuple[object, ...]:
        coin = parse_row(row, _Coin, nulls)
        return coin.id, coin.symbol.lower(), coin.name, coin.is_active is not False

    rows = parse_list(body, parse, what="coinpaprika /coins")
    refuse_empty(rows, "list of coins")
    return pl.DataFrame(rows, schema={**COIN_SCHEMA, "is_active": pl.Boolean()}, orient="row")


def read_tags(body: object) -> dict[str, Tag]:
    """Every tag by its id; one whose ``id`` or ``name`` is not text is left out.

    Raises:
        ParseError: not a list, an empty one, or too many tags would be left out.
    """
    rows = parse_list(body, _tag, what="coinpaprika /tags")
    refuse_empty(rows, "list of tags")
    return dict(rows)


def read_tag(body: object) -> Tag:
    """One tag.

    Raises:
        ParseError: it is not what is documented.
    """
    _, tag = _tag(body, [])
    return tag


def read_contracts(body: object) -> pl.DataFrame:
    """The contracts of a platform in CONTRACT_SCHEMA, without those that are no longer in use.

    Raises:
        ParseError: not a list, or too many contracts would be left out.
    """

    def parse(row: object, nulls: list[ParseError]) -> tuple[str, str] | None:
        contract = parse_row(row, _Contract, nulls)
        return None if contract.active is False else (contract.address, contract.id)

    rows = parse_list(body, parse, what="coinpaprika /contracts/{platform}", key="address")
    return pl.DataFrame(rows, schema=CONTRACT_SCHEMA, orient="row").unique(maintain_order=True)


def _ticker(row: object, nulls: list[ParseError], span: TimeSpan) -> tuple[object, ...]:
    coin = parse_row(row, _Ticker, nulls)
    if (quoted := coin.quotes.get("USD")) is None:
        raise ParseError("`quotes.USD` is missing")
    quote = parse_row(quoted, _Quote, nulls)
    updated = utc_time(coin.last_updated, "last_updated", span) if coin.last_updated else None
    began = _started(coin.first_data_at)

    def change(value: Amount, period: timedelta) -> Figure:
        """A change; null where it is 0 and the coin is younger than the period, which has none."""
        is_younger = updated is not None and began > updated - period
        return None if value == 0 and is_younger else _figure(value)

    day = timedelta(days=1)
    return (
        *(coin.id, coin.symbol.lower(), coin.name, _cap(quote.market_cap), _figure(quote.price)),
        *(_figure(quote.volume_24h), change(quote.percent_change_24h, day)),
        *(change(quote.percent_change_7d, 7 * day), change(quote.percent_change_30d, 30 * day)),
        *(_figure(coin.circulating_supply) or None, _figure(coin.rank) or None, updated, False, TICKERS_SOURCE),
        change(quote.market_cap_change_24h, day),
    )


def _markets(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return by_falling_cap(once_each(frame_of(rows, TICKER_SCHEMA)))


def _tag(row: object, nulls: list[ParseError]) -> tuple[str, Tag]:
    tag = parse_row(row, _Tag, nulls)
    if tag.coins is None:
        return tag.id, Tag(tag.name, None)
    good = [coin for coin in tag.coins if isinstance(coin, str) and is_identity(coin)]
    if len(good) < len(tag.coins):
        nulls.append(ParseError(f"`coins` should be ids, but {len(tag.coins) - len(good)} are none"))
    return tag.id, Tag(tag.name, frozenset(good))


def _figure(value: Amount) -> Figure:
    return None if value == "" else value


def _cap(value: Amount) -> Figure:
    """A market cap; null where it is 0, which a coin without a verified supply is given beside its price."""
    cap = _figure(value)
    refuse_impossible_cap(cap)
    return cap or None


def _started(text: str | None) -> datetime:
    return iso_moment(text or "") or UNKNOWN_START
