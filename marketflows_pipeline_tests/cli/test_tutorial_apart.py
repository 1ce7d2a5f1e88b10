"""The tutorial beside live data: pictures, records and trained models of the one never touch those of the other."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner
from rich.console import Console

from marketflows_pipeline.charts.rendering.manifest import Manifest
from marketflows_pipeline.cli import marketflows, run
from marketflows_pipeline.cli.logs import RunLog, configure_logging
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.jobs import exchange_refresh, full_refresh, train_models
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.run_context import open_run, read_settings
from marketflows_pipeline.schema import table
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.examples import one_quick

ROOT = Path(__file__).parents[2]
TUTORIAL = RunOptions(tutorial=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone in which nothing ran yet."""
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return tmp_path


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Instead of running, the jobs that would run, and whether they begin anew."""
    jobs: list[tuple[str, bool]] = []

    def execute(name: str, options: RunOptions, _settings: Settings, _console: Console, _log: RunLog) -> int:
        jobs.append((name, options.begins_anew))
        return 0

    monkeypatch.setattr(run, "_execute", execute)
    return jobs


def evaluation(model_id: str) -> pl.DataFrame:
    row = {
        "model_id": model_id,
        "variant": "with_flows",
        "metric": "auc",
        "scope": "mean of assets",
        "value": 0.5,
        "n": 100,
        "trained_at": datetime(2026, 3, 4, tzinfo=UTC),
        "is_synthetic": True,
    }
    entry = table("mart.model_evaluation")
    return pl.DataFrame([{name: row.get(name) for name in entry.column_names}], schema=entry.polars_schema)


def test_each_mode_has_a_picture_folder_of_its_own_unless_one_is_named() -> None:
    assert RunOptions().picture_folder == Path("output_plots")
    assert TUTORIAL.picture_folder == Path("output_plots_tutorial")
    assert replace(TUTORIAL, out_dir=Path("elsewhere")).picture_folder == Path("elsewhere")


@pytest.mark.parametrize("line", ["", "exchange-flows --refresh", "cross-asset flows --refresh", "train"])
def test_an_out_dir_of_live_pictures_is_refused_before_anything_runs(
    folder: Path, executed: list[tuple[str, bool]], line: str
) -> None:
    Manifest.read(folder).write_chart("live.png", "market_caps", "inputs", b"pixels")
    done = CliRunner().invoke(marketflows, ["--tutorial", "--out-dir", str(folder), *line.split()])
    assert isinstance(done.exception, UserInputError)
    assert "holds charts of live data" in str(done.exception)
    assert executed == []
    assert (folder / "live.png").read_bytes() == b"pixels"


@pytest.mark.usefixtures("folder")
def test_a_refresh_of_the_first_tutorial_runs_all_parts(executed: list[tuple[str, bool]]) -> None:
    CliRunner().invoke(marketflows, ["--tutorial", "exchange-flows", "--refresh"])
    assert executed == [(full_refresh.name, False)]


@pytest.mark.usefixtures("folder")
def test_training_in_the_first_tutorial_fetches_first(executed: list[tuple[str, bool]]) -> None:
    CliRunner().invoke(marketflows, ["--tutorial", "train"])
    assert executed == [(full_refresh.name, False), (train_models.name, False)]


@pytest.mark.slow
def test_a_later_refresh_runs_its_part_on_what_is_there(folder: Path, executed: list[tuple[str, bool]]) -> None:
    """It once began the whole tutorial anew, and threw away what had been trained."""
    with Warehouse(folder / ".marketflows" / "tutorial.duckdb"):
        pass
    CliRunner().invoke(marketflows, ["--tutorial", "exchange-flows", "--refresh"])
    assert executed == [(exchange_refresh.name, False)]


@pytest.fixture
def trained(folder: Path) -> Path:
    """The private file of a tutorial that has trained a model, and stored something else."""
    path = folder / ".marketflows" / "tutorial.duckdb"
    with Warehouse(path) as warehouse:
        warehouse.merge("mart.model_evaluation", evaluation("direction_5_logistic_x"))
        warehouse.execute("create table raw.leftover as select 1 as x")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("begins_anew", one_quick([True, False]))
@pytest.mark.usefixtures("trained")
def test_trained_models_are_kept_whatever_begins_anew(begins_anew: bool) -> None:
    with open_run(replace(TUTORIAL, begins_anew=begins_anew), run_id="run") as run:
        models = run.warehouse.read("mart.model_evaluation")["model_id"].to_list()
        assert models == ["direction_5_logistic_x"]
        assert ("raw.leftover" in run.warehouse.tables()) is not begins_anew


@pytest.mark.slow
def test_a_damaged_private_file_is_begun_anew(trained: Path) -> None:
    trained.write_bytes(b"no database")
    with open_run(replace(TUTORIAL, begins_anew=True), run_id="run") as run:
        assert run.warehouse.read("mart.model_evaluation").is_empty()


@dg.asset
def core_cohort() -> None:
    """An asset that both modes have."""


@pytest.mark.slow
@pytest.mark.parametrize("has_home", one_quick([True, False]))
def test_the_tutorials_record_is_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch, has_home: bool) -> None:
    """Live assets once looked fresh in the UI after a tutorial."""
    if has_home:
        (folder / "home").mkdir()
        monkeypatch.setenv("DAGSTER_HOME", str(folder / "home"))
    with run._dagster_instance(tutorial=True) as instance:
        assert dg.materialize([core_cohort], instance=instance).success
    with run._dagster_instance(tutorial=False) as live:
        assert live.get_runs() == []
        assert live.get_latest_materialization_event(core_cohort.key) is None
    with run._dagster_instance(tutorial=True) as again:
        assert len(again.get_runs()) == 1
    # A look at it: DAGSTER_HOME=.dagster/tutorial dagster-webserver
    with dg.DagsterInstance.from_config(str(folder / ".dagster" / "tutorial")) as looked_at:
        assert len(looked_at.get_runs()) == 1


def test_without_a_clone_a_tutorial_leaves_no_record(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "dagster.yaml").unlink()
    (folder / "home").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "home"))
    with run._dagster_instance(tutorial=True) as instance:
        assert instance.is_ephemeral
    assert list((folder / "home").iterdir()) == []


@pytest.mark.parametrize(("count", "end"), [(0, " s"), (1, " s, 1 warning"), (2, " s, 2 warnings")])
@pytest.mark.usefixtures("folder")
def test_the_summary_counts_the_lines_that_warned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], count: int, end: str
) -> None:
    """A run with 84 jumps once said "done" and nothing else."""

    def execute(*_: object) -> int:
        for _number in range(count):
            logging.getLogger("marketflows_pipeline.checks.model").warning("check caps_do_not_jump of core.grid: ...")
        return 0

    monkeypatch.setattr(run, "_execute", execute)
    monkeypatch.setattr(run, "_compare_with_golden", lambda *_: 0)
    assert run.run(TUTORIAL, "INFO") == 0
    (done,) = [line for line in capsys.readouterr().err.splitlines() if " INFO done in " in line]
    assert done.endswith(end)


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_tutorial_without_a_log_is_compared_by_its_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
    compared: list[str | None] = []

    def compare(_read: object, log_text: str | None) -> list[str]:
        compared.append(log_text)
        return []

    monkeypatch.setattr("marketflows_pipeline.cli.run.compare_with_golden", compare)
    settings = read_settings(TUTORIAL, {})
    with Warehouse(settings.warehouse.path):
        pass
    run_log = configure_logging("INFO", tutorial=True, console=Console(stderr=True))
    assert run._compare_with_golden(settings, run_log) == 0
    assert compared == [None]
    assert "tables; its log could not be kept" in capsys.readouterr().out
