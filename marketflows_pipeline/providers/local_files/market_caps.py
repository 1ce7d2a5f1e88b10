"""Market caps out of a folder of the user's: for people with data of their own, and for work on the past.

Nothing is requested, so nothing is counted. What a row says is served from its time on: with the clock set to a past
moment, no later row shows, which is what a backtest needs. `cap_files` says what stands in the files.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.local_files.cap_files import NAMES, CapFiles, Contents
from marketflows_pipeline.providers.local_files.plans import MAX_AGE_DAYS
from marketflows_pipeline.providers.protocols.market_caps import (
    CATEGORY_NAMES_SCHEMA,
    CATEGORY_SCHEMA,
    COIN_SCHEMA,
    HISTORY_SCHEMA,
    MARKET_SCHEMA,
)
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.sums import sum_of_known
from marketflows_pipeline.transforms.time_span import COINS_SINCE

logger = logging.getLogger(__name__)

HISTORY_SOURCE = "folder:history"
MARKETS_SOURCE = "folder:markets"
# A price of a day ago is the newest one up to then, which may be this much older.
CHANGE_TOLERANCE = timedelta(days=1)
CHANGES = {"price_change_24h_pct": 1, "price_change_7d_pct": 7, "price_change_30d_pct": 30}


class MarketCapFolder:
    """A MarketCapProvider over the user's own files.

    Args:
        path: the folder.
        clock: tells the present; no row after it is served.
        max_age_days: days for which a coin's newest row is its present state. An older one is history alone.
    """

    name = "folder"

    def __init__(self, path: Path, *, clock: Clock, max_age_days: int = MAX_AGE_DAYS) -> None:
        self._path = path
        self._clock = clock
        self._max_age = timedelta(days=max_age_days)
        self._files = CapFiles(path)

    def __repr__(self) -> str:
        return f"MarketCapFolder({str(self._path)!r})"

    def history_limit_days(self, granularity: Granularity) -> int:
        """All days since there are coins: rows may be further apart than a granularity, and are served as they are."""
        return (self._clock.now() - COINS_SINCE).days

    def history(self, coin_id: str, days: int) -> pl.DataFrame:
        """The rows of one coin from the window's first grid time to now in HISTORY_SCHEMA, as close as they are.

        Raises:
            NotFoundError: no file has the coin.
            UserInputError: a file is not as documented, as of every method.
        """
        points = self._files.contents().of_coin(coin_id)
        if points.is_empty():
            raise NotFoundError(f"{self.name}: no file in {self._path} has the coin {coin_id!r}", provider=self.name)
        now = self._clock.now()
        in_window = pl.col("ts").is_between(GridSpec.from_window(now, days).start, now)
        return points.filter(in_window).with_columns(source=pl.lit(HISTORY_SOURCE)).select(HISTORY_SCHEMA.names())

    def snapshot_pages(self, min_cap_usd: float) -> Iterator[pl.DataFrame]:
        """Every coin's newest row by falling market cap in MARKET_SCHEMA: one page, whatever the limit.

        Which coins stand for others the files do not say: ``categories.csv`` does, with ``exclude_categories``.
        """
        now, contents = self._clock.now(), self._files.contents()
        present = self._present(contents, now)
        self._log_what_is_not_served(contents, present, now)
        if not present.is_empty():
            yield present

    def narrative(self, slug: str) -> pl.DataFrame:
        """The coins of a category at their newest rows in MARKET_SCHEMA, by falling market cap.

        None where all of them are too old.

        Raises:
            NotFoundError: ``categories.csv`` has no such category.
        """
        contents = self._files.contents()
        members = contents.members.filter(pl.col("category") == slug)["coin_id"]
        if members.is_empty():
            raise NotFoundError(f"{self.name}: no category {slug!r} in {self._path}/categories.csv", provider=self.name)
        return self._present(contents, self._clock.now()).filter(pl.col("coin_id").is_in(members.implode()))

    def category_members(self, slug: str) -> pl.DataFrame:
        """As `narrative`: nothing is left out of a category.

        Raises:
            NotFoundError: ``categories.csv`` has no such category.
        """
        return self.narrative(slug).with_columns(with_rehypothecated=pl.lit(value=True))

    def categories(self) -> pl.DataFrame:
        """Every category with the sums of its coins in CATEGORY_SCHEMA.

        The change of 24 hours is that of its coins with a market cap now and then.
        """
        contents = self._files.contents()
        now = self._clock.now()
        present = self._present(contents, now)
        before = _earlier(contents.points, present, "market_cap_usd", days=1)
        cap, earlier = pl.col("market_cap_usd"), pl.col("earlier")
        has_both = cap.is_not_null() & earlier.is_not_null() & (earlier > 0)
        return (
            present.join(before, on="coin_id", how="left", maintain_order="left")
            .join(contents.members, on="coin_id", how="inner", maintain_order="left")
            .group_by(category_id="category", maintain_order=True)
            .agg(
                name=pl.col("category").first(),
                market_cap_usd=sum_of_known(cap),
                market_cap_change_24h_pct=100 * (cap.filter(has_both).sum() / earlier.filter(has_both).sum() - 1),
                volume_24h_usd=sum_of_known(pl.col("volume_usd")),
                top_3_coins_id=pl.col("coin_id").head(3).str.join(","),
            )
            .with_columns(pl.col("market_cap_change_24h_pct").fill_nan(None))
            .select(CATEGORY_SCHEMA.names())
            .sort("category_id")
        )

    def category_list(self) -> pl.DataFrame:
        """Every category of ``categories.csv`` in CATEGORY_NAMES_SCHEMA; it is called as it is written."""
        slugs = self._files.contents().members["category"].unique().sort()
        return pl.DataFrame({"slug": slugs, "name": slugs}, schema=CATEGORY_NAMES_SCHEMA)

    def by_ids(self, ids: Iterable[str]) -> pl.DataFrame:
        """The requested coins at their newest rows in MARKET_SCHEMA; unknown and too old ones are missing."""
        present = self._present(self._files.contents(), self._clock.now())
        return present.filter(pl.col("coin_id").is_in(list(ids))).with_columns(with_rehypothecated=pl.lit(value=True))

    def coin_list(self) -> pl.DataFrame:
        """Every coin that a file has, in COIN_SCHEMA, also those whose first row is yet to come."""
        points = self._files.contents().points
        named = points.select(pl.col("coin_id").unique()).join(
            _names(points, self._clock.now()), on="coin_id", how="left"
        )
        return _with_names(named).select(COIN_SCHEMA.names()).sort("coin_id")

    def _present(self, contents: Contents, now: datetime) -> pl.DataFrame:
        """Each coin's newest row up to now, unless it is too old, in MARKET_SCHEMA by falling market cap."""
        points = contents.points.filter(pl.col("ts") <= now)
        newest = points.group_by("coin_id", maintain_order=True).last().filter(pl.col("ts") >= now - self._max_age)
        for change, days in CHANGES.items():
            before = _earlier(points, newest.rename({"ts": "last_updated"}), "price_usd", days=days)
            newest = (
                newest.join(before, on="coin_id", how="left", maintain_order="left")
                .with_columns((100 * (pl.col("price_usd") / pl.col("earlier") - 1)).alias(change))
                .drop("earlier")
            )
        ranked = (
            _with_names(newest.drop(NAMES).join(_names(points, now), on="coin_id", how="left"))
            .sort("market_cap_usd", "coin_id", descending=[True, False], nulls_last=True)
            .with_columns(
                market_cap_rank=pl.when(pl.col("market_cap_usd") > 0).then(pl.int_range(1, pl.len() + 1)),
                with_rehypothecated=pl.lit(value=False),
                source=pl.lit(MARKETS_SOURCE),
            )
        )
        return ranked.rename({"ts": "last_updated"}).select(
            pl.col(name).cast(dtype) for name, dtype in MARKET_SCHEMA.items()
        )

    def _log_what_is_not_served(self, contents: Contents, present: pl.DataFrame, now: datetime) -> None:
        past = contents.points.filter(pl.col("ts") <= now)
        if n_to_come := contents.points.height - past.height:
            told = (n_to_come, contents.points.height, _words(now))
            logger.info("%s: %d of %d rows are later than %s, and not served", self._path, *told)
        n_old = past["coin_id"].n_unique() - present.height
        if n_old:
            newest = past["ts"].max()
            logger.warning(
                "%s: %d of %d coins have no row of the last %d days, and so no present market cap; the newest row of "
                "all is of %s",
                self._path,
                n_old,
                n_old + present.height,
                self._max_age.days,
                _words(newest),
            )


def _names(points: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """``coin_id`` and the latest name and symbol of each coin by now; null where no row has one."""
    return (
        points.filter(pl.col("ts") <= now).group_by("coin_id").agg(pl.col(name).drop_nulls().last() for name in NAMES)
    )


def _with_names(coins: pl.DataFrame) -> pl.DataFrame:
    """A coin without a name or symbol is called by its id."""
    return coins.with_columns(pl.col(name).fill_null(pl.col("coin_id")) for name in NAMES)


def _earlier(points: pl.DataFrame, present: pl.DataFrame, figure: str, *, days: int) -> pl.DataFrame:
    """``coin_id`` and ``earlier``: a figure as it was some days before each coin's ``last_updated``."""
    wanted = present.select("coin_id", at=pl.col("last_updated") - pl.duration(days=days)).sort("at")
    known = points.select("coin_id", "ts", earlier=figure).drop_nulls().sort("ts")
    found = wanted.join_asof(
        known, left_on="at", right_on="ts", by="coin_id", tolerance=CHANGE_TOLERANCE, check_sortedness=False
    )
    return found.select("coin_id", "earlier")


def _words(moment: object) -> str:
    assert isinstance(moment, datetime)
    return f"{moment:%Y-%m-%d %H:%M} UTC"
