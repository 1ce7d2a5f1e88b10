"""One run's ingest of market caps: snapshot, backfill, repair, and a report of all three."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.ingest.budget import Budget
from marketflows_pipeline.ingest.credits import Credits
from marketflows_pipeline.ingest.market_caps.category_snapshot import snapshot_categories
from marketflows_pipeline.ingest.market_caps.history import HistoryIngest, HistoryReport
from marketflows_pipeline.ingest.market_caps.snapshot import fetch_snapshot
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter
from marketflows_pipeline.progress import Reporter
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider
from marketflows_pipeline.queries.tracked_coins import tracked_coins
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.check_results import forget_old_findings
from marketflows_pipeline.warehouse.revisions import forget_old_revisions

log = logging.getLogger(__name__)

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


@dataclass(frozen=True)
class IngestReport:
    """What an ingest stored and cost.

    Points left out are counted by reason, attempts of this run as ``calls``; the budget is that after the run. ``gone``
    are coins that the service no longer lists.
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


def refresh_market_caps(
    provider: MarketCapProvider,
    writer: MarketCapWriter,
    settings: Settings,
    *,
    credits: Credits,  # noqa: A002 (the field's word for paid calls)
    waits: WaitBudget,
    reporter: Reporter,
    deadline: datetime | None = None,
) -> IngestReport:
    """Bring the raw tables up to now, as far as the month's credits reach.

    Fetching histories stops at the deadline, if there is one.

    Raises:
        UserInputError: if a coin or narrative of the settings has never been known to the service.
        ProviderError: if the service fails for good. Everything fetched before stays.
    """
    warehouse = writer.warehouse
    forget_old_revisions(warehouse, writer.moment)
    forget_old_findings(warehouse, writer.moment)
    spent_before = credits.spent
    backfilled = repaired = HistoryReport()
    gone: tuple[str, ...] = ()
    out_of_credits = False
    with counting_left_out() as left_out:
        try:
            snapshot = fetch_snapshot(provider, writer, settings)
            tracked, gone = snapshot.tracked, snapshot.gone
            # Before the costly histories: those can be fetched later, today's categories can't.
            snapshot_categories(provider, writer, waits)
            histories = HistoryIngest(
                provider,
                writer,
                settings.source,
                reporter,
                budget_now=lambda: credits.budget(tracked.height),
                waits=waits,
                deadline=deadline,
            )
            with warehouse.single_threaded():
                backfilled = histories.backfill(tracked)
            repaired = histories.repair(tracked)
        except CreditsExhaustedError as error:
            out_of_credits = True
            log.warning("%s. Answers go on from the warehouse, as of its newest observation", str(error).rstrip("."))
    writer.tally.rejected.update(left_out)
    n_tracked = tracked_coins(warehouse, settings, writer.moment).height
    report = IngestReport(
        n_tracked=n_tracked,
        rows_new=writer.tally.rows_new,
        rows_revised=writer.tally.rows_revised,
        rejected=dict(writer.tally.rejected),
        calls=credits.spent - spent_before,
        budget=credits.budget(n_tracked),
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
    """How many stored observations a later response has changed, and what that means."""
    return f"{rows} revised" + (" (the service says otherwise now)" if rows else "")


def rejected_in_words(rejected: Mapping[str, int]) -> str:
    """How many observations are not stored, and why, the commonest reason first."""
    reasons = sorted((-count, reason) for reason, count in rejected.items() if count)
    named = ", ".join(f"{-count} {_REJECTIONS.get(reason, reason)}" for count, reason in reasons)
    return f"{sum(rejected.values())} rejected" + (f" ({named})" if named else "")
