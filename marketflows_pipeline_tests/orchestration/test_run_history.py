"""Dagster's history through our way of opening it: nothing is lost, others read along, the UI is told."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import AssetObservationData
from sqlalchemy import Connection, Engine, event

from marketflows_pipeline.orchestration.run_history import EventHistory, RunHistory

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@dg.op
def remark(context: dg.OpExecutionContext) -> None:
    context.log.info("seen")


@dg.job
def small_job() -> None:
    remark()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the project's own dagster.yaml."""
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def instance(folder: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(folder)) as opened:
        yield opened


def run(instance: dg.DagsterInstance) -> str:
    return small_job.execute_in_process(instance=instance).run_id


def test_the_projects_settings_use_it(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.event_log_storage, EventHistory)


def connections(storage: dict[str, object], folder: Path) -> int:
    """How often a run opens a database of events: its own one, or the index of all."""
    opened: list[str] = []

    def note(connection: sqlite3.Connection, _record: object) -> None:
        ((_, _, file),) = connection.execute("pragma database_list").fetchall()
        opened.append(file)

    folder.mkdir()
    overrides = {"storage": storage, "telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(str(folder), overrides=overrides) as instance:
        run(instance)
        event.listen(Engine, "connect", note)
        try:
            run_id = run(instance)
        finally:
            event.remove(Engine, "connect", note)
    return sum(Path(file).stem in {run_id, "index"} for file in opened)


@pytest.mark.slow
def test_dagsters_own_storage_opens_a_database_for_each_event(tmp_path: Path) -> None:
    """The reason for our storage: where this fails because Dagster keeps its databases open, ours can go."""
    kept, stock = tmp_path / "kept", tmp_path / "stock"
    ours = {"module": RunHistory.__module__, "class": RunHistory.__name__, "config": {"base_dir": str(kept)}}
    assert connections({"custom": ours}, kept) <= 2
    assert connections({"sqlite": {"base_dir": str(stock)}}, stock) > 10


def test_another_process_reads_along_while_the_first_has_the_history_open(
    instance: dg.DagsterInstance, folder: Path
) -> None:
    run_id = run(instance)
    with dg.DagsterInstance.from_config(str(folder)) as other:
        events = other.all_logs(run_id)
        record = other.get_run_record_by_id(run_id)
    assert "seen" in [event.user_message for event in events]
    assert record is not None
    assert record.dagster_run.is_success


def test_each_event_touches_the_file_that_the_ui_watches(instance: dg.DagsterInstance) -> None:
    run_id = run(instance)
    storage = instance.event_log_storage
    assert isinstance(storage, EventHistory)
    watched = Path(storage.path_for_shard(run_id))
    os.utime(watched, (0, 0))
    instance.report_engine_event("one more", run_id=run_id, job_name="small_job")
    assert watched.stat().st_mtime > 0


@pytest.mark.slow
def test_more_runs_than_are_kept_open_are_all_there(instance: dg.DagsterInstance) -> None:
    runs = [run(instance) for _ in range(10)]
    assert all(instance.all_logs(run_id) for run_id in runs)


def test_a_history_whose_files_were_deleted_under_it_goes_on(instance: dg.DagsterInstance) -> None:
    run_id = run(instance)
    storage = instance.event_log_storage
    assert isinstance(storage, EventHistory)
    Path(storage.path_for_shard(run_id)).unlink()
    assert instance.all_logs(run_id) == []


def test_the_record_is_for_its_user_alone(folder: Path) -> None:
    """What runs print and are configured with was once readable for everybody; older records are closed too."""
    (folder / ".dagster" / "storage").mkdir(parents=True, mode=0o755)
    with dg.DagsterInstance.from_config(str(folder)) as opened:
        run(opened)
        modes = {name: (folder / name).stat().st_mode & 0o777 for name in (".dagster", ".dagster/storage")}
        databases = {path.name: oct(path.stat().st_mode & 0o777) for path in folder.rglob("*.db*")}
    assert {name: oct(mode) for name, mode in modes.items()} == {".dagster": "0o700", ".dagster/storage": "0o700"}
    assert len(databases) >= 5
    assert set(databases.values()) == {"0o600"}


def test_a_record_elsewhere_closes_its_own_folder_and_none_above(tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir(mode=0o755)
    RunHistory(str(tmp_path / "srv" / "history")).dispose()
    assert [oct(path.stat().st_mode & 0o777) for path in (tmp_path / "srv", tmp_path / "srv" / "history")] == [
        "0o755",
        "0o700",
    ]


@dg.asset
def rows() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"n": 1}, tags={"of": "test"})


@dg.asset_check(asset=rows)
def rows_are_right() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def materialize(storage: dict[str, object], folder: Path) -> tuple[list[object | None], dict[str, object], int]:
    """Types of a run's events, what the index tells of them, and how many transactions were committed."""
    committed: list[Connection] = []

    def note(connection: Connection) -> None:
        committed.append(connection)

    folder.mkdir()
    overrides = {"storage": storage, "telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(str(folder), overrides=overrides) as instance:
        job = dg.Definitions(
            assets=[rows], asset_checks=[rows_are_right], jobs=[dg.define_asset_job("all_assets")]
        ).resolve_job_def("all_assets")
        job.execute_in_process(instance=instance)
        event.listen(Engine, "commit", note)
        try:
            run_id = job.execute_in_process(instance=instance).run_id
        finally:
            event.remove(Engine, "commit", note)
        (record,) = instance.get_asset_records([rows.key])
        (check,) = instance.event_log_storage.get_asset_check_execution_history(rows_are_right.check_key, limit=1)
        latest = record.asset_entry.last_materialization_record
        assert latest is not None
        told: dict[str, object] = {
            "run": record.asset_entry.last_run_id == run_id,
            "materialized": latest.run_id == run_id and latest.asset_materialization is not None,
            "check": (check.run_id == run_id, check.status.value, check.event is not None),
        }
        types: list[object | None] = [each.dagster_event_type for each in instance.all_logs(run_id)]
        return types, told, len(committed)


@pytest.mark.slow
def test_the_record_is_dagsters_own_with_fewer_transactions(tmp_path: Path) -> None:
    """An event of a table or a check took up to five transactions, and what a run plans one for each."""
    kept, stock = tmp_path / "kept", tmp_path / "stock"
    ours = {"module": RunHistory.__module__, "class": RunHistory.__name__, "config": {"base_dir": str(kept)}}
    types, told, n = materialize({"custom": ours}, kept)
    their_types, theirs, their_n = materialize({"sqlite": {"base_dir": str(stock)}}, stock)
    assert types == their_types
    assert told == theirs == {"run": True, "materialized": True, "check": (True, "SUCCEEDED", True)}
    assert n < their_n


def test_an_event_that_cannot_be_stored_whole_is_not_stored(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = run(instance)
    before = len(instance.all_logs(run_id))

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(EventHistory, "_store_asset_event", fail)
    noted = dg.AssetObservation("rows")
    with pytest.raises(ZeroDivisionError):
        instance.report_dagster_event(
            dg.DagsterEvent(
                "ASSET_OBSERVATION", "small_job", event_specific_data=AssetObservationData(noted), message="seen"
            ),
            run_id,
        )
    assert len(instance.all_logs(run_id)) == before
    instance.report_engine_event("one more", run_id=run_id, job_name="small_job")
    assert len(instance.all_logs(run_id)) == before + 1
