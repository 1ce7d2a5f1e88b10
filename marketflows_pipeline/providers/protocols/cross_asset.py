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
REFERENCE_SCHEMA = served("raw.reference_series")
REPORTED_SCHEMA = served("raw.reported_flows")


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


class ReferenceProvider(Protocol):
    """A service of reference series."""

    name: str

    def reference_series(self, series_id: str) -> pl.DataFrame:
        """The history of a series in REFERENCE_SCHEMA, by session, as far back as the service gives it.

        Raises:
            NotFoundError: the service does not have that series.
        """
        ...


class OwnFigures(Protocol):
    """The user's own list of splits beside a service of prices, and tables of flows that somebody else reports."""

    def listed_splits(self, symbol: str, provider_symbol: str) -> pl.DataFrame:
        """The splits of an asset in ACTION_SCHEMA, by session."""
        ...

    def has_reported_flows(self, symbol: str, provider_symbol: str) -> bool:
        """Whether there is a table of a fund."""
        ...

    def reported_flows(self, symbol: str, provider_symbol: str) -> pl.DataFrame:
        """The table of a fund in REPORTED_SCHEMA, by session."""
        ...


@dataclass(frozen=True)
class CrossAssetClients:
    """The open clients of the cross-asset part.

    Services of prices, volatility and reference series are given the best first, those of shares by the settings'
    ``share_source``. The user's own list of splits is used whichever service gives the prices; ``own`` is None without
    a folder.
    """

    prices: Sequence[PriceProvider]
    shares: Mapping[str, SharesProvider]
    volatility: Sequence[VolatilityProvider]
    own: OwnFigures | None = None
    reference: Sequence[ReferenceProvider] = ()
