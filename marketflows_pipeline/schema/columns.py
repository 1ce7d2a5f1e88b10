"""Columns by what they hold: a type, and the unit that goes with it.

A figure (`usd`, `pct`, `number`) may be missing unless its entry says otherwise; what names, dates or counts a row may
not. After the description come the columns that it is computed from.
"""

from __future__ import annotations

from marketflows_pipeline.schema.model import Column, DType


def text(name: str, description: str, *derived_from: str, nullable: bool = False) -> Column:
    """Text."""
    return Column(name, DType.TEXT, description, "", nullable, derived_from)


def moment(name: str, description: str, *derived_from: str, nullable: bool = False) -> Column:
    """A moment in UTC."""
    return Column(name, DType.TIME, description, "UTC", nullable, derived_from)


def date(name: str, description: str, *derived_from: str, nullable: bool = False) -> Column:
    """A day, or a trading session."""
    return Column(name, DType.DATE, description, "", nullable, derived_from)


def flag(name: str, description: str, *derived_from: str, nullable: bool = False) -> Column:
    """Whether something is so."""
    return Column(name, DType.BOOL, description, "", nullable, derived_from)


def integer(name: str, description: str, *derived_from: str, unit: str = "", nullable: bool = False) -> Column:
    """A count, a rank or a length."""
    return Column(name, DType.INT, description, unit, nullable, derived_from)


def usd(name: str, description: str, *derived_from: str, nullable: bool = True) -> Column:
    """An amount or a price in US dollars."""
    return number(name, description, *derived_from, unit="USD", nullable=nullable)


def pct(name: str, description: str, *derived_from: str, nullable: bool = True) -> Column:
    """A share or a change in percent."""
    return number(name, description, *derived_from, unit="%", nullable=nullable)


def number(name: str, description: str, *derived_from: str, unit: str = "", nullable: bool = True) -> Column:
    """A figure in another unit, or in none."""
    return Column(name, DType.FLOAT, description, unit, nullable, derived_from)


# What several tables have.
COIN = text("coin_id", "Coin id of the market-cap provider")
NAME = text("name", "Display name")
FETCHED = moment("fetched_at", "When it was fetched")
OBSERVED = moment("observed_at", "When the service was asked")
SYMBOL = text("symbol", "Symbol of the universe in the settings")
EXCHANGE_KEY = text("exchange_key", "CoinGecko id of the exchange, or its DefiLlama slug where it has none")
SLUG = text("slug", "DefiLlama slug in lower case, such as binance-cex")
