"""Writing what services sent into the raw tables: one transaction a response, stamped with its times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.protocols.market_caps import UTC_TIME
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.observations import clean_observations
from marketflows_pipeline.warehouse.merging import MergeResult
from marketflows_pipeline.warehouse.revisions import Provenance
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.text_lists import IS_ONE_OF, as_parameter

# How the log names the reasons for which an observation is not stored.
_REJECTIONS = {
    "null": "without a market cap",
    "non_finite": "no number",
    "not_positive": "0 or below",
    "too_large": "beyond any market cap",
    "duplicate": "of a time that stands twice",
    "no time": "without a time",
    "untimely": "at an impossible time",
}


class RawWriter:
    """Writes one run's responses into the raw tables.

    The clock tells when each response came, in a long run later than the run's moment, which all are observed as of.
    """

    def __init__(self, warehouse: Warehouse, clock: Clock, moment: datetime) -> None:
        self.warehouse = warehouse
        self.clock = clock
        self.moment = moment

    def stamped(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with ``fetched_at``, the present, for what depends on it before they are stored."""
        return rows.with_columns(pl.lit(self.clock.now()).cast(UTC_TIME).alias("fetched_at"))

    def store(self, name: str, rows: pl.DataFrame, *, provenance: Provenance | None = None) -> MergeResult:
        """Merge rows into a raw table.

        Other columns than the table's are dropped. ``observed_at``, where absent, is the run's moment, and
        ``fetched_at`` the present. Rows that change stored ones are recorded in ``meta.revisions`` with the provenance,
        if there is one.
        """
        entry = table(name)
        times = {"observed_at": self.moment, "fetched_at": self.clock.now()}
        stamped = rows.with_columns(
            pl.lit(time).cast(entry.polars_schema[column]).alias(column)
            for column, time in times.items()
            if column in entry.column_names and column not in rows.columns
        )
        return self.warehouse.merge(name, stamped.select(entry.column_names), provenance=provenance)


@dataclass
class Tally:
    """What a run's responses added to the observations.

    Revised observations are those whose values the service changed since; points left out are counted by reason.
    """

    rows_new: int = 0
    rows_revised: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, merged: MergeResult, rejected: Counter[str]) -> None:
        """Count one stored response."""
        self.rows_new += merged.inserted
        self.rows_revised += merged.revised
        self.rejected.update(rejected)

    @property
    def in_words(self) -> str:
        """The counts for the log, with what revised means, and why observations are not stored, the commonest first."""
        revised = f"{self.rows_revised} revised" + (" (the service says otherwise now)" if self.rows_revised else "")
        reasons = sorted((-count, reason) for reason, count in self.rejected.items() if count)
        named = ", ".join(f"{-count} {_REJECTIONS.get(reason, reason)}" for count, reason in reasons)
        rejected = f"{self.rejected.total()} rejected" + (f" ({named})" if named else "")
        return f"{self.rows_new} new observations, {revised}, {rejected}"


@dataclass(frozen=True)
class StoredHistory:
    """What one history added: points served, of which new, of which rejected."""

    served: int
    new: int
    rejected: int


class MarketCapWriter(RawWriter):
    """Writes coins and their observations, and counts them.

    A changed observation older than a step of the grid is a revision.
    """

    def __init__(
        self, warehouse: Warehouse, clock: Clock, moment: datetime, granularity: Granularity = Granularity.HOURLY
    ) -> None:
        super().__init__(warehouse, clock, moment)
        self._step = granularity.step
        self._observed = set(warehouse.query("select distinct coin_id from raw.market_caps")["coin_id"])
        self._first_seen = dict(warehouse.read("raw.coins", columns=["coin_id", "first_seen_at"]).iter_rows())
        self.tally = Tally()

    @property
    def known_coins(self) -> Collection[str]:
        """Ids that any response ever held."""
        return self._first_seen.keys()

    def store_coins(self, rows: pl.DataFrame) -> None:
        """Store `coin_id, symbol, name` as seen now."""
        coins = rows.select("coin_id", "symbol", "name").unique("coin_id", keep="last")
        first_seen = [self._first_seen.setdefault(coin, self.moment) for coin in coins["coin_id"]]
        times = table("raw.coins").polars_schema["first_seen_at"]
        self.store(
            "raw.coins",
            coins.with_columns(
                pl.Series("first_seen_at", first_seen, dtype=times),
                pl.lit(self.moment, dtype=times).alias("last_seen_at"),
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
        merged, more, _ = self._store_observations(timed, "page")
        self.tally.add(merged, rejected + more)

    def store_histories(self, histories: Mapping[str, pl.DataFrame], cause: str) -> dict[str, StoredHistory]:
        """Merge the histories of coins, all at once; a shorter or older response removes nothing.

        Args:
            histories: rows in HISTORY_SCHEMA by coin.
            cause: what ``meta.revisions`` names.
        """
        if not histories:
            return {}
        # A merge looks at all stored rows of its time: one of fifty coins takes hardly longer than one of a coin.
        rows = pl.concat(histories.values())
        before = self._n_stored(histories) if len(histories) > 1 else {}
        merged, rejected, kept = self._store_observations(rows, cause)
        self.tally.add(merged, rejected)
        if len(histories) == 1:
            return {coin: StoredHistory(rows.height, merged.inserted, rejected.total()) for coin in histories}
        after = self._n_stored(histories)
        return {
            coin: StoredHistory(
                served=served.height,
                new=after.get(coin, 0) - before.get(coin, 0),
                rejected=served.height - kept.get(coin, 0),
            )
            for coin, served in histories.items()
        }

    def _n_stored(self, coins: Collection[str]) -> dict[str, int]:
        stored = self.warehouse.query(
            f"select coin_id, count(*) from raw.market_caps where coin_id {IS_ONE_OF} group by coin_id",  # noqa: S608 (a constant)
            [as_parameter(coins)],
        )
        return dict(stored.iter_rows())

    def _store_observations(
        self, rows: pl.DataFrame, cause: str
    ) -> tuple[MergeResult, Counter[str], Mapping[str, int]]:
        """What the merge did, what was left out by reason, and how many rows of each coin were not."""
        clean, rejected = clean_observations(rows)
        kept = Counter(clean["coin_id"])
        coins = kept.keys()
        provenance = Provenance(cause, seen_at=self.moment, closed_before=self.moment - self._step)
        # The first history of a coin revises nothing, and need not be compared with what is stored.
        merged = self.store("raw.market_caps", clean, provenance=provenance if coins & self._observed else None)
        self._observed |= coins
        return merged, Counter(rejected), kept
