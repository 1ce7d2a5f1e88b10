"""What every ingest step does around its requests: quarantine faulty rows, and retry once or fail for good.

Three layers retry, one job each (docs/operations.md): the client a request (providers/http/retry.py), this one the step
once, within the wait limit that both share, and Dagster a run whose process was lost. A final error passes all three.
"""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

import dagster as dg

from marketflows_pipeline.assets.io_manager import table_name
from marketflows_pipeline.clients import Clients
from marketflows_pipeline.errors import MarketflowsError, TransientProviderError
from marketflows_pipeline.ingest.quarantine import (
    quarantine_implausible,
    quarantine_repeated,
    quarantine_unit_slips,
)
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.providers.http.wait_budget import WaitBudgets
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Part, table
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.publish import begin_part
from marketflows_pipeline.warehouse.store import Warehouse

RETRY_AFTER_S = 30.0

Context: TypeAlias = dg.AssetExecutionContext | dg.OpExecutionContext


@contextlib.contextmanager
def retry_once(context: Context, waits: WaitBudgets) -> Iterator[None]:
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
def ingesting(context: Context, run: RunContext, clients: Clients, part: Part) -> Iterator[RawWriter]:
    """Begin a part, retry its requests once, and quarantine faulty rows: stored ones before the block, new ones after.

    The block may fill the gaps that the first quarantine leaves.
    """
    begin_part(run.warehouse, part, run.run_id, run.started_at)
    _quarantine(run, part)
    with retry_once(context, clients.waits):
        yield RawWriter(run.warehouse, run.clock, run.started_at)
    _quarantine(run, part)


def _quarantine(run: RunContext, part: Part) -> None:
    quarantine_implausible(run.warehouse, part, run.clock.now())
    quarantine_repeated(run.warehouse, part, run.clock.now())
    quarantine_unit_slips(run.warehouse, part, run.clock.now())


def stored_tables(
    context: dg.AssetExecutionContext, warehouse: Warehouse, **more: Mapping[str, dg.MetadataValue]
) -> Iterator[dg.MaterializeResult[None]]:
    """The selected raw tables with their number of rows and newest time, and more metadata by the table's own name."""
    counts = warehouse.row_counts()
    entries = {key: table(table_name(key)) for key in context.selected_asset_keys}
    asked = ddl.newest_times((entry, accepted_name(entry.name)) for entry in entries.values())
    newest = dict(warehouse.query(asked).iter_rows()) if asked else {}
    for key, entry in entries.items():
        metadata: dict[str, Any] = {"dagster/row_count": counts.get(entry.name, 0), **more.get(key.path[-1], {})}
        if entry.as_of:
            metadata["as_of"] = str(newest[entry.name])
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)


def source_spec(*key: str, description: str, url: str | None = None) -> dg.AssetSpec:
    """A service that raw tables come from."""
    metadata = {"url": dg.MetadataValue.url(url)} if url else {}
    return dg.AssetSpec(
        dg.AssetKey(key), description=description, group_name="sources", kinds={"api"}, metadata=metadata
    )
