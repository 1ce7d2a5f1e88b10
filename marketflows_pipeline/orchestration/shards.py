"""The job that fetches the histories of many coins in shards: what the hour shows, a step a shard, one merge.

Each step opens the store by itself and under a lock of its own, since it may run in a process of its own on any host;
nothing passes between steps but that they have ended. Hourly runs go on meanwhile, except while the job holds the lock
of their part: in its first step and its last.
"""

import contextlib
from collections.abc import Callable, Iterator, Set
from contextlib import AbstractContextManager
from datetime import timedelta

import dagster as dg

from marketflows_pipeline.assets.fetching import ingesting, retry_once
from marketflows_pipeline.clients import Clients
from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.ingest.credits import Credits
from marketflows_pipeline.ingest.market_caps.history import HistoryIngest
from marketflows_pipeline.ingest.market_caps.shards import Shard, land_shard, merge_landings, shards_of
from marketflows_pipeline.ingest.market_caps.snapshot import fetch_snapshot
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.queries.tracked_coins import tracked_coins
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Part
from marketflows_pipeline.settings.execution import Execution
from marketflows_pipeline.warehouse.ledger import WarehouseLedger

BACKFILL_HISTORIES = "backfill_histories"
PART: Part = "market_caps"
# Longer than an hourly run is let go on by itself; shorter than what waits for a lost process.
LOCK_WAIT_S = 3600.0
# A step that is lost with its worker is noticed by nothing else.
MAX_RUNTIME = timedelta(hours=6)

# What opens a run, as `run_context.open_run` with all but the run's own arguments.
OpenRun = Callable[..., AbstractContextManager[RunContext]]


def backfill_job(open_run: OpenRun, execution: Execution, hooks: Set[dg.HookDefinition]) -> dg.JobDefinition:
    """The job.

    Args:
        open_run: opens the store of a step.
        execution: how many shards there are, and where their steps run.
        hooks: of every step.
    """
    shards = shards_of(execution.shards)
    take_snapshot, merge = _snapshot_op(open_run), _merge_op(open_run, shards)
    fetches = {shard: _fetch_op(open_run, shard) for shard in shards}

    @dg.job(
        name=BACKFILL_HISTORIES,
        description="Histories of many coins, fetched in shards beside hourly runs and merged once; it publishes "
        "nothing, the next hourly run does.",
        executor_def=_executor(execution),
        hooks=set(hooks),
        tags={"dagster/max_runtime": str(int(MAX_RUNTIME.total_seconds()))},
    )
    def backfill_histories() -> None:
        begun = take_snapshot()
        merge(**{_landed(shard): fetch(begun=begun) for shard, fetch in fetches.items()})

    return backfill_histories


def _executor(execution: Execution) -> dg.ExecutorDefinition | None:
    """That of Celery, or that of every job."""
    if execution.shards_on == "process":
        return None
    from marketflows_pipeline.orchestration.celery_app import celery_steps  # noqa: PLC0415 (an extra)

    return celery_steps()


def _snapshot_op(open_run: OpenRun) -> dg.OpDefinition:
    @dg.op(out=dg.Out(dg.Nothing), description="What every hourly run begins with: which coins there are to follow.")
    def take_snapshot(context: dg.OpExecutionContext) -> None:
        with _opened(context, open_run, PART) as (run, clients), ingesting(context, run, clients, PART):
            snapshot = fetch_snapshot(clients.market_caps, _writer(run), run.settings)
            context.log.info(f"{snapshot.tracked.height} coins are followed")

    return take_snapshot


def _fetch_op(open_run: OpenRun, shard: Shard) -> dg.OpDefinition:
    @dg.op(
        name=f"fetch_shard_{shard.number}",
        ins={"begun": dg.In(dg.Nothing)},
        out=dg.Out(dg.Nothing),
        description=f"Fetch the histories that coins of {shard} lack, into its landing.",
    )
    def fetch(context: dg.OpExecutionContext) -> None:
        with _opened(context, open_run, f"histories, shard {shard.number}") as (run, clients):
            with retry_once(context, clients.waits):
                tracked = tracked_coins(run.warehouse, run.settings, run.started_at)
                credit = Credits(run.settings, run.warehouse, clients.ledger, run.clock)
                histories = HistoryIngest(
                    clients.market_caps,
                    _writer(run),
                    run.settings.source,
                    run.reporter,
                    budget_now=lambda: credit.budget(tracked.height),
                    waits=clients.waits.of(clients.market_caps.name),
                    deadline=run.history_deadline,
                )
                report = land_shard(histories, tracked, shard)
            context.log.info(f"{shard}: {report.fetched} histories requested, {report.waiting} wait for a later run")

    return fetch


def _merge_op(open_run: OpenRun, shards: list[Shard]) -> dg.OpDefinition:
    @dg.op(
        ins={_landed(shard): dg.In(dg.Nothing) for shard in shards},
        out=dg.Out(dg.Nothing),
        description="Merge what has landed into raw.market_caps, quarantine what is faulty, and drop the landings.",
    )
    def merge_histories(context: dg.OpExecutionContext) -> None:
        with _opened(context, open_run, PART) as (run, clients), ingesting(context, run, clients, PART):
            report = merge_landings(run.warehouse, run.reporter)
            context.add_output_metadata(
                {
                    "histories": report.histories,
                    "rows_new": report.tally.rows_new,
                    "rows_revised": report.tally.rows_revised,
                    "rows_rejected": report.tally.rejected.total(),
                    "failed": dg.MetadataValue.json(list(report.failed)),
                }
            )

    return merge_histories


def _landed(shard: Shard) -> str:
    return f"shard_{shard.number}"


def _writer(run: RunContext) -> MarketCapWriter:
    return MarketCapWriter(run.warehouse, run.clock, run.started_at, Granularity.of_window(run.settings.source.days))


@contextlib.contextmanager
def _opened(context: dg.OpExecutionContext, open_run: OpenRun, lock: str) -> Iterator[tuple[RunContext, Clients]]:
    """Store and services of one step, under a lock; a fault of this program fails the step in its own words.

    A lock of another name than a part's keeps out nothing but a second step of the same shard.
    """
    try:
        with open_run(run_id=context.run_id, parts=(lock,), lock_wait_s=LOCK_WAIT_S) as run:
            if run.settings.warehouse.lake is None:
                raise UserInputError(
                    run.settings.fault_line("warehouse.store", run.settings.warehouse.store, 'expected "ducklake"')
                )
            ledger = WarehouseLedger(run.warehouse, run.run_id)
            with Clients(run.settings, run.options, ledger, run.clock) as clients:
                yield run, clients
    except MarketflowsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
