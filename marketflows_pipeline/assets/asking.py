"""What every step that asks a service does around it: leave out impossible rows, and fail in the right way."""

import contextlib
from collections.abc import Iterator

import dagster as dg

from marketflows_pipeline.errors import MarketflowsError, TransientProviderError
from marketflows_pipeline.quarantining import quarantine_implausible
from marketflows_pipeline.schema import Part
from marketflows_pipeline.session import Session

# The client retries each request by itself; one more try of the whole step is for a service that was briefly away.
TRY_AGAIN_AFTER_S = 30.0


@contextlib.contextmanager
def asked_twice(context: dg.AssetExecutionContext, session: Session) -> Iterator[None]:
    """Turn a fault within the block into Dagster's request for one more try, or into its failure for good."""
    try:
        yield
    except TransientProviderError as fault:
        if context.retry_number:
            raise
        # Waited for here, because a retry policy of Dagster's would wait on the machine's clock.
        session.clock.sleep(TRY_AGAIN_AFTER_S)
        raise dg.RetryRequested(max_retries=1) from fault
    except MarketflowsError as fault:
        # Asking again would get the same answer.
        raise dg.Failure(description=str(fault), allow_retries=False) from fault


@contextlib.contextmanager
def healed(session: Session, part: Part) -> Iterator[None]:
    """Leave out the part's impossible rows: stored ones before the block, which may fill the gap, and then new ones."""
    quarantine_implausible(session, part)
    yield
    quarantine_implausible(session, part)
