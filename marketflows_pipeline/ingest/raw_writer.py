"""Committing what a service answered: each answer in one transaction, bad points counted, nothing lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.observations import clean_observations
from marketflows_pipeline.warehouse.merging import MergeResult
from marketflows_pipeline.warehouse.revisions import Provenance
from marketflows_pipeline.warehouse.store import Warehouse


@dataclass
class Tally:
    """What a run's answers brought.

    Attributes:
        rows_new: observations not stored before.
        rows_revised: observations whose values the service changed since.
        rejected: points left out, by reason.
    """

    rows_new: int = 0
    rows_revised: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, merged: MergeResult, rejected: Counter[str]) -> None:
        """Count one committed answer."""
        self.rows_new += merged.inserted
        self.rows_revised += merged.revised
        self.rejected.update(rejected)


@dataclass(frozen=True)
class StoredHistory:
    """What one history brought: points served, of which new, of which rejected."""

    served: int
    new: int
    rejected: int


class RawWriter:
    """Writes answers into the raw tables as they arrive.

    Args:
        warehouse: the open private file.
        now: the run's moment, which all its answers are as of.
        clock: tells when each answer came, which in a long run is later.
        step: of the grid; a changed observation older than that is a revision.
    """

    def __init__(self, warehouse: Warehouse, now: datetime, clock: Clock, step: timedelta = timedelta(hours=1)) -> None:
        self._warehouse = warehouse
        self._now = now
        self._clock = clock
        self._step = step
        self._observed = set(warehouse.query("select distinct coin_id from raw.market_caps")["coin_id"])
        self._first_seen = dict(warehouse.read("raw.coins", columns=["coin_id", "first_seen_at"]).iter_rows())
        self.tally = Tally()

    @property
    def known_coins(self) -> Collection[str]:
        """Ids that any answer ever held."""
        return self._first_seen.keys()

    def store_coins(self, rows: pl.DataFrame) -> None:
        """Remember `coin_id, symbol, name` as seen now."""
        coins = rows.select("coin_id", "symbol", "name").unique("coin_id", keep="last")
        first_seen = [self._first_seen.setdefault(coin, self._now) for coin in coins["coin_id"]]
        times = table("raw.coins").polars_schema["first_seen_at"]
        self._warehouse.merge(
            "raw.coins",
            coins.with_columns(
                pl.Series("first_seen_at", first_seen, dtype=times),
                pl.lit(self._now, dtype=times).alias("last_seen_at"),
                pl.lit(value=True).alias("is_active"),
            ),
        )

    def store_increments(self, rows: pl.DataFrame, coins: Collection[str]) -> None:
        """Add the observations of a page that belong to these coins, each at its own ``last_updated``.

        A row without that time can't be placed and is counted as rejected.
        """
        wanted = rows.filter(pl.col("coin_id").is_in(list(coins)))
        timed = wanted.drop_nulls("last_updated").rename({"last_updated": "ts"})
        rejected = Counter({"no time": wanted.height - timed.height} if timed.height < wanted.height else {})
        merged, more = self._merge(timed, "page")
        self.tally.add(merged, rejected + more)

    def store_history(self, rows: pl.DataFrame, cause: str = "history") -> StoredHistory:
        """Merge one coin's history; a shorter or older answer removes nothing.

        Args:
            rows: the answer, in HISTORY_SCHEMA.
            cause: why it was asked for, as ``meta.revisions`` names it.
        """
        merged, rejected = self._merge(rows, cause)
        self.tally.add(merged, rejected)
        return StoredHistory(served=rows.height, new=merged.inserted, rejected=rejected.total())

    def _merge(self, rows: pl.DataFrame, cause: str) -> tuple[MergeResult, Counter[str]]:
        clean, rejected = clean_observations(rows)
        stamped = clean.with_columns(pl.lit(self._clock.now()).cast(pl.Datetime("us", "UTC")).alias("fetched_at"))
        columns = table("raw.market_caps").column_names
        coins = set(clean["coin_id"])
        provenance = Provenance(cause, seen_at=self._now, closed_before=self._now - self._step)
        # The first history of a coin revises nothing, and need not be compared with what is stored.
        revises = provenance if coins & self._observed else None
        merged = self._warehouse.merge("raw.market_caps", stamped.select(columns), provenance=revises)
        self._observed |= coins
        return merged, Counter(rejected)
