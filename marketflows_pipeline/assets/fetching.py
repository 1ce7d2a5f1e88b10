"""What every step that asks a service does around it: leave out faulty rows, and fail in the right way.

A failure is tried once more after a pause where that may help: the second of the three layers of retries
(docs/operations.md), for a service that was briefly away. The client retries each request by itself
(providers/http/retry.py), within one limit that both layers share.
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from marketflows_pipeline.errors import MarketflowsError, TransientProviderError
from marketflows_pipeline.ingest.quarantine import quarantine_implausible, quarantine_unit_slips
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Part

TRY_AGAIN_AFTER_S = 30.0


@contextlib.contextmanager
def retry_once(context: dg.AssetExecutionContext, run: RunContext) -> Iterator[None]:
    """Turn a fault within the block into Dagster's request for one more try, or into its failure for good."""
    try:
        yield
    except TransientProviderError as fault:
        if context.retry_number or not _is_worth_waiting(fault, run):
            raise
        # Waited for here, because a retry policy of Dagster's would wait on the machine's clock.
        run.waits.of(fault.provider).sleep(TRY_AGAIN_AFTER_S)
        raise dg.RetryRequested(max_retries=1) from fault
    except MarketflowsError as fault:
        # Asking again would get the same answer.
        raise dg.Failure(description=str(fault), allow_retries=False) from fault


def _is_worth_waiting(fault: TransientProviderError, run: RunContext) -> bool:
    """Whether the pause is within the limit that the requests have left, and not shorter than the service asks for."""
    next_at = run.clock.now() + timedelta(seconds=TRY_AGAIN_AFTER_S)
    is_too_early = fault.come_back_at is not None and fault.come_back_at > next_at
    return run.waits.of(fault.provider).left_s >= TRY_AGAIN_AFTER_S and not is_too_early


@contextlib.contextmanager
def healed(run: RunContext, part: Part) -> Iterator[None]:
    """Leave out the part's faulty rows: stored ones before the block, which may fill the gap, and then new ones."""
    _leave_out(run, part)
    yield
    _leave_out(run, part)


def _leave_out(run: RunContext, part: Part) -> None:
    quarantine_implausible(run, part)
    quarantine_unit_slips(run, part)
