"""What became of requests for histories, and storing it: rows and the record of a request stand or fall together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from marketflows_pipeline.ingest.market_caps.plan import NOT_FOUND
from marketflows_pipeline.ingest.market_caps.repairs import SERVED
from marketflows_pipeline.ingest.market_caps.snapshot import mark_inactive
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter, StoredHistory
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.schema import table

log = logging.getLogger(__name__)

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
    writer: MarketCapWriter, answers: Sequence[Answer], *, record: Callable[[str, Outcome], None], cause: str
) -> list[str]:
    """Store answers in one transaction; the coins that were not served.

    Args:
        writer: of the run that requested them.
        answers: in the order of the requests.
        record: puts a coin's request on record, once its rows are stored.
        cause: what ``meta.revisions`` names.
    """
    ended = {}
    with writer.warehouse.transaction():
        for answer in answers:
            response = answer.response
            if not isinstance(response, Outcome):
                response = _stored(writer, response, cause, answer.n_left_out)
            elif response.outcome == NOT_FOUND:
                mark_inactive(writer.warehouse, [answer.coin], unseen_since=writer.moment)
            record(answer.coin, response)
            ended[answer.coin] = response.outcome
    return [coin for coin, outcome in ended.items() if outcome not in SERVED]


def store_histories(writer: MarketCapWriter, days: int, answers: Sequence[Answer]) -> list[str]:
    """Store answers to requests for the last ``days`` before the writer's moment; the coins that were not served."""

    def record(coin: str, ended: Outcome) -> None:
        if ended.note and ended.outcome != "complete":
            log.warning("history of %s: %s (%s)", coin, ended.outcome, ended.note)
        row = {
            "coin_id": coin,
            "granularity": Granularity.of_window(days),
            "window_start": writer.moment - timedelta(days=days),
            "window_end": writer.moment,
            "attempted_at": writer.clock.now(),
            "outcome": ended.outcome,
            "rows_served": ended.stored.served,
            "rows_new": ended.stored.new,
            "rows_rejected": ended.stored.rejected,
            "note": ended.note,
        }
        entry = table("meta.backfills")
        writer.warehouse.merge(entry.name, pl.DataFrame([row], schema=entry.polars_schema))

    return store_answers(writer, answers, record=record, cause="history")


def _stored(writer: MarketCapWriter, rows: pl.DataFrame, cause: str, n_left_out: int) -> Outcome:
    """What a history added, the malformed points that were left out counted as served and rejected."""
    kept = writer.store_history(rows, cause)
    outcome = "complete" if kept.served > kept.rejected else "empty"
    return Outcome(outcome, StoredHistory(kept.served + n_left_out, kept.new, kept.rejected + n_left_out))
