"""The packaged figures as a service of market caps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.protocols.market_caps import (
    CATEGORY_NAMES_SCHEMA,
    CATEGORY_SCHEMA,
    COIN_SCHEMA,
    HISTORY_SCHEMA,
    MARKET_SCHEMA,
)
from marketflows_pipeline.settings.providers import DEFAULT_EXCLUDED
from marketflows_pipeline.tutorial.exchange_provider import TutorialExchanges
from marketflows_pipeline.tutorial.files import PACKAGED, found, packaged_caps, shaped, stored_caps

HISTORY_SOURCE = "tutorial:history"
MARKETS_SOURCE = "tutorial:markets"
_CHANGES = {"price_change_24h_pct": 1, "price_change_7d_pct": 7, "price_change_30d_pct": 30}


class TutorialProvider:
    """A MarketCapProvider that answers from the packaged files, as of their last observation.

    Only daily points are packaged.

    Args:
        folder: where ``market_caps.parquet``, ``coins.csv``, ``categories.csv`` and ``stored/`` are.
    """

    name = "coingecko"

    def __init__(self, folder: Path = PACKAGED) -> None:
        self._caps = packaged_caps(folder)
        # A service knows prices of every minute; the packaged ones of a day before are among what is stored.
        self._prices = pl.concat(
            frame.select("coin_id", "ts", "price_usd") for frame in (self._caps, stored_caps(folder))
        )
        self._coins = pl.read_csv(
            folder / "coins.csv", schema=pl.Schema({**COIN_SCHEMA, "circulating_supply": pl.Float64()})
        )
        self._members = pl.read_csv(folder / "categories.csv")

    def history_limit_days(self, granularity: Granularity) -> int:
        """Days that the packaged points reach back; 0 of any granularity but daily."""
        if granularity is not Granularity.DAILY:
            return 0
        span = self._caps.select((pl.col("ts").max() - pl.col("ts").min()).alias("span")).item()
        assert isinstance(span, timedelta)
        return span.days + 1

    def history(self, coin_id: str, days: int) -> pl.DataFrame:
        """The last ``days`` days of one coin, in HISTORY_SCHEMA, by time.

        Raises:
            NotFoundError: the coin is not packaged.
        """
        since = pl.col("ts") >= self._caps["ts"].max() - pl.duration(days=days)
        points = found(self._caps.filter(pl.col("coin_id") == coin_id, since), f"coin {coin_id!r}", self.name)
        return shaped(points.with_columns(source=pl.lit(HISTORY_SOURCE)), HISTORY_SCHEMA)

    def snapshot_pages(self, min_cap_usd: float) -> Iterator[pl.DataFrame]:
        """All coins by falling market cap in MARKET_SCHEMA: one page, whatever the limit."""
        yield self._markets()

    def narrative(self, slug: str) -> pl.DataFrame:
        """The members of a packaged category in MARKET_SCHEMA, by falling market cap.

        Raises:
            NotFoundError: the category is not packaged.
        """
        members = found(self._members.filter(pl.col("category_id") == slug), f"category {slug!r}", self.name)["coin_id"]
        return self._markets().filter(pl.col("coin_id").is_in(members.implode()))

    def category_members(self, slug: str) -> pl.DataFrame:
        """The coins of a category that is packaged to be left out, as TutorialExchanges has them; of others none."""
        try:
            return TutorialExchanges().category_members(slug)
        except NotFoundError:
            return MARKET_SCHEMA.to_frame()

    def categories(self) -> pl.DataFrame:
        """Sums over the members of every packaged category, in CATEGORY_SCHEMA."""
        day_before = pl.col("market_cap_usd") / (1 + pl.col("price_change_24h_pct") / 100)
        sums = (
            self._markets()
            .join(self._members.rename({"name": "category"}), on="coin_id", maintain_order="left")
            .group_by("category_id", name="category")
            .agg(
                pl.col("market_cap_usd").sum(),
                market_cap_change_24h_pct=100 * (pl.col("market_cap_usd").sum() / day_before.sum() - 1),
                volume_24h_usd=pl.col("volume_usd").sum(),
                top_3_coins_id=pl.col("coin_id").head(3).str.join(","),
            )
        )
        return sums.select(CATEGORY_SCHEMA.names()).sort("category_id")

    def category_list(self) -> pl.DataFrame:
        """The packaged categories and what is left out of them by default, in CATEGORY_NAMES_SCHEMA."""
        packaged = self._members.select(slug="category_id", name="name").unique(maintain_order=True)
        others = [slug for slug in DEFAULT_EXCLUDED if slug not in packaged["slug"]]
        return pl.concat([packaged, pl.DataFrame({"slug": others, "name": others}, schema=CATEGORY_NAMES_SCHEMA)])

    def by_ids(self, ids: Iterable[str]) -> pl.DataFrame:
        """The coins asked for in MARKET_SCHEMA; those that are not packaged are missing."""
        wanted = self._markets().filter(pl.col("coin_id").is_in(list(ids)))
        return wanted.with_columns(with_rehypothecated=pl.lit(value=True))

    def coin_list(self) -> pl.DataFrame:
        """Every packaged coin, in COIN_SCHEMA."""
        return self._coins.select(COIN_SCHEMA.names())

    def _markets(self) -> pl.DataFrame:
        """Each coin at its last observation, by falling market cap; changes are those since its last one back then."""
        newest = (
            self._caps.group_by("coin_id")
            .agg(pl.all().last())
            .join(self._coins, on="coin_id")
            .join(self._changes(), on="coin_id")
            .sort("market_cap_usd", descending=True)
            .rename({"ts": "last_updated"})
            .with_columns(
                market_cap_rank=pl.int_range(1, pl.len() + 1),
                with_rehypothecated=pl.lit(value=False),
                source=pl.lit(MARKETS_SOURCE),
            )
        )
        return shaped(newest, MARKET_SCHEMA)

    def _changes(self) -> pl.DataFrame:
        """coin_id and the changes of its last price, in percent."""
        by_time = self._prices.sort("coin_id", "ts").group_by("coin_id", maintain_order=True)
        return by_time.agg(_change_pct(days).alias(name) for name, days in _CHANGES.items())


def _change_pct(days: int) -> pl.Expr:
    """Of a coin's last price against its last one some days before; null for a younger coin."""
    is_before = pl.col("ts") <= pl.col("ts").max() - pl.duration(days=days)
    return 100 * (pl.col("price_usd").last() / pl.col("price_usd").filter(is_before).last() - 1)
