"""The graph of a host among several: its own parts, and the names of all others."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._core.storage.tags import RETRY_STRATEGY_TAG

from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.jobs import PART_TAG, PARTS_OF_JOBS, part_assets
from marketflows_pipeline.orchestration.shards import BACKFILL_HISTORIES
from marketflows_pipeline.schema import PARTS, Part
from marketflows_pipeline.settings.execution import Execution

HOSTS: tuple[tuple[Part, ...], ...] = (("market_caps",), ("exchanges", "cross_asset"))


@cache
def of_host(parts: tuple[Part, ...] | None) -> dg.Definitions:
    return build_definitions(parts=parts)


def jobs_of(parts: tuple[Part, ...]) -> dict[str, dg.JobDefinition]:
    jobs = of_host(parts).get_repository_def().get_all_jobs()
    return {job.name: job for job in jobs if not job.name.startswith("__")}


@pytest.mark.slow
@pytest.mark.parametrize("parts", HOSTS)
def test_each_host_loads_and_knows_the_whole_graph(parts: tuple[Part, ...]) -> None:
    dg.Definitions.validate_loadable(of_host(parts))
    found, whole = (of_host(each).resolve_asset_graph() for each in (parts, None))
    assert found.get_all_asset_keys() == whole.get_all_asset_keys()
    for key in whole.get_all_asset_keys():
        assert found.get(key).parent_keys == whole.get(key).parent_keys, key
        assert found.get(key).group_name == whole.get(key).group_name, key


def test_what_is_made_on_one_machine_is_made_by_one_of_the_hosts_each() -> None:
    """An asset of two hosts would have two schedules."""
    graphs = [of_host(parts).resolve_asset_graph() for parts in HOSTS]
    whole = of_host(None).resolve_asset_graph()
    made = [key for graph in graphs for key in graph.executable_asset_keys]
    checked = [key for graph in graphs for key in graph.asset_check_keys]
    assert (len(made), set(made)) == (len(whole.executable_asset_keys), set(whole.executable_asset_keys))
    assert (len(checked), set(checked)) == (len(whole.asset_check_keys), set(whole.asset_check_keys))


def test_jobs_keep_names_and_steps_and_are_of_one_part_each() -> None:
    """The queue lets one run of a part go on; a job of two parts would keep two hosts waiting."""
    found = {name: job for parts in HOSTS for name, job in jobs_of(parts).items()}
    of_one = {name: parts[0] for name, parts in PARTS_OF_JOBS.items() if len(parts) == 1}
    assert set(found) == {"prune_history", *of_one}
    assert set(of_one.values()) == set(PARTS)
    whole = of_host(None).resolve_asset_graph()
    for name, part in of_one.items():
        job, alone = found[name], of_host(None).resolve_job_def(name)
        assert job.tags == {PART_TAG: part, RETRY_STRATEGY_TAG: ReexecutionStrategy.ALL_STEPS.value}
        assert alone.tags == {}
        assert job.graph.node_dict.keys() == alone.graph.node_dict.keys()
        assert set(job.asset_layer.executable_asset_keys) <= part_assets(part).resolve(whole)


def test_schedules_are_those_of_the_parts_and_dagsters_history_is_pruned_once() -> None:
    schedules = [schedule for parts in HOSTS for schedule in of_host(parts).get_repository_def().schedule_defs]
    assert {(each.name, each.job_name, each.cron_schedule) for each in schedules} == {
        ("hourly_market_caps", "market_cap_refresh", "5 * * * *"),
        ("weekly_pruning", "prune_history", "30 3 * * 0"),
        ("hourly_exchanges", "exchange_refresh", "20 * * * *"),
        ("daily", "daily_refresh", "25 1 * * *"),
        ("after_us_close", "cross_asset_refresh", "45 22 * * 1-5"),
        ("weekly_training", "train_models", "20 6 * * 6"),
    }
    assert len(schedules) == len({each.name for each in schedules})
    assert {each.default_status for each in schedules} == {dg.DefaultScheduleStatus.RUNNING}


@pytest.mark.slow
def test_a_lake_is_maintained_once_a_week_by_the_host_of_the_market_caps() -> None:
    """Without a lake there is no such job, and nothing differs."""
    for parts in (None, *HOSTS):
        without, beside = (build_definitions(parts=parts, has_lake=lake).get_repository_def() for lake in (False, True))
        jobs = set(beside.job_names) - set(without.job_names)
        schedules = [each for each in beside.schedule_defs if not without.has_schedule_def(each.name)]
        is_keeper = parts is None or "market_caps" in parts
        assert jobs == ({"maintain_lake"} if is_keeper else set())
        assert [(each.name, each.job_name, each.cron_schedule) for each in schedules] == (
            [("weekly_maintenance", "maintain_lake", "40 3 * * 0")] if is_keeper else []
        )


@pytest.mark.parametrize(
    ("config", "has_lake"),
    [('[warehouse]\nstore = "ducklake"\n', True), ("[warehouse]\n", False), ("[", False), (None, False)],
)
def test_the_settings_say_whether_there_is_a_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str | None, has_lake: bool
) -> None:
    from marketflows_pipeline.definitions import defs

    monkeypatch.chdir(tmp_path)
    if config is not None:
        (tmp_path / "config.toml").write_text(config)
    names = defs().get_repository_def().job_names
    assert {"maintain_lake", BACKFILL_HISTORIES} & set(names) == (
        {"maintain_lake", BACKFILL_HISTORIES} if has_lake else set()
    )


@pytest.mark.parametrize("parts", [None, *HOSTS])
def test_histories_are_fetched_in_as_many_shards_as_are_wanted_by_the_host_of_the_market_caps(
    parts: tuple[Part, ...] | None,
) -> None:
    found = build_definitions(parts=parts, has_lake=True, execution=Execution(shards=3)).get_repository_def()
    if parts is not None and "market_caps" not in parts:
        assert BACKFILL_HISTORIES not in found.job_names
        return
    job = found.get_job(BACKFILL_HISTORIES)
    steps = {node.name: after(job, node.name) for node in job.nodes}
    fetches = ["fetch_shard_1", "fetch_shard_2", "fetch_shard_3"]
    assert steps == {"take_snapshot": [], "merge_histories": fetches} | {key: ["take_snapshot"] for key in fetches}
    assert job.executor_def.name == "in_process"


def after(job: dg.JobDefinition, step: str) -> list[str]:
    """The steps that a step waits for."""
    return sorted(each.node_name for each in job.dependency_structure.all_upstream_outputs_from_node(step))


@pytest.mark.slow
def test_the_code_server_serves_what_its_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    from marketflows_pipeline.definitions import defs

    monkeypatch.setenv("MARKETFLOWS_PARTS", "exchanges")
    assert set(defs().resolve_asset_graph().executable_asset_keys) == set(
        of_host(("exchanges",)).resolve_asset_graph().executable_asset_keys
    )
    monkeypatch.delenv("MARKETFLOWS_PARTS")
    assert "hourly_refresh" in {job.name for job in defs().get_repository_def().get_all_jobs()}
