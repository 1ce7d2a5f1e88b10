"""When jobs run: hourly at five past, daily at night and after the US close, weekly training and pruning; in UTC."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import dagster as dg

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.jobs import (
    KEYLESS_JOBS,
    MAINTAIN_LAKE,
    PARTS_OF_JOBS,
    Job,
    assets_wanted,
    cross_asset_refresh,
    daily_refresh,
    does_upkeep,
    exchange_refresh,
    hourly_refresh,
    maintain_lake,
    market_cap_refresh,
    parts_wanted,
    prune_history,
    train_models,
)
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.run_context import read_settings
from marketflows_pipeline.schema import PARTS, Part
from marketflows_pipeline.settings import Settings
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
from marketflows_pipeline.warehouse.stores.chosen import store_of

_ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

# Shorter than the hour: a run whose process vanished must not block the next one.
MAX_RUNTIME_S = 3000


@dataclass(frozen=True)
class _Ticks:
    """When a job runs, and why then.

    Attributes:
        name: of the schedule.
        job: that runs.
        timing: when.
        why: says the same in words.
    """

    name: str
    job: Job
    timing: Timing
    why: str


_HOURLY = _Ticks(
    "hourly",
    hourly_refresh,
    HOURLY,
    "At five past, because the service's hourly point is in by then and everyone else requests on the hour.",
)
_HOURLY_EXCHANGES = _Ticks(
    "hourly_exchanges",
    exchange_refresh,
    AFTER_MARKET_CAPS,
    "At 20 past, after the market caps, whose prices and volumes it uses as they are stored.",
)
_DAILY = _Ticks(
    "daily",
    daily_refresh,
    DAILY,
    "At 01:25, because the record of the day that ended is in by one o'clock, and between two hourly runs.",
)
_AFTER_US_CLOSE = _Ticks(
    "after_us_close",
    cross_asset_refresh,
    AFTER_US_CLOSE,
    "At 22:45, when New York's close is in, summer and winter.",
)
_WEEKLY_TRAINING = _Ticks(
    "weekly_training", train_models, WEEKLY_TRAINING, "On Saturday mornings, when a week of sessions is complete."
)
_WEEKLY_MAINTENANCE = _Ticks(
    "weekly_maintenance",
    maintain_lake,
    WEEKLY_MAINTENANCE,
    "On Sunday nights, between two hourly runs, since writers of all hosts wait for it.",
)
_OF_THE_ONLY_HOST = (_HOURLY, _DAILY, _AFTER_US_CLOSE, _WEEKLY_TRAINING)
# Where hosts share the parts, each part has runs of its own.
_OF_PART: Mapping[Part, tuple[_Ticks, ...]] = {
    "market_caps": (replace(_HOURLY, name="hourly_market_caps", job=market_cap_refresh),),
    "exchanges": (_HOURLY_EXCHANGES, _DAILY),
    "cross_asset": (_AFTER_US_CLOSE, _WEEKLY_TRAINING),
}


def schedules_of(
    options: RunOptions, parts: Collection[Part] | None = None, *, has_lake: bool = False
) -> list[dg.ScheduleDefinition]:
    """The schedules of a host, on from the start.

    Args:
        options: files and mode of the runs; a tick for which these hold no valid settings starts no run.
        parts: that this host serves beside others; None for the only host.
        has_lake: whether there is a lake to maintain.
    """
    if parts is None:
        found = [*_OF_THE_ONLY_HOST]
    else:
        found = [ticks for part in PARTS if part in parts for ticks in _OF_PART[part]]
    schedules = [_schedule(ticks, options) for ticks in found]
    if does_upkeep(parts):
        schedules.append(_weekly_pruning())
        if has_lake:
            schedules.append(_schedule(_WEEKLY_MAINTENANCE, options))
    return schedules


def _weekly_pruning() -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="weekly_pruning",
        job=prune_history,
        cron_schedule=WEEKLY_PRUNING.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Sunday nights, between two hourly runs.",
    )


def _schedule(ticks: _Ticks, options: RunOptions) -> dg.ScheduleDefinition:
    job_name = ticks.job.name

    @dg.schedule(
        name=ticks.name,
        # By name, because a host among several has a job of its own under it.
        job_name=job_name,
        cron_schedule=ticks.timing.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{ticks.why} Skipped while a run of the job is active, and while the settings are faulty.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        settings = _settings_or_why_not(job_name, options)
        if isinstance(settings, str):
            return dg.SkipReason(settings)
        if reason := _who_is_active(context.instance, job_name):
            return dg.SkipReason(reason)
        return dg.RunRequest(
            run_key=context.scheduled_execution_time.isoformat(),
            tags={"dagster/max_runtime": str(MAX_RUNTIME_S)},
            asset_selection=_assets_wanted(context, job_name, settings),
        )

    return tick


def _assets_wanted(
    context: dg.ScheduleEvaluationContext, job_name: str, settings: Settings
) -> list[dg.AssetKey] | None:
    if job_name == MAINTAIN_LAKE:
        return None
    return assets_wanted(context.repository_def.get_job(job_name), settings)


def _settings_or_why_not(job_name: str, options: RunOptions) -> Settings | str:
    """The settings; or why a run of this job would be none, in one line: no key, a fault of a file, no such part."""
    is_keyless = job_name in KEYLESS_JOBS
    try:
        settings = read_settings(options, os.environ, needs_key=not is_keyless)
    except UserInputError as error:
        return "; ".join(str(error).splitlines())
    if is_keyless and not (store := store_of(settings)).exists():
        return f"{store} does not exist yet: there is nothing to work on"
    if job_name != MAINTAIN_LAKE and not parts_wanted(job_name, settings):
        (part,) = PARTS_OF_JOBS[job_name]
        reason = settings.no_exchanges if part == "exchanges" else ""
        return reason or f"{options.config} has no [{part}]: there is nothing to do"
    return settings


def _who_is_active(instance: dg.DagsterInstance, job_name: str) -> str | None:
    active = instance.get_runs_count(dg.RunsFilter(job_name=job_name, statuses=_ACTIVE))
    return f"{active} run(s) of {job_name} still active" if active else None
