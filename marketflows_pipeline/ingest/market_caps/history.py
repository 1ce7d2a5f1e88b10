"""Histories under the budget: backfill of what was never asked, repair of what an outage left open.

One request a coin, committed coin by coin, so that a killed run loses nothing that was fetched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

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
from marketflows_pipeline.ingest.market_caps.plan import FAILED, failing_coins, gaps_to_repair, histories_missing
from marketflows_pipeline.ingest.market_caps.snapshot import mark_inactive
from marketflows_pipeline.ingest.raw_writer import RawWriter, StoredHistory
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.protocols.market_caps import Granularity
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.market_caps.quality import observation_gaps

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
DAILY_MINIMUM_DAYS = 91  # a shorter window would be answered hourly

NOTHING_STORED = StoredHistory(served=0, new=0, rejected=0)

BudgetNow = Callable[[], Budget]


@dataclass(frozen=True)
class HistoryReport:
    """What a round of histories came to.

    Attributes:
        asked: requests answered, for good or ill.
        waiting: coins left for a later run, for want of credits or time.
        failed: coins whose history could not be had.
    """

    asked: int = 0
    waiting: int = 0
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Round:
    """What is asked for one after another: coins with the days back, and those that failed twice in a row before."""

    label: str
    cause: str
    requests: list[tuple[str, int]]
    failing: Collection[str]


@dataclass(frozen=True)
class _Answer:
    """One coin's answered request: how it ended, what it brought, what the service said."""

    outcome: str
    stored: StoredHistory = NOTHING_STORED
    note: str | None = None


def backfill(run: RunContext, store: RawWriter, tracked: pl.DataFrame, budget_now: BudgetNow) -> HistoryReport:
    """Ask for each tracked coin's window where it isn't complete yet.

    Raises:
        ProviderError: if several coins in a row fail that did not before: the service is down or has changed, rather
            than a coin bad.
        CreditsExhaustedError: if the month's credits run out under way.
    """
    days = run.settings.source.days
    spec = GridSpec.from_window(run.started_at, days)
    grain = Granularity.of_window(days)
    backfills = run.warehouse.read("meta.backfills")
    missing = histories_missing(
        tracked,
        backfills,
        granularity=grain,
        window_start=spec.start,
        now=run.started_at,
    )["coin_id"].to_list()
    if grain is Granularity.FIVE_MINUTES and missing:
        log.warning(
            "days = 1 asks for every coin's history on each run: %d calls now; raise days to 2 or more to save credits",
            len(missing),
        )

    def record(coin: str, answer: _Answer) -> None:
        if answer.note and answer.outcome != "complete":
            log.warning("history of %s: %s (%s)", coin, answer.outcome, answer.note)
        _note(
            run,
            "meta.backfills",
            coin_id=coin,
            granularity=grain,
            window_start=run.started_at - timedelta(days=days),
            window_end=run.started_at,
            attempted_at=run.clock.now(),
            outcome=answer.outcome,
            rows_served=answer.stored.served,
            rows_new=answer.stored.new,
            rows_rejected=answer.stored.rejected,
            note=answer.note,
        )

    return _ask_each(
        run,
        store,
        _Round(
            "Fetching histories",
            "history",
            [(coin, days) for coin in missing],
            failing_coins(backfills, granularity=grain),
        ),
        budget_now=budget_now,
        record=record,
    )


def repair(run: RunContext, store: RawWriter, tracked: pl.DataFrame, budget_now: BudgetNow) -> HistoryReport:
    """Ask again for coins with gaps in the window, base assets, portfolios and the largest caps first.

    One request covers all gaps of its coin. At most `repair_calls_per_run` coins a run; the rest stay marked as
    filled on the grid.
    """
    source = run.settings.source
    grain = Granularity.of_window(source.days)
    if grain is Granularity.FIVE_MINUTES:
        return HistoryReport()
    spec = GridSpec.from_window(run.started_at, source.days)
    observed = run.warehouse.accepted(
        "raw.market_caps", columns=["coin_id", "ts", "market_cap_usd"], where="ts >= ?", params=[spec.start - spec.step]
    )
    repairs = run.warehouse.read("meta.repairs")
    gaps = gaps_to_repair(
        observation_gaps(observed, spec),
        tracked,
        repairs,
        granularity=grain,
        served_since=run.started_at - timedelta(days=run.provider.history_limit_days(grain)),
    )
    by_coin = dict(gaps.group_by("coin_id", maintain_order=True))
    chosen = {key[0]: rows for key, rows in list(by_coin.items())[: source.repair_calls_per_run]}

    def record(coin: str, answer: _Answer) -> None:
        _record_repairs(run, coin, answer, gaps=chosen[coin], grain=grain)

    requests = [(coin, _days_back_to(rows["gap_start"].min(), run, grain)) for coin, rows in chosen.items()]
    repairing = _Round("Repairing gaps", "repair", requests, failing_coins(repairs, granularity=grain))
    report = _ask_each(run, store, repairing, budget_now=budget_now, record=record)
    return HistoryReport(report.asked, len(by_coin) - report.asked, report.failed)


def _days_back_to(moment: object, run: RunContext, grain: Granularity) -> int:
    assert isinstance(moment, datetime)
    days = (run.started_at - moment).days + 2
    longest = run.settings.source.days
    return max(days, DAILY_MINIMUM_DAYS) if grain is Granularity.DAILY else min(max(days, 2), longest)


def _record_repairs(run: RunContext, coin: str, answer: _Answer, *, gaps: pl.DataFrame, grain: Granularity) -> None:
    """One row a gap, all at once: a coin that is rarely refreshed has hundreds."""
    step = grain.step
    first, last = gaps["gap_start"] - step / 2, gaps["gap_end"] + step / 2
    stored = run.warehouse.accepted(
        "raw.market_caps",
        columns=["ts"],
        where="coin_id = ? and ts >= ? and ts < ?",
        params=[coin, first.min(), last.max()],
    )["ts"].sort()
    # A gap had no observation before, so what lies inside now is new.
    inside = pl.col("rows_new")
    is_partial = pl.col("gap_start") + (inside - 1) * pl.lit(step) < pl.col("gap_end")
    outcome = pl.lit(answer.outcome)
    if answer.outcome in {"complete", "empty"}:
        outcome = (
            pl.when(inside == 0)
            .then(pl.lit("nothing_new"))
            .when(is_partial)
            .then(pl.lit("partial"))
            .otherwise(pl.lit("filled"))
        )
    rows = gaps.with_columns(
        rows_new=(stored.search_sorted(last) - stored.search_sorted(first)).cast(pl.Int32)
    ).with_columns(
        granularity=pl.lit(grain.value),
        attempted_at=pl.lit(run.clock.now()).cast(pl.Datetime("us", "UTC")),
        outcome=outcome,
    )
    run.warehouse.merge("meta.repairs", rows)


def _ask_each(
    run: RunContext,
    store: RawWriter,
    histories: _Round,
    *,
    budget_now: BudgetNow,
    record: Callable[[str, _Answer], None],
) -> HistoryReport:
    label, requests = histories.label, histories.requests
    asked, failed, in_a_row = 0, [], 0
    waiting = f"{label}: %d of {len(requests)} coins wait for a later run: %s"
    with run.reporter.track(label, len(requests)) as advance:
        for coin, days in requests:
            if reason := _why_stop(run, budget_now):
                log.warning(waiting, len(requests) - asked, reason)
                break
            with counting_left_out() as left_out:
                try:
                    asked_for = _ask(run, coin, days)
                    in_a_row = 0
                except (TransientProviderError, UnexpectedResponseError) as error:
                    if run.waits.of(run.provider.name).is_run_over:
                        log.warning(waiting, len(requests) - asked, "the run's time limit is reached")
                        break
                    in_a_row += 1
                    is_news = coin not in histories.failing
                    is_down = in_a_row >= FAILURES_IN_A_ROW or _is_used_up(run)
                    if _asks_for_a_pause(error) or (is_news and is_down):
                        raise
                    asked_for = _Answer(FAILED, note=str(error))
            # The rows and the note that they were had stand or fall together.
            with run.warehouse.transaction():
                answer = (
                    asked_for
                    if isinstance(asked_for, _Answer)
                    else _stored(store, asked_for, histories.cause, left_out.total())
                )
                record(coin, answer)
            if answer.outcome not in {"complete", "empty"}:
                failed.append(coin)
            asked += 1
            advance(1)
    if asked:
        log.info("%s: %d of %d coins done", label, asked, len(requests))
    return HistoryReport(asked=asked, waiting=len(requests) - asked, failed=tuple(failed))


def _asks_for_a_pause(error: ProviderError) -> bool:
    return isinstance(error, TransientProviderError) and error.come_back_at is not None


def _is_used_up(run: RunContext) -> bool:
    """Whether the service has been waited for as long as a run may wait."""
    return run.waits.of(run.provider.name).is_used_up


def _why_stop(run: RunContext, budget_now: BudgetNow) -> str:
    budget = budget_now()
    if budget.available < 1:
        return (
            f"of the month's {budget.limit} credits {budget.spent} are spent and {budget.reserved} reserved for its"
            " hourly runs"
        )
    if run.history_deadline is not None and run.clock.now() >= run.history_deadline:
        return "the run's time limit is reached"
    if _is_used_up(run):
        is_run_over = run.waits.of(run.provider.name).is_run_over
        return "the run's time limit is reached" if is_run_over else "the service has been waited for long enough"
    return ""


def _ask(run: RunContext, coin: str, days: int) -> pl.DataFrame | _Answer:
    """The coin's history, or how the service refused it."""
    try:
        return run.provider.history(coin, days)
    except NotFoundError as error:
        mark_inactive(run, [coin], unseen_since=run.started_at)
        return _Answer("not_found", note=str(error))
    except (PlanLimitError, UnexpectedResponseError):
        raise  # what the plan refuses for one coin it refuses for all, and what is no answer is no refusal
    except PermanentProviderError as error:
        return _Answer("refused", note=str(error))


def _stored(store: RawWriter, rows: pl.DataFrame, cause: str, n_left_out: int) -> _Answer:
    """What a history brought, the points that were left out on reading it counted as served and rejected."""
    kept = store.store_history(rows, cause)
    outcome = "complete" if kept.served > kept.rejected else "empty"
    return _Answer(outcome, StoredHistory(kept.served + n_left_out, kept.new, kept.rejected + n_left_out))


def _note(run: RunContext, name: str, **values: object) -> None:
    run.warehouse.merge(name, pl.DataFrame([values], schema=table(name).polars_schema))
