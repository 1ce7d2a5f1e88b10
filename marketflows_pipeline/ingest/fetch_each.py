"""Fetching many things one after another, as long as there are credits that nothing else needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.ingest.budget import Budget
from marketflows_pipeline.ingest.fetch_log import FetchLog, Request
from marketflows_pipeline.progress import Reporter


def fetch_each(
    requests: Sequence[Request],
    fetch: Callable[[Request], None],
    *,
    fetches: FetchLog,
    budget_now: Callable[[], Budget],
    reporter: Reporter,
    title: str,
) -> int:
    """Fetch each while it is affordable; a failure lets the others go on, see `FetchLog.tolerate_failure`.

    Args:
        requests: what to request, the most important first.
        fetch: requests one and stores the response.
        fetches: the log of the day.
        budget_now: the month's credits at present.
        reporter: shows the progress.
        title: of the progress.

    Returns:
        How many still wait for credits.
    """
    if not requests:
        return 0
    with reporter.track(title, len(requests)) as advance:
        for place, request in enumerate(requests):
            try:
                is_affordable = budget_now().available >= 1
                if is_affordable:
                    with fetches.tolerate_failure(request, len(requests)):
                        fetch(request)
            except CreditsExhaustedError:
                is_affordable = False
            if not is_affordable:
                return len(requests) - place
            advance(1)
    return 0
