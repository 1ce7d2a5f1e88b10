"""The graph as Dagster sees it: a renamed asset, a lost dependency or a missing description shows in review."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from marketflows_pipeline import jobs
from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.jobs import hourly_refresh, prune_history
from marketflows_pipeline.schema import PARTS, Part, tables_of
from marketflows_pipeline.settings import Settings

SNAPSHOT = Path(__file__).parent / "graph.json"


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions()


def graph_of(definitions: dg.Definitions) -> dict[str, dict[str, Any]]:
    graph = definitions.resolve_asset_graph()
    nodes: dict[str, dict[str, Any]] = {}
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        nodes["/".join(key.path)] = {
            "group": node.group_name,
            "deps": sorted("/".join(parent.path) for parent in node.parent_keys),
            "checks": sorted(check.name for check in node.check_keys),
        }
    return nodes


@pytest.mark.slow
def test_the_definitions_load(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_the_graph_is_the_one_that_was_reviewed(definitions: dg.Definitions) -> None:
    """After an intended change write the file anew with the text that this test shows."""
    found = json.dumps(graph_of(definitions), indent=1)
    assert found == SNAPSHOT.read_text().rstrip(), found


def test_every_registered_table_is_an_asset(definitions: dg.Definitions) -> None:
    assert {entry.name.replace(".", "/") for entry in tables_of("market_caps")} <= set(graph_of(definitions))


def test_every_asset_is_described_grouped_owned_and_of_a_kind(definitions: dg.Definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        name = spec.key.to_user_string()
        assert spec.description, name
        assert spec.group_name, name
        assert spec.kinds, name
        if spec.group_name != "sources":
            assert spec.owners, name
            assert spec.freshness_policy, name


def test_every_table_asset_shows_its_columns(definitions: dg.Definitions) -> None:
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    for entry in tables_of("market_caps"):
        schema = specs[entry.name.replace(".", "/")].metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == list(entry.column_names)


def test_publishing_and_drawing_wait_for_every_blocking_check_of_what_they_show(definitions: dg.Definitions) -> None:
    graph = graph_of(definitions)
    tables = {entry.name.replace(".", "/") for entry in tables_of("market_caps")}
    assert set(graph["events/market_caps"]["deps"]) == tables
    assert set(graph["published/market_caps"]["deps"]) == {*tables, "events/market_caps"}


@pytest.mark.slow
def test_pruning_deletes_old_runs_but_keeps_each_jobs_latest_success(tmp_path: Path) -> None:
    """Runs count by the name of their job, so one without steps stands for the hourly one, which takes 4 s to store."""
    import datetime

    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=40)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        job = dg.GraphDefinition(name=hourly_refresh.name).to_job()
        runs = [
            instance.create_run_for_job(job, status=status)
            for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS)
        ]
        _set_created(instance, [run.run_id for run in runs], old)
        result = prune_history.execute_in_process(instance=instance)
        left = {record.dagster_run.run_id for record in instance.get_run_records()}
    assert left == {runs[2].run_id, result.run_id}


def _set_created(instance: dg.DagsterInstance, run_ids: list[str], moment: object) -> None:
    from dagster._core.storage.runs.schema import RunsTable
    from dagster._core.storage.runs.sqlite import SqliteRunStorage

    storage = instance.run_storage
    assert isinstance(storage, SqliteRunStorage)
    with storage.connect() as connection:
        connection.execute(RunsTable.update().where(RunsTable.c.run_id.in_(run_ids)).values(create_timestamp=moment))


def test_the_launchpad_offers_the_provider_of_market_caps() -> None:
    job = build_definitions().resolve_job_def("market_cap_refresh")
    chosen = {"resources": {"run": {"config": {"provider": "coinpaprika"}}}}
    assert dg.validate_run_config(job, chosen)
    chosen["resources"]["run"]["config"]["provider"] = "kraken"
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(job, chosen)


@pytest.mark.slow
def test_a_run_locks_the_parts_that_its_assets_are_of() -> None:
    """Where parts are locked one by one, one that is left out is written by two runs at once."""
    assets = [asset for asset in build_definitions().assets or () if isinstance(asset, dg.AssetsDefinition)]
    part_of = {spec.key: (spec.group_name or "").rpartition("_")[0] for asset in assets for spec in asset.specs}
    for job in jobs.ASSET_JOBS:
        assert job.selection is not None
        written = {part_of[key] for key in job.selection.resolve(assets)}
        assert set(jobs.parts_of_run(job.name, None)) == written
    for key, part in part_of.items():
        assert jobs.parts_of_run("__ASSET_JOB", {key}) == (part,)
    assert jobs.parts_of_run("__ASSET_JOB", None) == PARTS
    assert jobs.parts_of_run("__ASSET_JOB", {dg.AssetKey(["of", "nobody"])}) == PARTS


@pytest.mark.parametrize(
    ("tables", "job", "expected"),
    [
        ({"exchanges", "cross_asset"}, "full_refresh", None),
        ({"exchanges"}, "full_refresh", ("market_caps", "exchanges")),
        ({"cross_asset"}, "full_refresh", ("market_caps", "cross_asset")),
        ({"exchanges"}, "hourly_refresh", None),
        ({"cross_asset"}, "hourly_refresh", ("market_caps",)),
        (set(), "crypto_refresh", ("market_caps",)),
        (set(), "daily_refresh", ()),
        ({"cross_asset"}, "train_models", None),
    ],
)
def test_a_run_leaves_out_parts_that_the_settings_do_not_have(
    definitions: dg.Definitions, tables: set[str], job: str, expected: tuple[Part, ...] | None
) -> None:
    settings = Settings.model_validate({name: {} for name in tables})
    whole = definitions.resolve_job_def(job)

    picked = jobs.assets_wanted(whole, settings)

    if expected is None:
        assert picked is None
        return
    assert picked is not None
    assert jobs.parts_wanted(job, settings) == expected
    # What a job has of its other parts stays: an hourly run asks nothing that is asked once a day.
    of_parts = {key for part in expected for key in jobs.part_assets(part).resolve(definitions.resolve_asset_graph())}
    assert set(picked) == of_parts & set(whole.asset_layer.executable_asset_keys)
