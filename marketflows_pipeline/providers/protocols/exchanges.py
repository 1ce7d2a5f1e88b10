"""Protocols of the exchange part's providers: volumes and trending coins, reserves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

_TIME = pl.Datetime("us", "UTC")

EXCHANGE_SCHEMA = pl.Schema(
    {
        "exchange_id": pl.String(),
        "name": pl.String(),
        "volume_24h_btc": pl.Float64(),
        "trust_score": pl.Float64(),
        "trust_score_rank": pl.Int32(),
        "year_established": pl.Int32(),
        "country": pl.String(),
        "url": pl.String(),
        "has_trading_incentive": pl.Boolean(),
    }
)
VOLUME_CHART_SCHEMA = pl.Schema(
    {"exchange_id": pl.String(), "ts": _TIME, "volume_24h_btc": pl.Float64(), "source": pl.String()}
)
TRENDING_SCHEMA = pl.Schema(
    {
        "coin_id": pl.String(),
        "symbol": pl.String(),
        "name": pl.String(),
        "market_cap_rank": pl.Int32(),
        "market_cap_usd": pl.Float64(),
        "volume_24h_usd": pl.Float64(),
        "price_usd": pl.Float64(),
        "price_btc": pl.Float64(),
        "price_change_24h_pct": pl.Float64(),
    }
)
CEX_SCHEMA = pl.Schema(
    {
        "name": pl.String(),
        "slug": pl.String(),
        "coingecko_id": pl.String(),
        "coin_symbol": pl.String(),
        "own_tokens": pl.String(),
        "current_tvl_usd": pl.Float64(),
        "clean_assets_tvl_usd": pl.Float64(),
        "inflows_24h_usd": pl.Float64(),
        "inflows_1w_usd": pl.Float64(),
        "inflows_1m_usd": pl.Float64(),
        "spot_volume_usd": pl.Float64(),
        "derivatives_volume_usd": pl.Float64(),
        "open_interest_usd": pl.Float64(),
        "leverage": pl.Float64(),
    }
)
PROTOCOL_SCHEMA = pl.Schema(
    {
        "slug": pl.String(),
        "name": pl.String(),
        "category": pl.String(),
        "symbol": pl.String(),
        "parent_protocol": pl.String(),
        "chains": pl.String(),
        "tvl_usd": pl.Float64(),
        "change_1d_pct": pl.Float64(),
        "change_7d_pct": pl.Float64(),
        "mcap_usd": pl.Float64(),
        "url": pl.String(),
    }
)
CEX_TVL_SCHEMA = pl.Schema({"slug": pl.String(), "ts": _TIME, "tvl_usd": pl.Float64(), "is_now": pl.Boolean()})
TOKEN_BALANCE_SCHEMA = pl.Schema(
    {
        "slug": pl.String(),
        "ts": _TIME,
        "token": pl.String(),
        "quantity": pl.Float64(),
        "value_usd": pl.Float64(),
        "is_now": pl.Boolean(),
    }
)


@dataclass(frozen=True)
class CexOverview:
    """One snapshot of all centralised exchanges.

    Attributes:
        exchanges: in CEX_SCHEMA, one row a name; what is not measured is null.
        centralised_ids: CoinGecko ids of exchanges that are centralised.
    """

    exchanges: pl.DataFrame
    centralised_ids: tuple[str, ...]


@dataclass(frozen=True)
class ReservesHistory:
    """What the known wallets of one exchange held, day by day and now.

    Attributes:
        tvl: in CEX_TVL_SCHEMA, by time.
        balances: in TOKEN_BALANCE_SCHEMA, by time and token; empty where the service breaks nothing down.
    """

    tvl: pl.DataFrame
    balances: pl.DataFrame


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

        Args:
            slug: of the exchange.
            folder: for the response of up to 42 MB while it is parsed; nothing stays there.

        Raises:
            NotFoundError: there is no such protocol.
        """
        ...
