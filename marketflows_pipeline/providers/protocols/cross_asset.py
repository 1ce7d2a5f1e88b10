"""Protocols of the cross-asset part's providers: daily bars, shares outstanding, volatility indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import polars as pl

BAR_SCHEMA = pl.Schema(
    {
        "symbol": pl.String(),
        "session": pl.Date(),
        "open_usd": pl.Float64(),
        "high_usd": pl.Float64(),
        "low_usd": pl.Float64(),
        "close_usd": pl.Float64(),
        "adjusted_close_usd": pl.Float64(),
        "as_traded_close_usd": pl.Float64(),
        "volume": pl.Float64(),
        "volume_unit": pl.String(),
        "source": pl.String(),
    }
)
ACTION_SCHEMA = pl.Schema(
    {
        "symbol": pl.String(),
        "session": pl.Date(),
        "action": pl.String(),
        "value": pl.Float64(),
        "source": pl.String(),
    }
)
SHARES_SCHEMA = pl.Schema(
    {
        "symbol": pl.String(),
        "session": pl.Date(),
        "shares": pl.Float64(),
        "nav_usd": pl.Float64(),
        "net_assets_usd": pl.Float64(),
        "convention": pl.String(),
        "published_at": pl.Datetime("us", "UTC"),
        "source": pl.String(),
    }
)
VOLATILITY_SCHEMA = pl.Schema(
    {"index_name": pl.String(), "session": pl.Date(), "close": pl.Float64(), "source": pl.String()}
)


@dataclass(frozen=True)
class PriceHistory:
    """One asset's prices and what happened to its shares.

    Attributes:
        bars: in BAR_SCHEMA, by session; sessions without a close are left out, the still open one too.
        actions: in ACTION_SCHEMA, by session.
    """

    bars: pl.DataFrame
    actions: pl.DataFrame


class PriceProvider(Protocol):
    """A service of daily bars."""

    name: str

    def daily_bars(self, symbol: str, provider_symbol: str, start: date, end: date) -> PriceHistory:
        """Sessions from `start` to `end`, both included, as the service gives them.

        Raises:
            NotFoundError: the service does not know the symbol.
        """
        ...


class SplitsProvider(Protocol):
    """A list of splits beside a service of prices."""

    def listed_splits(self, symbol: str, provider_symbol: str) -> pl.DataFrame:
        """The splits of an asset in ACTION_SCHEMA, by session."""
        ...


class SharesProvider(Protocol):
    """An issuer that publishes shares outstanding."""

    name: str

    def shares_outstanding(self, symbol: str, share_id: str) -> pl.DataFrame:
        """The whole published history in SHARES_SCHEMA, by session.

        Raises:
            NotFoundError: the issuer does not know the fund.
        """
        ...


class VolatilityProvider(Protocol):
    """A service of volatility indices."""

    name: str

    def volatility_index(self, index_name: str) -> pl.DataFrame:
        """The whole history of VIX or VIX3M in VOLATILITY_SCHEMA, by session.

        Raises:
            NotFoundError: the service does not have that index.
        """
        ...


@dataclass(frozen=True)
class CrossAssetClients:
    """The open clients of the cross-asset part.

    Attributes:
        prices: services of daily bars, the best first.
        shares: services of shares outstanding, by the settings' ``share_source``.
        volatility: services of volatility indices, the best first.
        own_splits: the user's own list of splits, used whichever service gives the prices; None without a folder.
    """

    prices: Sequence[PriceProvider]
    shares: Mapping[str, SharesProvider]
    volatility: Sequence[VolatilityProvider]
    own_splits: SplitsProvider | None = None
