"""Dagster's history through our way of opening it: nothing is lost, others read along, the UI is told."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine, event

from marketflows_pipeline.orchestration.run_history import EventHistory, RunHistory

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
