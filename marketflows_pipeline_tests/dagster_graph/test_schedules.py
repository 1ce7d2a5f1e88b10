"""Ticks and launches: what starts a run, what is skipped with a reason, and how a run that cannot begin ends."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterEventType
from dagster._core.execution.api import execute_run
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import filter_runs_to_should_retry

from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.jobs import hourly_refresh, market_cap_refresh
from marketflows_pipeline.system.run_lock import RunLock

ROOT = Path(__file__).parents[2]
ASKING = ["hourly", "daily", "after_us_close"]
ALL = [*ASKING, "weekly_training", "weekly_pruning"]
OTHER_PARTS = "[exchanges]\n[cross_asset]\n"
KEYLESS = '[providers.coingecko]\nplan = "keyless"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a user who has no key, with the project's own dagster.yaml."""
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    (tmp_path / "config.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    for name in ("COINGECKO_API_KEY", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def empty_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dagster's record before any run: its tables take longer to make than most ticks."""
    made = tmp_path_factory.mktemp("record")
    shutil.copy(ROOT / "dagster.yaml", made)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        with dg.DagsterInstance.from_config(str(made)) as opened:
            opened.get_run_records(limit=1)
    return made / ".dagster"


@pytest.fixture
def instance(folder: Path, empty_record: Path) -> Iterator[dg.DagsterInstance]:
    shutil.copytree(empty_record, folder / ".dagster")
    with dg.DagsterInstance.from_config(str(folder)) as opened:
        yield opened


@cache
def definitions() -> dg.Definitions:
    return build_definitions()


def tick(instance: dg.DagsterInstance, name: str) -> tuple[list[dg.RunRequest], str]:
    """The run requests of a tick, and why there are none."""
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime.datetime(2026, 11, 20, 12, 5, tzinfo=datetime.UTC),
        repository_def=definitions().get_repository_def(),
    )
    answer = definitions().resolve_schedule_def(name).evaluate_tick(context)
    return list(answer.run_requests or ()), answer.skip_message or ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKING)
def test_without_a_key_the_tick_is_skipped_and_says_so(instance: dg.DagsterInstance, name: str) -> None:
    """On a fresh clone `make dev` once started five kinds of runs, each of which failed twice under a stack trace."""
    requests, reason = tick(instance, name)
    assert requests == []
    assert reason.startswith("secrets.toml: [coingecko] api_key is missing")
    assert "\n" not in reason


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("given", ["environment", "secrets.toml", "keyless"])
def test_with_a_key_or_a_plan_that_needs_none_the_tick_starts_a_run_below_the_hour(
    instance: dg.DagsterInstance, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, given: str
) -> None:
    (folder / "config.toml").write_text(OTHER_PARTS)
    if given == "environment":
        monkeypatch.setenv("COINGECKO_API_KEY", "CG-x")
    elif given == "secrets.toml":
        (folder / "secrets.toml").write_text('[coingecko]\napi_key = "CG-x"\n')
    else:
        (folder / "config.toml").write_text(KEYLESS + OTHER_PARTS)
    (request,), reason = tick(instance, name)
    assert reason == ""
    assert request.run_key == "2026-11-20T12:05:00+00:00"
    assert int(request.tags["dagster/max_runtime"]) < 3600
    assert request.asset_selection is None, "of the whole job nothing is picked"


@pytest.mark.slow
def test_a_tick_picks_the_assets_of_the_parts_of_the_settings(
    instance: dg.DagsterInstance, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster warned of each blocking check of a part that was skipped, dozens of times an hour."""
    monkeypatch.setenv("COINGECKO_API_KEY", "CG-x")
    (folder / "config.toml").write_text("[cross_asset]\n")
    (request,), _ = tick(instance, "hourly")

    of_market_caps = definitions().resolve_job_def(market_cap_refresh.name).asset_layer.executable_asset_keys
    assert set(request.asset_selection or ()) == set(of_market_caps)


@pytest.mark.parametrize(
    ("name", "part"), [("daily", "exchanges"), ("after_us_close", "cross_asset"), ("weekly_training", "cross_asset")]
)
def test_a_tick_without_any_part_of_its_job_says_so(
    instance: dg.DagsterInstance, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, part: str
) -> None:
    """Each had started a run of which every step was skipped."""
    monkeypatch.setenv("COINGECKO_API_KEY", "CG-x")
    (folder / ".marketflows").mkdir()
    (folder / ".marketflows" / "warehouse.duckdb").write_text("")

    assert tick(instance, name) == ([], f"config.toml has no [{part}]: there is nothing to do")


@pytest.mark.parametrize("name", [*ASKING, "weekly_training"])
def test_faulty_settings_skip_the_tick_with_all_their_faults_in_one_line(
    instance: dg.DagsterInstance, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("COINGECKO_API_KEY", "CG-x")
    (folder / "config.toml").write_text("[providers.coingecko]\ndayz = 3\n[plots]\nscale = -1\n")
    requests, reason = tick(instance, name)
    assert requests == []
    assert "dayz" in reason
    assert "scale" in reason
    assert "\n" not in reason


@pytest.mark.slow
def test_training_needs_stored_data_and_no_key(instance: dg.DagsterInstance, folder: Path) -> None:
    (folder / "config.toml").write_text(OTHER_PARTS)
    requests, reason = tick(instance, "weekly_training")
    assert (requests, "there is nothing to work on" in reason) == ([], True)
    (folder / ".marketflows").mkdir()
    (folder / ".marketflows" / "warehouse.duckdb").write_text("")
    requests, reason = tick(instance, "weekly_training")
    assert (len(requests), reason) == (1, "")


def test_pruning_needs_nothing(instance: dg.DagsterInstance, folder: Path) -> None:
    (folder / "config.toml").unlink()
    requests, reason = tick(instance, "weekly_pruning")
    assert (len(requests), reason) == (1, "")


def test_the_tick_is_skipped_while_a_run_is_active(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COINGECKO_API_KEY", "CG-x")
    instance.create_run_for_job(job_without_steps(), status=dg.DagsterRunStatus.STARTED)
    requests, reason = tick(instance, "hourly")
    assert requests == []
    assert "still active" in reason


def test_every_schedule_is_on_and_in_utc() -> None:
    schedules = definitions().get_repository_def().schedule_defs
    assert sorted(each.name for each in schedules) == sorted(ALL)
    assert {each.execution_timezone for each in schedules} == {"UTC"}
    assert {each.default_status for each in schedules} == {dg.DefaultScheduleStatus.RUNNING}


def hourly_job() -> dg.JobDefinition:
    """Where the process of a run finds the job."""
    return definitions().resolve_job_def(hourly_refresh.name)


def job_without_steps() -> dg.JobDefinition:
    """In place of the hourly job, where a run only has to be on record: that of the real one takes a second."""
    return dg.GraphDefinition(name=hourly_refresh.name).to_job()


def launch(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """A run as the launcher's process executes it, with the executor of the definitions."""
    run = instance.create_run_for_job(hourly_job())
    execute_run(dg.reconstructable(hourly_job), run, instance)
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE
    return ended


def assert_says_why(instance: dg.DagsterInstance, run: dg.DagsterRun, line: str) -> None:
    """One failure, whose own message is the line; no stack trace anywhere; the daemon leaves it."""
    events = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]
    (failure,) = [event for event in events if event.event_type is DagsterEventType.RUN_FAILURE]
    assert line in (failure.message or "")
    assert failure.job_failure_data.error is not None
    assert line in failure.job_failure_data.error.message
    assert failure.job_failure_data.error.stack == []
    assert not [event for event in events if event.event_type is DagsterEventType.RESOURCE_INIT_FAILURE]
    assert not [event for event in events if event.is_step_event and event.is_failure]
    assert list(filter_runs_to_should_retry([run], instance)) == []


@pytest.mark.slow
def test_a_run_without_a_key_fails_once_in_its_own_words(instance: dg.DagsterInstance) -> None:
    """Started by hand it cannot be skipped; the daemon would repeat it, as it does with a lost process."""
    assert_says_why(instance, launch(instance), "secrets.toml: [coingecko] api_key is missing")


@pytest.mark.slow
def test_a_run_that_gets_no_lock_fails_once_in_its_own_words(
    instance: dg.DagsterInstance, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.toml").write_text(KEYLESS)
    monkeypatch.setattr("marketflows_pipeline.run_context.LOCK_WAIT_S", 0.0)
    with RunLock(folder / ".marketflows" / "warehouse.lock").acquire(command="marketflows"):
        assert_says_why(instance, launch(instance), "another run is going on")


@pytest.mark.slow
def test_a_run_whose_process_was_lost_is_still_repeated(instance: dg.DagsterInstance) -> None:
    """The rule above must not switch this off."""
    run = instance.create_run_for_job(job_without_steps(), status=dg.DagsterRunStatus.STARTED)
    instance.report_run_failed(run, "the process is gone")
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert [each.run_id for each in filter_runs_to_should_retry([ended], instance)] == [run.run_id]
