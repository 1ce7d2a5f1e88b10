"""Histories under the budget: backfill of what was never requested, repair of what an outage left open.

One request a coin, stored coin by coin, so that a killed run loses nothing that was fetched; in a lake, whose commits
are dear, as many coins at a time as come in ten seconds, and a kill costs their requests.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import polars as pl

from marketflows_pipeline.errors import (
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.ingest.budget import Budget
from marketflows_pipeline.ingest.market_caps.answers import (
    Answer,
    Outcome,
    repaired_gaps,
    store_answers,
    store_histories,
)
from marketflows_pipeline.ingest.market_caps.plan import (
    FAILED,
    NOT_FOUND,
    REFUSED,
    failing_coins,
    gaps_to_repair,
    histories_missing,
)
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter
from marketflows_pipeline.progress import Reporter
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider
from marketflows_pipeline.settings import MarketCapSource
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.market_caps.quality import observation_gaps

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
DAILY_MINIMUM_DAYS = 91  # a shorter window would be served hourly
# After this long the next answer is stored, however few there are.
BETWEEN_COMMITS = timedelta(seconds=10)

TIME_IS_UP = "the run's time limit is reached"


@dataclass(frozen=True)
class HistoryReport:
    """What a round of histories came to.

    Requests that were served, refused or failed; coins left for a later run, for want of credits or time; and coins
    whose request failed.
    """

    fetched: int = 0
    waiting: int = 0
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class HistoryIngest:
    """Requests histories while credits and time last.

    Requests stop at the deadline, if there is one.
    """

    provider: MarketCapProvider
    writer: MarketCapWriter
    source: MarketCapSource
    reporter: Reporter
    budget_now: Callable[[], Budget]
    waits: WaitBudget
    deadline: datetime | None = None

    def backfill(
        self, tracked: pl.DataFrame, keep: Callable[[Sequence[Answer]], Sequence[str]] | None = None
    ) -> HistoryReport:
        """Fetch each tracked coin's window where it isn't complete yet.

        Args:
            tracked: coins, the most important first.
            keep: what becomes of answers, some at a time; it returns the coins that were not served. By default they
                are stored.

        Raises:
            ProviderError: if several coins in a row fail that did not before: the service is down or has changed,
                rather than a coin bad.
            CreditsExhaustedError: if the month's credits run out under way.
        """
        if not self._is_served:
            log.debug("no history is fetched: the plan serves none of this window's grid")
            return HistoryReport()
        days, writer, moment = self.source.days, self.writer, self.writer.moment
        start, grain = GridSpec.from_window(moment, days).start, Granularity.of_window(days)
        backfills = writer.warehouse.read("meta.backfills")
        missing = histories_missing(tracked, backfills, granularity=grain, window_start=start, now=moment)
        if grain is Granularity.FIVE_MINUTES and not missing.is_empty():
            log.warning(
                "days = 1 fetches every coin's history on each run: %d calls now; raise days to 2 or more to save"
                " credits",
                missing.height,
            )

        requests = [(coin, days) for coin in missing["coin_id"]]
        failing = failing_coins(backfills, granularity=grain)
        stored = partial(store_histories, writer, days)
        return self._fetch_each("Fetching histories", requests, failing, keep or stored)

    def repair(self, tracked: pl.DataFrame) -> HistoryReport:
        """Fetch again the histories of coins with gaps in the window, base assets, portfolios and largest caps first.

        One request covers all gaps of its coin. At most `repair_calls_per_run` coins a run; the rest stay marked as
        filled on the grid.
        """
        warehouse, moment = self.writer.warehouse, self.writer.moment
        grain = Granularity.of_window(self.source.days)
        if grain is Granularity.FIVE_MINUTES or not self._is_served:
            return HistoryReport()
        spec = GridSpec.from_window(moment, self.source.days)
        columns, since = ["coin_id", "ts", "market_cap_usd"], spec.start - spec.step
        observed = warehouse.accepted("raw.market_caps", columns=columns, where="ts >= ?", params=[since])
        repairs = warehouse.read("meta.repairs")
        gaps = gaps_to_repair(
            observation_gaps(observed, spec),
            tracked,
            repairs,
            granularity=grain,
            served_since=moment - timedelta(days=self.provider.history_limit_days(grain)),
        )
        by_coin = {str(key[0]): rows for key, rows in gaps.group_by("coin_id", maintain_order=True)}
        chosen = dict(list(by_coin.items())[: self.source.repair_calls_per_run])

        def record(ended: Mapping[str, Outcome]) -> None:
            rows = pl.concat(
                repaired_gaps(warehouse, coin, chosen[coin], outcome=how.outcome, step=grain.step)
                for coin, how in ended.items()
            )
            at = pl.lit(self.writer.clock.now()).cast(pl.Datetime("us", "UTC"))
            warehouse.merge("meta.repairs", rows.with_columns(granularity=pl.lit(grain.value), attempted_at=at))

        requests = [
            (coin, _days_back(moment, rows["gap_start"].min(), grain, longest=self.source.days))
            for coin, rows in chosen.items()
        ]
        failing = failing_coins(repairs, granularity=grain)
        keep = partial(store_answers, self.writer, record=record, cause="repair")
        report = self._fetch_each("Repairing gaps", requests, failing, keep)
        return HistoryReport(report.fetched, len(by_coin) - report.fetched, report.failed)

    @property
    def _is_served(self) -> bool:
        """Whether the plan serves a history of the window's grid: a refusal for each coin would tell nothing more."""
        return self.provider.history_limit_days(Granularity.of_window(self.source.days)) >= self.source.days

    def _fetch_each(
        self,
        label: str,
        requests: Sequence[tuple[str, int]],
        failing: Collection[str],
        keep: Callable[[Sequence[Answer]], Sequence[str]],
    ) -> HistoryReport:
        """Fetch one history after another.

        Requests are coins with the days back. The failure of a ``failing`` coin, which failed twice in a row before,
        says nothing about the service. Answers are kept some at a time.
        """
        fetched, in_a_row = 0, 0
        failed: list[str] = []
        waiting = f"{label}: %d of {len(requests)} coins wait for a later run: %s"
        most = self.writer.warehouse.store.answers_per_commit
        clock = self.writer.clock
        answers: list[Answer] = []
        stored_at = clock.now()
        with self.reporter.track(label, len(requests)) as advance:
            try:
                for coin, days in requests:
                    if reason := self._reason_to_stop():
                        log.warning(waiting, len(requests) - fetched, reason)
                        break
                    with counting_left_out() as left_out:
                        try:
                            response = self._fetch(coin, days)
                            in_a_row = 0
                        except (TransientProviderError, UnexpectedResponseError) as error:
                            if self.waits.is_run_over:
                                log.warning(waiting, len(requests) - fetched, TIME_IS_UP)
                                break
                            in_a_row += 1
                            is_down = in_a_row >= FAILURES_IN_A_ROW or self.waits.is_used_up
                            if _asks_for_a_pause(error) or (is_down and coin not in failing):
                                raise
                            response = Outcome(FAILED, note=str(error))
                    answers.append(Answer(coin, response, left_out.total()))
                    if len(answers) >= most or clock.now() - stored_at >= BETWEEN_COMMITS:
                        failed += _kept(answers, keep)
                        stored_at = clock.now()
                    fetched += 1
                    advance(1)
            finally:
                failed += _kept(answers, keep)
        if fetched:
            log.info("%s: %d of %d coins done", label, fetched, len(requests))
        return HistoryReport(fetched=fetched, waiting=len(requests) - fetched, failed=tuple(failed))

    def _reason_to_stop(self) -> str:
        """Why no more histories may be requested; empty while they may."""
        budget = self.budget_now()
        if budget.available < 1:
            return (
                f"of the month's {budget.limit} credits {budget.spent} are spent and {budget.reserved} reserved for its"
                " hourly runs"
            )
        if self.deadline is not None and self.writer.clock.now() >= self.deadline:
            return TIME_IS_UP
        if self.waits.is_used_up:
            return TIME_IS_UP if self.waits.is_run_over else "the service has been waited for long enough"
        return ""

    def _fetch(self, coin: str, days: int) -> pl.DataFrame | Outcome:
        """The coin's history, or how the service refused it."""
        try:
            return self.provider.history(coin, days)
        except NotFoundError as error:
            return Outcome(NOT_FOUND, note=str(error))
        except (PlanLimitError, UnexpectedResponseError):
            raise  # what the plan refuses for one coin it refuses for all, and an unexpected response is no refusal
        except PermanentProviderError as error:
            return Outcome(REFUSED, note=str(error))


def _kept(answers: list[Answer], keep: Callable[[Sequence[Answer]], Sequence[str]]) -> Sequence[str]:
    """Keep answers and empty the list; the coins that were not served."""
    batch, answers[:] = list(answers), []
    return keep(batch) if batch else []


def _days_back(moment: datetime, gap_start: object, grain: Granularity, *, longest: int) -> int:
    assert isinstance(gap_start, datetime)
    days = (moment - gap_start).days + 2
    return max(days, DAILY_MINIMUM_DAYS) if grain is Granularity.DAILY else min(max(days, 2), longest)


def _asks_for_a_pause(error: ProviderError) -> bool:
    return isinstance(error, TransientProviderError) and error.come_back_at is not None
