"""Protocols of the cross-asset part's providers: daily bars, shares outstanding, volatility indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import polars as pl

from marketflows_pipeline.providers.protocols import served

BAR_SCHEMA = served("raw.daily_bars")
ACTION_SCHEMA = served("raw.corporate_actions")
SHARES_SCHEMA = served("raw.shares_outstanding", without=("vintage",))
VOLATILITY_SCHEMA = served("raw.volatility_index")


@dataclass(frozen=True)
class PriceHistory:
    """One asset's prices and what happened to its shares.

    Bars in BAR_SCHEMA, by session, without sessions that have no close or are still open; actions in ACTION_SCHEMA, by
    session.
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
        """The whole published history in SHARES_SCHEMA, by session: one session of an issuer that publishes no more.

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

    Services of prices and volatility are given the best first, those of shares by the settings' ``share_source``. The
    user's own list of splits is used whichever service gives the prices; None without a folder.
    """

    prices: Sequence[PriceProvider]
    shares: Mapping[str, SharesProvider]
    volatility: Sequence[VolatilityProvider]
    own_splits: SplitsProvider | None = None
