"""When jobs run: hourly at five past, daily at night, pruning once a week; all times UTC."""

from __future__ import annotations

import dagster as dg

from marketflows_pipeline.jobs import daily_refresh, hourly_refresh, prune_history

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
    return _unless_active(context, hourly_refresh.name)


@dg.schedule(
    job=daily_refresh,
    cron_schedule="25 1 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Start the daily refresh, unless one is still going.

    At 01:25, because the record of the day that ended is in by one o'clock, and between two hourly runs.
    """
    return _unless_active(context, daily_refresh.name)


def _unless_active(context: dg.ScheduleEvaluationContext, job_name: str) -> dg.RunRequest | dg.SkipReason:
    active = context.instance.get_runs_count(dg.RunsFilter(job_name=job_name, statuses=_ACTIVE))
    if active:
        return dg.SkipReason(f"{active} run(s) of {job_name} still active")
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
