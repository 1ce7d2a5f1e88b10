"""What runs as one: the hourly refresh, and the weekly pruning of Dagster's own history.

What belongs here: which assets a job holds, and its hooks. What does not: when it runs (schedules.py).
"""

import logging
from datetime import timedelta

import dagster as dg

from marketflows_pipeline.failures import causes_of

log = logging.getLogger(__name__)

KEEP_RUNS_FOR = timedelta(days=30)
HOURLY_GROUPS = ("market_caps_raw", "market_caps_core", "market_caps_mart", "market_caps_output")


@dg.failure_hook(name="log_cause")
def log_cause(context: dg.HookContext) -> None:
    """Say in one line why a step failed; Dagster's own account of it runs over pages."""
    fault = context.op_exception
    if fault is not None:
        log.error("%s failed: %s", context.op.name, causes_of(fault))


hourly_refresh = dg.define_asset_job(
    "hourly_refresh",
    selection=dg.AssetSelection.groups(*HOURLY_GROUPS),
    hooks={log_cause},
    description="Ingest what is due, derive every table, check, publish, draw.",
)


@dg.op(description="Delete the records of runs that ended more than 30 days ago; the latest success of each job stays.")
def delete_old_runs(context: dg.OpExecutionContext) -> None:
    """Nothing else prunes Dagster's event log, which an hourly job grows by gigabytes a year."""
    instance = context.instance
    newest = {
        job: record.dagster_run.run_id
        for job in {record.dagster_run.job_name for record in instance.get_run_records()}
        for record in instance.get_run_records(
            dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1
        )
    }
    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    this_run = instance.get_run_record_by_id(context.run_id)
    assert this_run is not None
    old = instance.get_run_records(
        dg.RunsFilter(statuses=finished, created_before=this_run.create_timestamp - KEEP_RUNS_FOR)
    )
    pruned = [record.dagster_run.run_id for record in old if record.dagster_run.run_id not in newest.values()]
    for run_id in pruned:
        instance.delete_run(run_id)
    context.log.info(f"{len(pruned)} runs pruned, {len(old) - len(pruned)} kept as the latest success of their job")


@dg.job(description="Prune Dagster's own history of runs.", hooks={log_cause})
def prune_history() -> None:
    """One step: delete old runs."""
    delete_old_runs()
