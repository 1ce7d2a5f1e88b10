"""What every ingest step does around its requests: quarantine faulty rows, and retry once or fail for good.

Three layers retry, one job each (docs/operations.md). The client retries a request (providers/http/retry.py); this
one retries the step once, for a service that was briefly away, within the wait limit that both share; Dagster retries a
run whose process was lost. An error that is final, such as an unexpected response, passes all three.
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import MarketflowsError, TransientProviderError
from marketflows_pipeline.ingest.quarantine import quarantine_implausible, quarantine_unit_slips
from marketflows_pipeline.providers.http.wait_budget import WaitBudgets
from marketflows_pipeline.schema import Part
from marketflows_pipeline.warehouse.store import Warehouse

RETRY_AFTER_S = 30.0


@contextlib.contextmanager
def retry_once(context: dg.AssetExecutionContext, waits: WaitBudgets) -> Iterator[None]:
    """Turn an error within the block into Dagster's request for one more try, or into its failure for good."""
    try:
        yield
    except TransientProviderError as error:
        if context.retry_number or not _is_worth_waiting(error, waits):
            raise
        # Waited for here, because a retry policy of Dagster's would wait on the machine's clock.
        waits.of(error.provider).sleep(RETRY_AFTER_S)
        raise dg.RetryRequested(max_retries=1) from error
    except MarketflowsError as error:
        # A retry would get the same response.
        raise dg.Failure(description=str(error), allow_retries=False) from error


def _is_worth_waiting(error: TransientProviderError, waits: WaitBudgets) -> bool:
    """Whether the pause is within the limit that the requests have left, and not shorter than the service asks for."""
    next_at = waits.clock.now() + timedelta(seconds=RETRY_AFTER_S)
    is_too_early = error.come_back_at is not None and error.come_back_at > next_at
    return waits.of(error.provider).left_s >= RETRY_AFTER_S and not is_too_early


@contextlib.contextmanager
def faulty_rows_quarantined(warehouse: Warehouse, part: Part, clock: Clock) -> Iterator[None]:
    """Quarantine the part's faulty rows: stored ones before the block, which may fill the gap, and new ones after."""
    _quarantine(warehouse, part, clock)
    yield
    _quarantine(warehouse, part, clock)


def _quarantine(warehouse: Warehouse, part: Part, clock: Clock) -> None:
    quarantine_implausible(warehouse, part, clock.now())
    quarantine_unit_slips(warehouse, part, clock.now())
