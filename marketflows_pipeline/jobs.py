"""Jobs: hourly and daily refreshes, all parts at once, training, and the pruning of Dagster's own history."""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TypeAlias

import dagster as dg
from dagster._core.definitions.decorators.hook_decorator import event_list_hook
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from marketflows_pipeline.assets.cross_asset_models import TRAINED_TABLES
from marketflows_pipeline.assets.exchanges_raw import DAILY_TABLES
from marketflows_pipeline.assets.tables import asset_key
from marketflows_pipeline.orchestration.failures import causes_of, is_interrupt
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import PARTS, TABLES, Part
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.system.stopping import is_told_to_stop
from marketflows_pipeline.warehouse.lake_maintenance import maintain

log = logging.getLogger(__name__)

# What `dg.define_asset_job` gives has no public name.
AssetJob: TypeAlias = UnresolvedAssetJobDefinition
Job: TypeAlias = AssetJob | dg.JobDefinition

KEEP_RUNS_FOR = timedelta(days=30)
# Which part a run is of, where hosts share the parts: the queue lets one run of each part go on.
PART_TAG = "marketflows/part"
MAINTAIN_LAKE = "maintain_lake"
LAYERS = ("raw", "core", "mart", "output")
# Derived from daily requests alone; an hourly run leaves them.
DAILY_MARTS = ("mart.exchange_netflow", "mart.exchange_token_flows", "mart.exchange_netflow_by_class")


def part_assets(part: str) -> dg.AssetSelection:
    """All assets of one part of the warehouse."""
    return dg.AssetSelection.groups(*(f"{part}_{layer}" for layer in LAYERS))


MARKET_CAPS = part_assets("market_caps")
EXCHANGES = part_assets("exchanges")
TRAINED = dg.AssetSelection.assets(*map(asset_key, TRAINED_TABLES))
SCORED = dg.AssetSelection.assets(asset_key("mart.model_scores"))
CROSS_ASSET = part_assets("cross_asset") - TRAINED
HOURLY_EXCHANGES = EXCHANGES - dg.AssetSelection.assets(*map(asset_key, (*DAILY_TABLES, *DAILY_MARTS)))


# Of the public hooks one sees failed steps and another the rest; a signal may have come in either.
@event_list_hook(name="log_cause")
def log_cause(context: dg.HookContext, event_list: Sequence[dg.DagsterEvent]) -> dg.HookExecutionResult:
    """Say in one line why a step failed; Dagster's own account of it runs over pages.

    Raises:
        DagsterExecutionInterruptedError: if a signal came in the step, so that no other one begins. Dagster sees that
            by itself unless a library lost what the signal's handler raised or made a fault of its own of it.
    """
    error = context.op_exception
    if is_told_to_stop() or (error is not None and is_interrupt(error)):
        raise dg.DagsterExecutionInterruptedError
    if error is not None:
        log.error("%s failed: %s", context.op.name, causes_of(error))
    return dg.HookExecutionResult(hook_name=log_cause.name, is_skipped=error is None)


def _job(
    name: str, selection: dg.AssetSelection, description: str | None, tags: Mapping[str, str] | None = None
) -> AssetJob:
    return dg.define_asset_job(name, selection=selection, hooks={log_cause}, description=description, tags=tags)


hourly_refresh = _job(
    "hourly_refresh",
    MARKET_CAPS | HOURLY_EXCHANGES,
    "Ingest what changes every hour, derive every table from it, check, publish, draw.",
)
daily_refresh = _job(
    "daily_refresh",
    EXCHANGES,
    "The exchange part with its daily requests: full list, volume charts, reserves by token.",
)
full_refresh = _job(
    "full_refresh",
    MARKET_CAPS | EXCHANGES | CROSS_ASSET,
    "Every part, as the command line runs it; daily requests that have succeeded today are not repeated.",
)
market_cap_refresh = _job("market_cap_refresh", MARKET_CAPS, "The market-cap part alone, at once.")
crypto_refresh = _job(
    "crypto_refresh",
    MARKET_CAPS | EXCHANGES,
    "Market caps and exchanges at once; daily requests that have succeeded today are not repeated.",
)
exchange_refresh = _job(
    "exchange_refresh", HOURLY_EXCHANGES, "The exchange part with what changes every hour, at once."
)
cross_asset_refresh = _job(
    "cross_asset_refresh",
    CROSS_ASSET,
    "The cross-asset part after the US close: bars, shares, volatility, and all that follows from them.",
)
train_models = _job(
    "train_models",
    TRAINED | SCORED | dg.AssetSelection.groups("cross_asset_output"),
    "Train models on what is stored, evaluate them, score the newest session, publish, draw.",
)
score_models = _job(
    "score_models",
    SCORED | dg.AssetSelection.assets(asset_key("published.cross_asset"), asset_key("report.cross_asset")),
    "Score the newest stored session with the models that are there, and publish.",
)
# They work on what is stored, so they make no requests and need no key.
KEYLESS_JOBS = frozenset({train_models.name, score_models.name, MAINTAIN_LAKE})
# What each job writes, where parts are locked one by one (a test holds this to the selections above).
_WRITES: tuple[tuple[AssetJob, tuple[Part, ...]], ...] = (
    (hourly_refresh, ("market_caps", "exchanges")),
    (daily_refresh, ("exchanges",)),
    (full_refresh, PARTS),
    (market_cap_refresh, ("market_caps",)),
    (crypto_refresh, ("market_caps", "exchanges")),
    (exchange_refresh, ("exchanges",)),
    (cross_asset_refresh, ("cross_asset",)),
    (train_models, ("cross_asset",)),
    (score_models, ("cross_asset",)),
)
ASSET_JOBS = tuple(job for job, _ in _WRITES)
PARTS_OF_JOBS = {job.name: parts for job, parts in _WRITES}


def parts_of_run(job: str, chosen: Collection[dg.AssetKey] | None) -> tuple[Part, ...]:
    """The parts that a run writes, in the order of publishing.

    Args:
        job: its name.
        chosen: the assets that were picked for the run, or None for all of the job's.
    """
    if not chosen:
        return PARTS_OF_JOBS.get(job, PARTS)
    parts = {_part_of(key) for key in chosen}
    return PARTS if None in parts else tuple(part for part in PARTS if part in parts)


def parts_wanted(job: str, settings: Settings) -> tuple[Part, ...]:
    """The parts of a job that the settings have: the market caps always, the others where they have a table."""
    return tuple(
        part for part in PARTS_OF_JOBS.get(job, PARTS) if part == "market_caps" or getattr(settings, part) is not None
    )


def assets_wanted(job: dg.JobDefinition, settings: Settings) -> list[dg.AssetKey] | None:
    """The assets of a job to pick for a run, or None for all of them.

    Steps of a part that the settings do not have would be skipped one by one, and for each of their blocking checks
    Dagster warns of steps that go on without it.
    """
    wanted = parts_wanted(job.name, settings)
    if wanted == PARTS_OF_JOBS.get(job.name, PARTS):
        return None
    return sorted(key for key in job.asset_layer.executable_asset_keys if _part_of(key) in wanted)


def _part_of(key: dg.AssetKey) -> Part | None:
    """A table's part, or that of an output such as ``published/exchanges``; None for what is of neither kind."""
    table = TABLES.get(".".join(key.path))
    part = table.part if table else key.path[-1]
    return next((known for known in PARTS if known == part), None)


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


@dg.op(required_resource_keys={"run"}, description="What `marketflows store maintain` does.")
def maintain_store(context: dg.OpExecutionContext) -> None:
    """Nothing else merges the small files of a lake, or deletes those that no snapshot needs."""
    run: RunContext = context.resources.run
    left = maintain(run.warehouse, run.clock.now())
    context.log.info(f"maintained {run.warehouse.store}: {left} published snapshots can be asked")


@dg.job(
    name=MAINTAIN_LAKE,
    description="Merge small files of the lake, forget old snapshots, and delete files that no snapshot needs.",
    hooks={log_cause},
)
def maintain_lake() -> None:
    """One step, under the locks of all parts."""
    maintain_store()


def jobs_of(parts: Collection[Part] | None = None, *, has_lake: bool = False) -> list[Job]:
    """The jobs of a host.

    One host among several has those of one part each, under the names that they have everywhere, and marked with their
    part. A run that was lost with its host is repeated as a whole: the tables of a publish are as of one moment.

    Args:
        parts: that this host serves beside others; None for the only host.
        has_lake: whether there is a lake to keep small.
    """
    found: list[Job] = [*ASSET_JOBS]
    if parts is not None:
        found = [_of_part(job, part) for job, written in _WRITES for part in parts if written == (part,)]
    if does_upkeep(parts):
        found += [prune_history, *([maintain_lake] if has_lake else [])]
    return found


def does_upkeep(parts: Collection[Part] | None) -> bool:
    """Whether a host keeps small what runs of all hosts leave behind: the only one, or that of the market caps."""
    return parts is None or "market_caps" in parts


def _of_part(job: AssetJob, part: Part) -> AssetJob:
    tags = {PART_TAG: part, "dagster/retry_strategy": "ALL_STEPS"}
    return _job(job.name, job.selection, job.description, tags)
