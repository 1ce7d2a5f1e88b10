"""One run's ingest of market caps: tick, backfill, repair, and what it all came to."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.ingest.budget import (
    EXCHANGE_CALLS_PER_HOUR,
    Budget,
    exchange_calls_per_day,
    market_cap_calls_per_day,
    month_budget,
)
from marketflows_pipeline.ingest.market_caps.category_snapshot import record_categories
from marketflows_pipeline.ingest.market_caps.history import HistoryReport, backfill, repair
from marketflows_pipeline.ingest.market_caps.snapshot import fetch_snapshot
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.http.ledger import month_of
from marketflows_pipeline.providers.protocols.market_caps import Granularity
from marketflows_pipeline.queries.market_caps import coins_in_use, n_listed_exchanges
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.warehouse.revisions import forget_old_revisions

log = logging.getLogger(__name__)

# What a line of the log calls the reasons for which an observation is not stored.
_REJECTIONS = {
    "null": "without a market cap",
    "non_finite": "no number",
    "not_positive": "0 or below",
    "too_large": "beyond any market cap",
    "duplicate": "of a time that stands twice",
    "no time": "without a time",
    "untimely": "at an impossible time",
}


@dataclass(frozen=True)
class IngestReport:
    """What an ingest brought and cost.

    Attributes:
        n_tracked: coins followed.
        rows_new: observations not stored before.
        rows_revised: stored observations that the service has changed.
        rejected: points left out, by reason.
        calls: attempts made by this run.
        budget: the month's credits after the run.
        backfilled: histories asked for, waiting and failed.
        repaired: the same for gaps.
        gone: coins that the service no longer shows.
        out_of_credits: whether the month's credits ended the ingest early.
    """

    n_tracked: int
    rows_new: int
    rows_revised: int
    rejected: Mapping[str, int]
    calls: int
    budget: Budget
    backfilled: HistoryReport
    repaired: HistoryReport
    gone: tuple[str, ...]
    out_of_credits: bool


def refresh_market_caps(run: RunContext) -> IngestReport:
    """Bring the raw tables up to now, as far as the month's credits reach.

    Raises:
        UserInputError: if a coin or narrative of the settings has never been known to the service.
        ProviderError: if the service fails for good. Everything fetched before stays.
    """
    grain = Granularity.of_window(run.settings.source.days)
    store = RawWriter(run.warehouse, run.started_at, run.clock, grain.step)
    forget_old_revisions(run.warehouse, run.started_at)
    calls_before = _spent(run)
    backfilled = repaired = HistoryReport()
    gone: tuple[str, ...] = ()
    out_of_credits = False
    with counting_left_out() as left_out:
        try:
            tick = fetch_snapshot(run, store)
            gone = tick.gone
            # Before the dear histories: those can be had later, today's categories can't.
            record_categories(run)
            with run.warehouse.single_threaded():
                backfilled = backfill(run, store, tick.tracked, lambda: budget_now(run, tick.tracked.height))
            repaired = repair(run, store, tick.tracked, lambda: budget_now(run, tick.tracked.height))
        except CreditsExhaustedError as error:
            out_of_credits = True
            log.warning("%s. Answers go on from the warehouse, as of its newest observation", str(error).rstrip("."))
    store.tally.rejected.update(left_out)
    n_tracked = coins_in_use(run).height
    report = IngestReport(
        n_tracked=n_tracked,
        rows_new=store.tally.rows_new,
        rows_revised=store.tally.rows_revised,
        rejected=dict(store.tally.rejected),
        calls=_spent(run) - calls_before,
        budget=budget_now(run, n_tracked),
        backfilled=backfilled,
        repaired=repaired,
        gone=gone,
        out_of_credits=out_of_credits,
    )
    log.info(
        "%d coins followed: %d new observations, %s, %s, %d calls",
        report.n_tracked,
        report.rows_new,
        revised_in_words(report.rows_revised),
        rejected_in_words(report.rejected),
        report.calls,
    )
    return report


def revised_in_words(rows: int) -> str:
    """How many stored observations a later answer has changed, and what that means."""
    return f"{rows} revised" + (" (the service says otherwise now)" if rows else "")


def rejected_in_words(rejected: Mapping[str, int]) -> str:
    """How many observations are not stored, and why, the commonest reason first."""
    reasons = sorted((-count, reason) for reason, count in rejected.items() if count)
    told = ", ".join(f"{-count} {_REJECTIONS.get(reason, reason)}" for count, reason in reasons)
    return f"{sum(rejected.values())} rejected" + (f" ({told})" if told else "")


def budget_now(run: RunContext, n_coins: int) -> Budget:
    """The month's credits at this moment, the remaining runs of all parts reserved."""
    source, exchanges = run.settings.source, run.settings.exchanges
    excluded = set(source.exclusions_in_use)
    # A narrative that is an excluded category itself is asked for each hour anyway.
    per_hour, per_day = 0, market_cap_calls_per_day(len(excluded - set(source.narratives_in_use)))
    if exchanges is not None:
        per_hour = EXCHANGE_CALLS_PER_HOUR
        # One answer serves both parts.
        of_its_own = set(exchanges.whale_exclude_categories) - excluded
        per_day += exchange_calls_per_day(n_listed_exchanges(run), len(of_its_own))
    return month_budget(
        limit=source.monthly_credits,
        spent=_spent(run),
        now=run.clock.now(),
        n_coins=n_coins,
        n_narratives=len(run.settings.source.narratives_in_use),
        calls_per_hour=per_hour,
        calls_per_day=per_day,
    )


def _spent(run: RunContext) -> int:
    return run.ledger.spent(run.provider.name, month_of(run.clock.now()))
