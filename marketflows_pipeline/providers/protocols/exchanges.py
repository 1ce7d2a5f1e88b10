"""Protocols of the exchange part's providers: volumes and trending coins, reserves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from marketflows_pipeline.providers.protocols import served

EXCHANGE_SCHEMA = served("raw.exchanges", without=("position", "is_full_listing"))
VOLUME_CHART_SCHEMA = served("raw.exchange_volumes", without=("first_volume_24h_btc",))
TRENDING_SCHEMA = served("raw.trending_coins", without=("position", "last_updated", "source"))
CEX_SCHEMA = served("raw.cex_snapshots")
PROTOCOL_SCHEMA = served("raw.protocols")
CEX_TVL_SCHEMA = served("raw.cex_tvl")
TOKEN_BALANCE_SCHEMA = served("raw.cex_token_balances", without=("first_quantity", "first_value_usd"))


@dataclass(frozen=True)
class CexOverview:
    """One snapshot of all centralised exchanges.

    Exchanges in CEX_SCHEMA, one row a name, null where not measured; ``centralised_ids`` are CoinGecko's.
    """

    exchanges: pl.DataFrame
    centralised_ids: tuple[str, ...]


@dataclass(frozen=True)
class ReservesHistory:
    """What the known wallets of one exchange held, day by day and now.

    Totals in CEX_TVL_SCHEMA, by time; balances in TOKEN_BALANCE_SCHEMA, by time and token, empty where the service
    breaks nothing down. They are whole where no record or figure was left out as malformed.
    """

    tvl: pl.DataFrame
    balances: pl.DataFrame
    is_whole: bool = True


class ExchangeVolumeProvider(Protocol):
    """A service that knows what is traded where."""

    name: str

    def exchanges_page(self, page: int) -> pl.DataFrame:
        """A page of 250 exchanges in EXCHANGE_SCHEMA, in the service's own order; empty or short past the last one."""
        ...

    def volume_chart(self, exchange_id: str, days: int) -> pl.DataFrame:
        """Rolling 24 h volume of one exchange over the last days, in VOLUME_CHART_SCHEMA, by time.

        Raises:
            NotFoundError: there is no such exchange.
        """
        ...

    def is_centralised(self, exchange_id: str) -> bool | None:
        """Whether an exchange is centralised; None where the service does not say.

        Raises:
            NotFoundError: there is no such exchange.
        """
        ...

    def trending(self) -> pl.DataFrame:
        """The coins searched for most, in TRENDING_SCHEMA, the most searched first."""
        ...

    def markets_by_ids(self, ids: Iterable[str]) -> pl.DataFrame:
        """The requested coins in MARKET_SCHEMA of ``market_caps.py``; wrapped ones and unknown ones are missing."""
        ...

    def category_members(self, slug: str) -> pl.DataFrame:
        """The 250 largest coins of a category in MARKET_SCHEMA of ``market_caps.py``.

        Raises:
            NotFoundError: there is no such category.
        """
        ...


class ReservesProvider(Protocol):
    """A service that knows what exchanges and protocols hold."""

    name: str

    def cexs(self) -> CexOverview:
        """All centralised exchanges, as of now."""
        ...

    def exchange_protocols(self) -> pl.DataFrame:
        """Protocols of the categories CEX and Dexs in PROTOCOL_SCHEMA, as of now."""
        ...

    def reserves_history(self, slug: str, folder: Path) -> ReservesHistory:
        """All records of one exchange.

        The folder is for the response of up to 42 MB while it is parsed; nothing stays there.

        Raises:
            NotFoundError: there is no such protocol.
        """
        ...
