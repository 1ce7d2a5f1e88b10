"""What became of requests for histories, and storing it: rows and the record of a request stand or fall together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from marketflows_pipeline.ingest.market_caps.plan import NOT_FOUND
from marketflows_pipeline.ingest.market_caps.snapshot import mark_inactive
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter, StoredHistory
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.schema import table
from marketflows_pipeline.warehouse.store import Warehouse

log = logging.getLogger(__name__)

SERVED = ("complete", "empty")
NOTHING_STORED = StoredHistory(served=0, new=0, rejected=0)


@dataclass(frozen=True)
class Outcome:
    """How one coin's request ended: the outcome, what was stored, the service's words."""

    outcome: str
    stored: StoredHistory = NOTHING_STORED
    note: str | None = None


@dataclass(frozen=True)
class Answer:
    """What came of one coin's request, not stored yet: its rows or how it ended, and malformed points left out."""

    coin: str
    response: pl.DataFrame | Outcome
    n_left_out: int


def store_answers(
    writer: MarketCapWriter,
    answers: Sequence[Answer],
    *,
    record: Callable[[Mapping[str, Outcome]], None],
    cause: str,
) -> list[str]:
    """Store answers in one transaction; the coins that were not served.

    Args:
        writer: of the run that requested them.
        answers: in the order of the requests.
        record: puts the requests on record by coin, once their rows are stored.
        cause: what ``meta.revisions`` names.
    """
    left_out = {answer.coin: answer.n_left_out for answer in answers}
    ended = {answer.coin: answer.response for answer in answers if isinstance(answer.response, Outcome)}
    served = {answer.coin: answer.response for answer in answers if not isinstance(answer.response, Outcome)}
    unknown = [coin for coin, response in ended.items() if response.outcome == NOT_FOUND]
    with writer.warehouse.transaction():
        stored = writer.store_histories(served, cause)
        ended |= {coin: _outcome(kept, left_out[coin]) for coin, kept in stored.items()}
        if unknown:
            mark_inactive(writer.warehouse, unknown, unseen_since=writer.moment)
        record({coin: ended[coin] for coin in left_out})
    return [coin for coin in left_out if ended[coin].outcome not in SERVED]


def store_histories(writer: MarketCapWriter, days: int, answers: Sequence[Answer]) -> list[str]:
    """Store answers to requests for the last ``days`` before the writer's moment; the coins that were not served."""

    def record(ended: Mapping[str, Outcome]) -> None:
        for coin, how in ended.items():
            if how.note and how.outcome != "complete":
                log.warning("history of %s: %s (%s)", coin, how.outcome, how.note)
        rows = [
            {
                "coin_id": coin,
                "granularity": Granularity.of_window(days),
                "window_start": writer.moment - timedelta(days=days),
                "window_end": writer.moment,
                "attempted_at": writer.clock.now(),
                "outcome": how.outcome,
                "rows_served": how.stored.served,
                "rows_new": how.stored.new,
                "rows_rejected": how.stored.rejected,
                "note": how.note,
            }
            for coin, how in ended.items()
        ]
        entry = table("meta.backfills")
        writer.warehouse.merge(entry.name, pl.DataFrame(rows, schema=entry.polars_schema))

    return store_answers(writer, answers, record=record, cause="history")


def _outcome(kept: StoredHistory, n_left_out: int) -> Outcome:
    """What a history added, the malformed points that were left out counted as served and rejected."""
    outcome = "complete" if kept.served > kept.rejected else "empty"
    return Outcome(outcome, StoredHistory(kept.served + n_left_out, kept.new, kept.rejected + n_left_out))


def repaired_gaps(
    warehouse: Warehouse, coin: str, gaps: pl.DataFrame, *, outcome: str, step: timedelta
) -> pl.DataFrame:
    """What became of a coin's gaps, all at once: a coin that is rarely refreshed has hundreds.

    The warehouse holds the coin's observations after the request; gaps are ``coin_id, gap_start, gap_end``.

    Returns:
        The gaps with ``rows_new`` and ``outcome``.
    """
    first, last = gaps["gap_start"] - step / 2, gaps["gap_end"] + step / 2
    stored = warehouse.accepted(
        "raw.market_caps",
        columns=["ts"],
        where="coin_id = ? and ts >= ? and ts < ?",
        params=[coin, first.min(), last.max()],
    )["ts"].sort()
    # A gap had no observation before, so what lies inside now is new.
    inside = pl.col("rows_new")
    is_partial = pl.col("gap_start") + (inside - 1) * pl.lit(step) < pl.col("gap_end")
    of_gap = pl.lit(outcome)
    if outcome in SERVED:
        some = pl.when(is_partial).then(pl.lit("partial")).otherwise(pl.lit("filled"))
        of_gap = pl.when(inside == 0).then(pl.lit("nothing_new")).otherwise(some)
    rows_new = (stored.search_sorted(last) - stored.search_sorted(first)).cast(pl.Int32)
    return gaps.with_columns(rows_new=rows_new).with_columns(outcome=of_gap)
