"""When jobs run: hourly at five past, pruning once a week; all times UTC."""

from __future__ import annotations

import dagster as dg

from marketflows_pipeline.jobs import hourly_refresh, prune_history

_ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

# Shorter than the hour: a run whose process vanished must not block the next one.
MAX_RUNTIME_S = 3000


@dg.schedule(
    job=hourly_refresh,
    cron_schedule="5 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Start the hourly refresh, unless one is still going.

    Five past, because the service's hourly point is in by then and everyone else asks on the hour.
    """
    active = context.instance.get_runs_count(dg.RunsFilter(job_name=hourly_refresh.name, statuses=_ACTIVE))
    if active:
        return dg.SkipReason(f"{active} run(s) of {hourly_refresh.name} still active")
    return dg.RunRequest(
        run_key=context.scheduled_execution_time.isoformat(), tags={"dagster/max_runtime": str(MAX_RUNTIME_S)}
    )


weekly_pruning = dg.ScheduleDefinition(
    name="weekly_pruning",
    job=prune_history,
    cron_schedule="30 3 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Sunday nights, between two hourly runs.",
)
