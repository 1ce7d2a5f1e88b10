"""Histories of many coins, fetched by several steps at once: each lands those of its shard, and one step merges all.

A coin is of one shard, by a hash of its id that is the same on every host. What has landed is not requested again, and
what has been merged is taken out of its landing in the same transaction, so that any step can be repeated.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import polars as pl

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.ingest.market_caps.answers import SERVED, Answer, Outcome, store_histories
from marketflows_pipeline.ingest.market_caps.history import HistoryIngest, HistoryReport
from marketflows_pipeline.ingest.market_caps.plan import FAILED
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter, Tally
from marketflows_pipeline.progress import Reporter
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.protocols.market_caps import HISTORY_SCHEMA, UTC_TIME
from marketflows_pipeline.warehouse.landings import SCHEMA, drop_if_empty, first_landed, land, landed, landings, take
from marketflows_pipeline.warehouse.store import Warehouse

log = logging.getLogger(__name__)

_POINTS = pl.Struct(HISTORY_SCHEMA)
# One row an answer: what was asked for, when the answer landed, how the request ended, or the points that came.
LANDED = pl.Schema(
    {
        "coin_id": pl.String(),
        "days": pl.Int32(),
        "moment": UTC_TIME,
        "landed_at": UTC_TIME,
        "outcome": pl.String(),
        "note": pl.String(),
        "n_left_out": pl.Int32(),
        "points": pl.List(_POINTS),
    }
)


@dataclass(frozen=True)
class Shard:
    """One of ``count`` shards, numbered from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"shard {self.number} of {self.count}"

    def holds(self, coin: str) -> bool:
        """Whether a coin is of this shard: of each count it is of exactly one, on every host and in every version."""
        return zlib.crc32(coin.encode()) % self.count == self.number - 1

    @property
    def landing(self) -> str:
        """The table that the step of this shard alone writes; that of another count may have the same."""
        return f"{SCHEMA}.histories_{self.number}"


def shards_of(count: int) -> list[Shard]:
    """All shards."""
    return [Shard(number, count) for number in range(1, count + 1)]


@dataclass(frozen=True)
class MergeReport:
    """What merging the landings came to: histories, and their observations as an hourly run counts them."""

    histories: int
    tally: Tally
    failed: tuple[str, ...]


def land_shard(histories: HistoryIngest, tracked: pl.DataFrame, shard: Shard) -> HistoryReport:
    """Fetch the histories that a shard's coins lack, and leave them in its landing.

    Where credits run out, what has come stays, and the rest waits.

    Args:
        histories: requests them, within the credits of all hosts.
        tracked: all coins, the most important first.
        shard: whose coins are fetched; those that have landed already, in whichever shard, are not.

    Raises:
        ProviderError: if the service fails for good. Everything fetched before stays.
    """
    warehouse = histories.writer.warehouse
    own = [coin for coin in tracked["coin_id"] if shard.holds(coin)]
    there = _landed(warehouse)
    lacking = tracked.filter(pl.col("coin_id").is_in([coin for coin in own if coin not in there]))
    try:
        return histories.backfill(lacking, partial(_land, histories, shard))
    except CreditsExhaustedError as error:
        log.warning("%s: %s. The rest waits for a later run", shard, str(error).rstrip("."))
        return HistoryReport(waiting=lacking.height - len(_landed(warehouse) & set(lacking["coin_id"])))


def merge_landings(warehouse: Warehouse, reporter: Reporter) -> MergeReport:
    """Store what has landed, as of its own time, by the merge of every run; and drop the landings.

    A transaction stores as many answers as landed in one, and takes them out of the landing.
    """
    names = landings(warehouse)
    total = sum(landed(warehouse, name, ["coin_id"]).height for name in names)
    tally, failed = Tally(), list[str]()
    with reporter.track("Merging histories", total) as advance:
        for name in names:
            while not (batch := first_landed(warehouse, name, "landed_at").match_to_schema(LANDED)).is_empty():
                with warehouse.transaction():
                    failed += _store(warehouse, batch, tally)
                    take(warehouse, name, "landed_at", batch["landed_at"][0])
                advance(batch.height)
            drop_if_empty(warehouse, name)
    log.info("%d histories merged: %s", total, tally.in_words)
    return MergeReport(total, tally, tuple(failed))


def _store(warehouse: Warehouse, batch: pl.DataFrame, tally: Tally) -> list[str]:
    """Store answers that landed at one moment, and count them; the coins that were not served."""
    failed: list[str] = []
    # The later of two answers about a coin comes last.
    asked = batch.sort("moment", maintain_order=True).group_by("days", "moment", "landed_at", maintain_order=True)
    for (days, moment, landed_at), rows in asked:
        writer = MarketCapWriter(warehouse, FixedClock(landed_at), moment, Granularity.of_window(days))
        writer.tally = tally
        failed += store_histories(writer, days, [*_answers(rows)])
        tally.rejected["malformed or untimely"] += int(rows["n_left_out"].sum())
    return failed


def _landed(warehouse: Warehouse) -> set[str]:
    """Coins whose answer lies in a landing; a request that failed is made again."""
    answers = (landed(warehouse, name, ["coin_id", "outcome"]) for name in landings(warehouse))
    return {coin for rows in answers for coin in rows.filter(pl.col("outcome").ne_missing(FAILED))["coin_id"]}


def _land(histories: HistoryIngest, shard: Shard, answers: Sequence[Answer]) -> list[str]:
    """Leave answers in the landing; the coins that were not served."""
    writer = histories.writer
    ended = {each.coin: each.response for each in answers if isinstance(each.response, Outcome)}
    points = [None if isinstance(each.response, Outcome) else each.response for each in answers]
    rows = pl.DataFrame(
        {
            "coin_id": [each.coin for each in answers],
            "days": histories.source.days,
            "moment": writer.moment,
            "landed_at": writer.clock.now(),
            "outcome": [ended[each.coin].outcome if each.coin in ended else None for each in answers],
            "note": [ended[each.coin].note if each.coin in ended else None for each in answers],
            "n_left_out": [each.n_left_out for each in answers],
            "points": [None if each is None else each.select(HISTORY_SCHEMA.names()).to_struct() for each in points],
        },
        schema=LANDED,
    )
    land(writer.warehouse, shard.landing, rows)
    return [coin for coin, response in ended.items() if response.outcome not in SERVED]


def _answers(rows: pl.DataFrame) -> Iterator[Answer]:
    for coin, outcome, note, n_left_out, points in zip(
        *rows.select("coin_id", "outcome", "note", "n_left_out", "points"), strict=True
    ):
        yield Answer(coin, Outcome(outcome, note=note) if outcome else points.struct.unnest(), n_left_out)
