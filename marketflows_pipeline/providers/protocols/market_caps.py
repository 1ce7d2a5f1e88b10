"""Protocol of the providers of market caps, so that a second provider is one more module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import polars as pl

from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.protocols import served

UTC_TIME = pl.Datetime("us", "UTC")

HISTORY_SCHEMA = served("raw.market_caps")
CATEGORY_SCHEMA = served("raw.category_snapshots")
COIN_SCHEMA = served("raw.coins", without=("is_active",))
CATEGORY_NAMES_SCHEMA = pl.Schema({"slug": pl.String(), "name": pl.String()})

MARKET_SCHEMA = pl.Schema(
    {
        "coin_id": pl.String(),
        "symbol": pl.String(),
        "name": pl.String(),
        "market_cap_usd": pl.Float64(),
        "price_usd": pl.Float64(),
        "volume_usd": pl.Float64(),
        "price_change_24h_pct": pl.Float64(),
        "price_change_7d_pct": pl.Float64(),
        "price_change_30d_pct": pl.Float64(),
        "circulating_supply": pl.Float64(),
        "market_cap_rank": pl.Int64(),
        "last_updated": UTC_TIME,
        "with_rehypothecated": pl.Boolean(),
        "source": pl.String(),
    }
)


class MarketCapProvider(Protocol):
    """A service of market caps.

    Values are raw as served: caps may be null, zero or negative, and a coin may be missing without an error. Every
    method raises the ProviderErrors of errors.py, and CreditsExhaustedError where the month's calls are used up.
    """

    @property
    def name(self) -> str:
        """Short name, as in ``config.toml``."""
        ...

    def history(self, coin_id: str, days: int) -> pl.DataFrame:
        """The last ``days`` days of one coin, at ``Granularity.of_window(days)``, in HISTORY_SCHEMA, by time.

        The last row may be the time of the request. A young coin has fewer rows, or none.

        Raises:
            NotFoundError: the service does not know the coin (any more).
            PlanLimitError: the plan does not reach back that far.
        """
        ...

    def history_limit_days(self, granularity: Granularity) -> int:
        """How many days back the plan serves a granularity by ``history``."""
        ...

    def snapshot_pages(self, min_cap_usd: float) -> Iterator[pl.DataFrame]:
        """Coins by falling market cap, page by page in MARKET_SCHEMA, at least to the last one above ``min_cap_usd``.

        A page is requested when it is taken; no coin comes twice. Wrapped, bridged and staked tokens are left out.
        """
        ...

    def narrative(self, slug: str) -> pl.DataFrame:
        """The largest coins of a category in MARKET_SCHEMA, by falling market cap, without wrapped ones.

        Raises:
            NotFoundError: there is no such category, or nothing is in it.
        """
        ...

    def category_members(self, slug: str) -> pl.DataFrame:
        """The largest coins of a category in MARKET_SCHEMA, by falling market cap, wrapped ones too.

        Raises:
            NotFoundError: there is no such category.
        """
        ...

    def categories(self) -> pl.DataFrame:
        """Every category with its figures now, in CATEGORY_SCHEMA; the three largest coins as one text, by commas."""
        ...

    def category_list(self) -> pl.DataFrame:
        """Every category that the service knows, in CATEGORY_NAMES_SCHEMA."""
        ...

    def by_ids(self, ids: Iterable[str]) -> pl.DataFrame:
        """The requested coins, wrapped ones too, in MARKET_SCHEMA; those that the service does not know are missing."""
        ...

    def coin_list(self) -> pl.DataFrame:
        """Every coin that the service knows, in COIN_SCHEMA.

        Where it still knows coins that have no price any more, ``is_active`` stands beside it, false for those.
        """
        ...


class LargestCoins(Protocol):
    """A service that shows its largest coins in one request."""

    @property
    def name(self) -> str:
        """Short name, as in ``config.toml``."""
        ...

    def largest(self) -> pl.DataFrame:
        """The largest coins in MARKET_SCHEMA by falling market cap, as many as one request shows; no coin twice."""
        ...


class IdDirectory(LargestCoins, Protocol):
    """A service that tells its coins apart by more than their ids, so that those of another can be found among them."""

    def coin_list(self) -> pl.DataFrame:
        """As `MarketCapProvider.coin_list`."""
        ...

    def contracts(self, platforms: Iterable[str]) -> pl.DataFrame:
        """The contracts of coins on these platforms at least, in CONTRACTS of transforms/market_caps/id_map.py.

        Platforms have CoinGecko's names; addresses are as written.
        """
        ...

    def most_calls(self, n_coins: int) -> int:
        """Calls at most for the contracts of all platforms and the figures of so many coins."""
        ...

    def by_ids(self, ids: Iterable[str]) -> pl.DataFrame:
        """As `MarketCapProvider.by_ids`."""
        ...
