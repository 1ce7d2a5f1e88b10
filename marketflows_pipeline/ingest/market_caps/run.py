"""One run's ingest of market caps: snapshot, backfill, repair, and a report of all three."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.ingest.budget import Budget
from marketflows_pipeline.ingest.credits import Credits
from marketflows_pipeline.ingest.market_caps.category_snapshot import snapshot_categories
from marketflows_pipeline.ingest.market_caps.history import HistoryIngest, HistoryReport
from marketflows_pipeline.ingest.market_caps.snapshot import fetch_snapshot
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter, Tally
from marketflows_pipeline.progress import Reporter
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider
from marketflows_pipeline.queries.tracked_coins import tracked_coins
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.check_results import forget_old_findings
from marketflows_pipeline.warehouse.revisions import forget_old_revisions

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IngestReport:
    """What an ingest stored and cost.

    Attempts of this run are ``calls``; the budget is that after the run. ``gone`` are coins that the service no longer
    lists.
    """

    n_tracked: int
    tally: Tally
    calls: int
    budget: Budget
    backfilled: HistoryReport
    repaired: HistoryReport
    gone: tuple[str, ...]


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
            log.warning("%s. Answers go on from the warehouse, as of its newest observation", str(error).rstrip("."))
    writer.tally.rejected.update(left_out)
    n_tracked = tracked_coins(warehouse, settings, writer.moment).height
    report = IngestReport(
        n_tracked=n_tracked,
        tally=writer.tally,
        calls=credits.spent - spent_before,
        budget=credits.budget(n_tracked),
        backfilled=backfilled,
        repaired=repaired,
        gone=gone,
    )
    log.info("%d coins followed: %s, %d calls", report.n_tracked, report.tally.in_words, report.calls)
    return report
