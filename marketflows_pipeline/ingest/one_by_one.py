"""Asking for many things one by one, for as long as there are credits that nothing else needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.ingest.fetch_log import FetchLog, Request
from marketflows_pipeline.ingest.market_caps.run import budget_now
from marketflows_pipeline.queries.market_caps import coins_in_use
from marketflows_pipeline.run_context import RunContext


def ask_one_by_one(
    run: RunContext, asked: FetchLog, requests: Sequence[Request], fetch: Callable[[Request], None], *, title: str
) -> int:
    """Ask for each while it is affordable; a failure lets the others go on, see `FetchLog.one_of_many`.

    Args:
        run: the run's means.
        asked: the day's account.
        requests: what to ask for, the most important first.
        fetch: asks for one and keeps the answer.
        title: of the progress.

    Returns:
        How many still wait for credits.
    """
    if not requests:
        return 0
    n_coins = coins_in_use(run).height
    with run.reporter.track(title, len(requests)) as advance:
        for place, request in enumerate(requests):
            try:
                is_affordable = budget_now(run, n_coins).available >= 1
                if is_affordable:
                    with asked.one_of_many(request, len(requests)):
                        fetch(request)
            except CreditsExhaustedError:
                is_affordable = False
            if not is_affordable:
                return len(requests) - place
            advance(1)
    return 0
