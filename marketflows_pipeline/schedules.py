"""When jobs run: hourly at five past, daily at night and after the US close, weekly training and pruning; in UTC."""

from __future__ import annotations

import os
from collections.abc import Collection

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.jobs import (
    KEYLESS_JOBS,
    cross_asset_refresh,
    daily_refresh,
    exchange_refresh,
    hourly_refresh,
    maintain_lake,
    market_cap_refresh,
    prune_history,
    train_models,
)
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.run_context import read_settings
from marketflows_pipeline.schema import PARTS, Part
from marketflows_pipeline.timetable import (
    AFTER_MARKET_CAPS,
    AFTER_US_CLOSE,
    DAILY,
    HOURLY,
    WEEKLY_MAINTENANCE,
    WEEKLY_PRUNING,
    WEEKLY_TRAINING,
    Timing,
)

_ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

# Shorter than the hour: a run whose process vanished must not block the next one.
MAX_RUNTIME_S = 3000

_AT_FIVE_PAST = "At five past, because the service's hourly point is in by then and everyone else requests on the hour."


def schedules_of(options: RunOptions, *, has_lake: bool = False) -> tuple[dg.ScheduleDefinition, ...]:
    """All schedules, on from the start.

    Args:
        options: files and mode of the runs; a tick for which these hold no valid settings starts no run.
        has_lake: whether there is a lake to maintain.
    """
    return (
        _schedule("hourly", hourly_refresh, HOURLY, options, _AT_FIVE_PAST),
        _daily(options),
        _after_us_close(options),
        _weekly_training(options),
        *_upkeep(options, has_lake=has_lake),
    )


def schedules_of_host(
    options: RunOptions, parts: Collection[Part], *, has_lake: bool = False
) -> tuple[dg.ScheduleDefinition, ...]:
    """The schedules of one host among several: those of its parts, each of which has runs of its own.

    Args:
        options: as in `schedules_of`.
        parts: that this host serves. The host of the market caps does the upkeep of what all of them share.
        has_lake: as in `schedules_of`.
    """
    of_part: dict[Part, tuple[dg.ScheduleDefinition, ...]] = {
        "market_caps": (
            _schedule("hourly_market_caps", market_cap_refresh, HOURLY, options, _AT_FIVE_PAST),
            *_upkeep(options, has_lake=has_lake),
        ),
        "exchanges": (
            _schedule(
                "hourly_exchanges",
                exchange_refresh,
                AFTER_MARKET_CAPS,
                options,
                "At 20 past, after the market caps, whose prices and volumes it uses as they are stored.",
            ),
            _daily(options),
        ),
        "cross_asset": (_after_us_close(options), _weekly_training(options)),
    }
    return tuple(schedule for part in PARTS if part in parts for schedule in of_part[part])


def _daily(options: RunOptions) -> dg.ScheduleDefinition:
    return _schedule(
        "daily",
        daily_refresh,
        DAILY,
        options,
        "At 01:25, because the record of the day that ended is in by one o'clock, and between two hourly runs.",
    )


def _after_us_close(options: RunOptions) -> dg.ScheduleDefinition:
    return _schedule(
        "after_us_close",
        cross_asset_refresh,
        AFTER_US_CLOSE,
        options,
        "At 22:45, when New York's close is in, summer and winter.",
    )


def _weekly_training(options: RunOptions) -> dg.ScheduleDefinition:
    return _schedule(
        "weekly_training",
        train_models,
        WEEKLY_TRAINING,
        options,
        "On Saturday mornings, when a week of sessions is complete.",
    )


def _upkeep(options: RunOptions, *, has_lake: bool) -> tuple[dg.ScheduleDefinition, ...]:
    return (_weekly_pruning(), _weekly_maintenance(options)) if has_lake else (_weekly_pruning(),)


def _weekly_maintenance(options: RunOptions) -> dg.ScheduleDefinition:
    return _schedule(
        "weekly_maintenance",
        maintain_lake,
        WEEKLY_MAINTENANCE,
        options,
        "On Sunday nights, between two hourly runs, since writers of all hosts wait for it.",
    )


def _weekly_pruning() -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="weekly_pruning",
        job=prune_history,
        cron_schedule=WEEKLY_PRUNING.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Sunday nights, between two hourly runs.",
    )


def _schedule(
    name: str,
    job: UnresolvedAssetJobDefinition | dg.JobDefinition,
    timing: Timing,
    options: RunOptions,
    description: str,
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=name,
        # By name, because a host among several has a job of its own under it.
        job_name=job.name,
        cron_schedule=timing.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{description} Skipped while a run of the job is active, and while the settings are faulty.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        reason = _why_not(job.name, options) or _who_is_active(context.instance, job.name)
        if reason:
            return dg.SkipReason(reason)
        return dg.RunRequest(
            run_key=context.scheduled_execution_time.isoformat(), tags={"dagster/max_runtime": str(MAX_RUNTIME_S)}
        )

    return tick


def _why_not(job_name: str, options: RunOptions) -> str | None:
    """Why a run of this job could not begin, in one line: no key, or a fault of a file."""
    from marketflows_pipeline.warehouse.stores.chosen import store_of  # noqa: PLC0415 (not for all that load it)

    is_keyless = job_name in KEYLESS_JOBS
    try:
        settings = read_settings(options, os.environ, needs_key=not is_keyless)
    except UserInputError as error:
        return "; ".join(str(error).splitlines())
    if is_keyless and not (store := store_of(settings)).exists():
        return f"{store} does not exist yet: there is nothing to work on"
    return None


def _who_is_active(instance: dg.DagsterInstance, job_name: str) -> str | None:
    active = instance.get_runs_count(dg.RunsFilter(job_name=job_name, statuses=_ACTIVE))
    return f"{active} run(s) of {job_name} still active" if active else None
