"""Fetching many things one after another, as long as there are credits that nothing else needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.ingest.budget import Budget
from marketflows_pipeline.ingest.fetch_log import FetchLog, Request
from marketflows_pipeline.progress import Reporter


def fetch_each(
    title: str,
    requests: Iterable[Request],
    fetch: Callable[[Request], None],
    *,
    fetches: FetchLog,
    reporter: Reporter,
    budget_now: Callable[[], Budget] | None = None,
) -> int:
    """Fetch each that is due, the most important first; a failure lets the others go on (`tolerate_failure`).

    ``budget_now`` is given where a request costs a credit.

    Returns:
        How many still wait for credits.
    """
    due = [request for request in requests if fetches.is_due(request)]
    if not due:
        return 0
    with reporter.track(title, len(due)) as advance:
        for place, request in enumerate(due):
            try:
                if budget_now is not None and budget_now().available < 1:
                    return len(due) - place
                with fetches.tolerate_failure(request, len(due)):
                    fetch(request)
            except CreditsExhaustedError:
                return len(due) - place
            advance(1)
    return 0
