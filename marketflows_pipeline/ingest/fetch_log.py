"""What is asked for once a day: what is due, and how each answer is put on record."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

import polars as pl

from marketflows_pipeline.errors import (
    NotFoundError,
    PermanentProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.ingest.market_caps.plan import REFUSALS, REFUSED
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
SERVED = ("complete", "empty")


class Request(NamedTuple):
    """What is asked for once a day, and of whom."""

    dataset: str
    target: str = ""


@dataclass
class DayReport:
    """What a day's round came to.

    Attributes:
        answered: requests that were answered, for good or ill.
        waiting: requests left for a later run, for want of credits.
        failed: what could not be had, though the service was asked several times.
    """

    answered: int = 0
    waiting: int = 0
    failed: list[str] = field(default_factory=list)


class FetchLog:
    """What was answered before, and how each new answer is put on record.

    Args:
        run: the run.
        day_begins_at: when a day's answers are in: what was answered before that time is asked again after it.
    """

    def __init__(self, run: RunContext, day_begins_at: timedelta) -> None:
        self.report = DayReport()
        self._run = run
        self._day_begins_at = day_begins_at
        self._day = self._day_of(run.started_at)
        self._failures_in_a_row = 0
        self._left_out: Counter[str] = Counter()
        self._answers: defaultdict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(list)
        fetches = run.warehouse.read("meta.fetches").filter(pl.col("outcome").is_in([*SERVED, *REFUSALS]))
        columns = ("dataset", "target", "attempted_at", "outcome")
        for dataset, target, at, outcome in fetches.sort("attempted_at").select(columns).iter_rows():
            self._answers[dataset, target].append((at, outcome))

    def last_served(self, request: Request) -> datetime | None:
        """When a request last brought something."""
        return next((at for at, outcome in reversed(self._answers[request]) if outcome in SERVED), None)

    def is_refused(self, request: Request) -> bool:
        """Whether the newest answer is a refusal."""
        return bool(self._answers[request]) and self._answers[request][-1][1] in REFUSALS

    @property
    def has_left_out(self) -> bool:
        """Whether a row of the answer that is being read was left out."""
        return self._left_out.total() > 0

    def is_due(self, request: Request) -> bool:
        """Whether a request is to be asked: not answered on this day, refused but once, or asked in any case."""
        last_two = self._answers[request][-2:]
        if self._run.asks_again or not last_two or self._day_of(last_two[-1][0]) < self._day:
            return True
        return last_two[-1][1] == REFUSED and sum(outcome in REFUSALS for _, outcome in last_two) == 1

    def record(
        self,
        request: Request,
        outcome: str,
        *,
        served: int = 0,
        new: int = 0,
        revised: int = 0,
        note: str | None = None,
    ) -> None:
        """Put an answer on record, with how many of its rows were left out where it is read within ``counting``."""
        at = self._run.clock.now()
        left_out = ", ".join(f"{count} rows left out as {reason}" for reason, count in self._left_out.items())
        self._answers[request].append((at, outcome))
        row = {
            "dataset": request.dataset,
            "target": request.target,
            "attempted_at": at,
            "outcome": outcome,
            "rows_served": served,
            "rows_new": new,
            "rows_revised": revised,
            "note": "; ".join(filter(None, (note, left_out))) or None,
        }
        entry = table("meta.fetches")
        self._run.warehouse.merge(entry.name, pl.DataFrame([row], schema=entry.polars_schema))

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Within the block the rows that are left out of an answer are counted for its record."""
        try:
            with counting_left_out() as self._left_out:
                yield
        finally:
            self._left_out = Counter()

    @contextmanager
    def answer(self, request: Request) -> Iterator[None]:
        """Within the block a refusal is put on record, warned about, and lets the others go on."""
        with self.counting():
            try:
                yield
            except UnexpectedResponseError:
                raise  # what is no answer is no refusal
            except PermanentProviderError as error:
                outcome = "not_found" if isinstance(error, NotFoundError) else "refused"
                log.warning("%s of %s: %s (%s)", request.dataset, request.target or "all", outcome, error)
                self.record(request, outcome, note=str(error))
        self.report.answered += 1

    @contextmanager
    def one_of_many(self, request: Request, n_requests: int) -> Iterator[None]:
        """Within the block a failure too lets the others go on, unless several in a row fail.

        Raises:
            TransientProviderError: three in a row failed, or all: the service is down, not one answer bad.
            UnexpectedResponseError: likewise, but never for one alone: the others are up to date.
        """
        try:
            with self.answer(request):
                yield
            self._failures_in_a_row = 0
        except (TransientProviderError, UnexpectedResponseError) as error:
            self._failures_in_a_row += 1
            fewest = 2 if isinstance(error, UnexpectedResponseError) else 1
            self.report.failed.append(request.target)
            log.warning("%s of %s: %s", request.dataset, request.target, error)
            if self._failures_in_a_row >= min(FAILURES_IN_A_ROW, max(fewest, n_requests)):
                raise

    def _day_of(self, moment: datetime) -> date:
        return (moment - self._day_begins_at).date()
