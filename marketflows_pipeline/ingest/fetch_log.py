"""The log of daily requests: which are due, and how each one ended."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import NamedTuple

import polars as pl

from marketflows_pipeline.errors import (
    CreditsExhaustedError,
    MarketflowsError,
    NotFoundError,
    PermanentProviderError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.ingest.budget import Budget
from marketflows_pipeline.ingest.market_caps.plan import REFUSALS, REFUSED
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.progress import Reporter
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.queries.closes import day_of
from marketflows_pipeline.schema import table
from marketflows_pipeline.warehouse.merging import MergeResult
from marketflows_pipeline.warehouse.revisions import Provenance

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
SUCCESSES = ("complete", "empty")
# A service that fails every hour is not waited for every hour.
RETRY_FAILED_AFTER = timedelta(hours=3)
# What nothing else needs leaves most of the time that a service may be waited for to what the run is for.
LONGEST_WAIT_S = 30.0


class Request(NamedTuple):
    """A daily request: the data set, and the coin, exchange or fund it is about."""

    dataset: str
    target: str = ""


class FetchLog:
    """How earlier requests ended, as ``meta.fetches`` has it, and where new ones are recorded.

    What was fetched before a day's data is published, at ``day_begins_at``, is due after it; with ``refetch``
    everything is. ``waiting`` counts requests left for a later run, for want of credits; ``failed`` has targets whose
    request failed after the client's retries.
    """

    def __init__(self, writer: RawWriter, day_begins_at: timedelta, *, refetch: bool = False) -> None:
        self.writer = writer
        self.waiting = 0
        self.failed: list[str] = []
        self._refetch = refetch
        self._day_begins_at = day_begins_at
        self._day = self._day_of(writer.moment)
        self._failures_in_a_row = 0
        self._left_out: Counter[str] = Counter()
        self._outcomes: defaultdict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(list)
        fetches = writer.warehouse.read("meta.fetches").filter(pl.col("outcome").is_in([*SUCCESSES, *REFUSALS]))
        columns = ("dataset", "target", "attempted_at", "outcome")
        for dataset, target, at, outcome in fetches.sort("attempted_at").select(columns).iter_rows():
            self._outcomes[dataset, target].append((at, outcome))

    def last_success(self, request: Request) -> datetime | None:
        """When a request last succeeded."""
        return next((at for at, outcome in reversed(self._outcomes[request]) if outcome in SUCCESSES), None)

    def is_refused(self, request: Request) -> bool:
        """Whether the newest outcome is a refusal."""
        return bool(self._outcomes[request]) and self._outcomes[request][-1][1] in REFUSALS

    @property
    def has_left_out(self) -> bool:
        """Whether a malformed row of the response that is being read was left out."""
        return self._left_out.total() > 0

    def is_due(self, request: Request) -> bool:
        """Whether a request is due: without an outcome on this day, refused only once, or refetched in any case."""
        last_two = self._outcomes[request][-2:]
        if self._refetch or not last_two or self._day_of(last_two[-1][0]) < self._day:
            return True
        return last_two[-1][1] == REFUSED and sum(outcome in REFUSALS for _, outcome in last_two) == 1

    def provenance(self, cause: str, request: Request, *, by_day: bool = False) -> Provenance:
        """What revisions by a response are recorded with; before the last success (or its day) the past is closed."""
        last = self.last_success(request)
        return Provenance(cause, self.writer.clock.now(), day_of(last) if last and by_day else last)

    def store(
        self,
        request: Request,
        rows: Mapping[str, pl.DataFrame],
        *,
        cause: str = "",
        by_day: bool = False,
        note: str | None = None,
    ) -> None:
        """Store the rows of a response by raw table, and record it, in one transaction; see `provenance`."""
        provenance = self.provenance(cause or request.dataset, request, by_day=by_day)
        with self.writer.warehouse.transaction():
            merged = [self.writer.store(name, of_table, provenance=provenance) for name, of_table in rows.items()]
            self.record_served(request, sum(each.height for each in rows.values()), *merged, note=note)

    def record_served(self, request: Request, n_rows: int, *merged: MergeResult, note: str | None = None) -> None:
        """Record a response of so many rows, and what its merges did."""
        new, revised = sum(each.inserted for each in merged), sum(each.revised for each in merged)
        outcome = "complete" if n_rows else "empty"
        self.record(request, outcome, served=n_rows, new=new, revised=revised, note=note)

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
        """Record an outcome, with how many malformed rows were left out where it is within ``counting``."""
        at = self.writer.clock.now()
        left_out = ", ".join(f"{count} rows left out as {reason}" for reason, count in self._left_out.items())
        self._outcomes[request].append((at, outcome))
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
        self.writer.warehouse.merge(entry.name, pl.DataFrame([row], schema=entry.polars_schema))

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Within the block count the malformed rows that are left out of a response, for its record."""
        try:
            with counting_left_out() as self._left_out:
                yield
        finally:
            self._left_out = Counter()

    @contextmanager
    def tolerate_refusal(self, request: Request) -> Iterator[None]:
        """Within the block record a refusal, warn about it, and go on with the other requests."""
        with self.counting():
            try:
                yield
            except UnexpectedResponseError:
                raise  # no refusal: it says nothing about the target
            except PermanentProviderError as error:
                outcome = "not_found" if isinstance(error, NotFoundError) else "refused"
                log.warning("%s of %s: %s (%s)", request.dataset, request.target or "all", outcome, error)
                self.record(request, outcome, note=str(error))

    @contextmanager
    def tolerate_failure(self, request: Request, n_requests: int) -> Iterator[None]:
        """Within the block go on with the other requests after a failure too, unless several in a row fail.

        Raises:
            TransientProviderError: three in a row failed, or all: the service is down, not one response bad.
            UnexpectedResponseError: likewise, but never for one alone: the others are up to date.
        """
        try:
            with self.tolerate_refusal(request):
                yield
            self._failures_in_a_row = 0
        except (TransientProviderError, UnexpectedResponseError) as error:
            self._failures_in_a_row += 1
            fewest = 2 if isinstance(error, UnexpectedResponseError) else 1
            self.failed.append(request.target)
            log.warning("%s of %s: %s", request.dataset, request.target, error)
            if self._failures_in_a_row >= min(FAILURES_IN_A_ROW, max(fewest, n_requests)):
                raise

    def fetch_each(
        self,
        title: str,
        requests: Iterable[Request],
        fetch: Callable[[Request], None],
        reporter: Reporter,
        budget_now: Callable[[], Budget] | None = None,
    ) -> int:
        """Fetch each that is due, the most important first; a failure lets the others go on (`tolerate_failure`).

        ``budget_now`` is given where a request costs a credit.

        Returns:
            How many still wait for credits.
        """
        due = [request for request in requests if self.is_due(request)]
        if not due:
            return 0
        with reporter.track(title, len(due)) as advance:
            for place, request in enumerate(due):
                try:
                    if budget_now is not None and budget_now().available < 1:
                        return len(due) - place
                    with self.tolerate_failure(request, len(due)):
                        fetch(request)
                except CreditsExhaustedError:
                    return len(due) - place
                advance(1)
        return 0

    def _day_of(self, moment: datetime) -> date:
        return (moment - self._day_begins_at).date()


def fetch_of_the_day(
    request: Request,
    writer: RawWriter,
    waits: WaitBudget,
    fetch: Callable[[], pl.DataFrame],
    store: Callable[[FetchLog, pl.DataFrame], None],
    *,
    if_failed: str,
    tolerated: tuple[type[MarketflowsError], ...] = (ProviderError,),
) -> None:
    """Fetch and store what nothing else needs, once a UTC day; a failure is a warning, which begins with `if_failed`.

    One that failed within the last three hours is not repeated yet. Errors ``tolerated`` are failures.
    """
    fetches = FetchLog(writer, timedelta(0))
    last = fetches.last_success(request)
    # Not `is_due`, which --refresh overrides: a second call of a day would spend a credit that nobody reserved.
    if (last is not None and last >= day_of(writer.moment)) or _failed_lately(writer, request):
        return
    with fetches.counting():
        try:
            with waits.at_most(LONGEST_WAIT_S):
                rows = fetch()
        except tolerated as error:
            log.warning("%s: %s", if_failed, error)
            fetches.record(request, "failed", note=str(error))
            return
        store(fetches, rows)


def _failed_lately(writer: RawWriter, request: Request) -> bool:
    failed = writer.warehouse.read(
        "meta.fetches",
        columns=["attempted_at"],
        where="dataset = ? and target = ? and outcome = 'failed' and attempted_at > ?",
        params=[*request, writer.moment - RETRY_FAILED_AFTER],
    )
    return not failed.is_empty()
