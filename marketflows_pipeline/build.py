"""The whole graph in one place: assets, checks, jobs, schedules, resources.

`build_definitions` is the one function that tests, the command line and production call; they differ in its arguments.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import dagster as dg

from marketflows_pipeline import assets as assets_package
from marketflows_pipeline import jobs, schedules
from marketflows_pipeline.assets.cross_asset_models import TRAINED_TABLES
from marketflows_pipeline.assets.cross_asset_raw import (
    ISSUER_SOURCE,
    PRICE_SOURCE,
    REFERENCE_SOURCE,
    REPORTED_SOURCE,
    VOLATILITY_SOURCE,
)
from marketflows_pipeline.assets.exchanges_raw import DAILY_TABLES, RESERVES_SOURCE
from marketflows_pipeline.assets.io_manager import warehouse_io_manager
from marketflows_pipeline.assets.market_caps_raw import SOURCE
from marketflows_pipeline.assets.tables import IO_MANAGER, asset_key
from marketflows_pipeline.checks import check_steps
from marketflows_pipeline.clients import Clients
from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.options import PROVIDERS, RunOptions
from marketflows_pipeline.orchestration.executor import RunCannotBegin, in_process
from marketflows_pipeline.progress import Reporter
from marketflows_pipeline.run_context import RunContext, open_run
from marketflows_pipeline.schema import PARTS, Part
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.settings.execution import Execution
from marketflows_pipeline.warehouse.ledger import WarehouseLedger

# A scheduled run leaves the rest of a long backfill to the next one, well before it would be stopped.
SCHEDULED_HISTORY_LIMIT = timedelta(minutes=35)

_HOURLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3), warn_window=timedelta(minutes=90))
_DAILY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))
_WEEKLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=15), warn_window=timedelta(days=8))
# A Friday's close is the newest until Monday's, or Tuesday's after a holiday.
_SESSIONS = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=5), warn_window=timedelta(hours=80))
_TRAINED_KEYS = {asset_key(name) for name in TRAINED_TABLES}
_DAILY_KEYS = {asset_key(name) for name in (*DAILY_TABLES, *jobs.DAILY_MARTS)}

# As the launchpad of the Dagster UI offers it.
_PROVIDER_OF_A_RUN = {
    "provider": dg.Field(
        dg.Enum("MarketCapProvider", [dg.EnumValue(name) for name in PROVIDERS]),
        is_required=False,
        description="Where market caps come from, whatever the config file says",
    )
}

SOURCES = (SOURCE, RESERVES_SOURCE, PRICE_SOURCE, ISSUER_SOURCE, VOLATILITY_SOURCE, REFERENCE_SOURCE, REPORTED_SOURCE)


def build_definitions(
    options: RunOptions | None = None,
    *,
    parts: Collection[Part] | None = None,
    has_lake: bool = False,
    execution: Execution | None = None,
    settings: Settings | None = None,
    clock: Clock | None = None,
    reporter: Reporter | None = None,
) -> dg.Definitions:
    """Everything Dagster knows about this project.

    Args:
        options: files and mode of the runs; by default those of the working directory, with the time limit of
            scheduled runs.
        parts: those that this host serves, each in runs of its own, while other hosts serve the rest; by default it is
            the only host.
        has_lake: whether there is a lake, which has a job and a schedule of its own.
        execution: how the histories of many coins are fetched in shards, which a lake allows; None for no such job.
        settings: those of the options, where they have been read; each run reads them by default.
        clock: tells the time; the system's by default.
        reporter: shows the progress; log lines by default.
    """
    options = options or RunOptions(history_time_limit=SCHEDULED_HISTORY_LIMIT)
    served = PARTS if parts is None else parts
    sharded = []
    if execution is not None and "market_caps" in served:
        from marketflows_pipeline.orchestration.shards import backfill_job  # noqa: PLC0415 (for a lake)

        opened = partial(open_run, options, settings=settings, clock=clock, reporter=reporter)
        sharded.append(backfill_job(opened, execution, {jobs.log_cause}))
    return dg.Definitions(
        assets=[*_assets(served), *SOURCES],
        asset_checks=[step for part in served for step in check_steps(part)],
        jobs=[*jobs.jobs_of(parts, has_lake=has_lake), *sharded],
        schedules=schedules.schedules_of(options, parts, has_lake=has_lake),
        resources={
            "run": _run_resource(options, settings, clock, reporter),
            "clients": _clients,
            IO_MANAGER: warehouse_io_manager,
        },
        executor=in_process,
    )


def _assets(parts: Collection[Part]) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    """Every asset of the package, each with the freshness policy of its cadence.

    Those of other parts than these are only named, so that the graph is whole: another host makes them.
    """
    for definition in dg.load_assets_from_package_module(assets_package):
        assert isinstance(definition, dg.AssetsDefinition)
        if {_part(spec) for spec in definition.specs} <= set(parts):
            yield definition.map_asset_specs(lambda spec: spec.replace_attributes(freshness_policy=_policy(spec)))
        else:
            yield from (spec.replace_attributes(skippable=False) for spec in definition.specs)


def _part(spec: dg.AssetSpec) -> str:
    """Of the group ``cross_asset_raw``: cross_asset."""
    return (spec.group_name or "").rpartition("_")[0]


def _policy(spec: dg.AssetSpec) -> dg.FreshnessPolicy:
    if spec.key in _TRAINED_KEYS:
        return _WEEKLY
    if (spec.group_name or "").startswith("cross_asset"):
        return _SESSIONS
    return _DAILY if spec.key in _DAILY_KEYS else _HOURLY


def _run_resource(
    options: RunOptions, settings: Settings | None, clock: Clock | None, reporter: Reporter | None
) -> dg.ResourceDefinition:
    @dg.resource(
        description="Settings, clock and warehouse of one run, under the run lock", config_schema=_PROVIDER_OF_A_RUN
    )
    def run(context: dg.InitResourceContext) -> Iterator[RunContext]:
        assert context.run is not None
        chosen = context.resource_config.get("provider")
        opened = open_run(
            replace(options, provider=chosen) if chosen else options,
            run_id=context.run.run_id,
            settings=settings,
            clock=clock,
            reporter=reporter,
            needs_key=context.run.job_name not in jobs.KEYLESS_JOBS,
            parts=jobs.parts_of_run(context.run.job_name, context.run.asset_selection),
        )
        with contextlib.ExitStack() as stack:
            try:
                run = stack.enter_context(opened)
            except MarketflowsError as error:
                raise RunCannotBegin from error
            yield run

    return run


@dg.resource(required_resource_keys={"run"}, description="The services of one run, opened when they are first used")
def _clients(context: dg.InitResourceContext) -> Iterator[Clients]:
    run: RunContext = context.resources.run
    with Clients(run.settings, run.options, WarehouseLedger(run.warehouse, run.run_id), run.clock) as clients:
        yield clients
