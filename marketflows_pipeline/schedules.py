"""When jobs run: hourly at five past, daily at night and after the US close, weekly training and pruning; in UTC."""

from __future__ import annotations

from functools import partial

import dagster as dg

from marketflows_pipeline.jobs import cross_asset_refresh, daily_refresh, hourly_refresh, prune_history, train_models

_ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

# Shorter than the hour: a run whose process vanished must not block the next one.
MAX_RUNTIME_S = 3000

_scheduled = partial(dg.schedule, execution_timezone="UTC", default_status=dg.DefaultScheduleStatus.RUNNING)


@_scheduled(job=hourly_refresh, cron_schedule="5 * * * *")
def hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Start the hourly refresh, unless one is still going.

    Five past, because the service's hourly point is in by then and everyone else asks on the hour.
    """
    return _unless_active(context, hourly_refresh.name)


@_scheduled(job=daily_refresh, cron_schedule="25 1 * * *")
def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Start the daily refresh, unless one is still going.

    At 01:25, because the record of the day that ended is in by one o'clock, and between two hourly runs.
    """
    return _unless_active(context, daily_refresh.name)


@_scheduled(job=cross_asset_refresh, cron_schedule="45 22 * * 1-5")
def after_us_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Start the cross-asset refresh, unless one is still going.

    At 22:45, when New York's close is in, summer and winter.
    """
    return _unless_active(context, cross_asset_refresh.name)


@_scheduled(job=train_models, cron_schedule="20 6 * * 6")
def weekly_training(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Train on Saturday mornings, when a week of sessions is complete."""
    return _unless_active(context, train_models.name)


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

SCHEDULES = (hourly, daily, after_us_close, weekly_training, weekly_pruning)
