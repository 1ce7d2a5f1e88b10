"""The command as a user meets it: options, exit codes, one clear line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from marketflows_pipeline.cli import marketflows
from marketflows_pipeline.system.run_lock import RunLock
from marketflows_pipeline_tests.tutorial.pictures import EXPECTED, KINDS, shrunk
from marketflows_pipeline_tests.tutorial.run import TutorialRun

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def command(folder: Path, *arguments: str, typed: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, without the user's own key or state."""
    kept = {name: value for name, value in os.environ.items() if name not in {"COINGECKO_API_KEY", "DAGSTER_HOME"}}
    return subprocess.run(
        [sys.executable, "-c", "from marketflows_pipeline.cli import main; main()", *arguments],
        cwd=folder,
        env=kept | {"XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": str(ROOT)} | environ,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def tutorial(tutorial_run: TutorialRun) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder after `marketflows --tutorial`."""
    return tutorial_run.folder, tutorial_run.done


def test_the_tutorial_matches_the_golden_result(
    tutorial: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = tutorial
    assert done.returncode == 0, done.stdout + done.stderr
    assert "matches the golden result" in done.stdout
    assert len(list((folder / "output_plots_tutorial").glob("*.png"))) == 160 + 15 + 16
    assert (folder / "warehouse" / "marketflows_tutorial.duckdb").exists()
    assert not (folder / ".marketflows" / "warehouse.duckdb").exists(), "live data is never touched"
    assert not (folder / "output_plots").exists(), "nor are live pictures"


@pytest.mark.parametrize("name", KINDS)
def test_the_tutorials_pictures_are_the_expected_ones(
    tutorial: tuple[Path, subprocess.CompletedProcess[str]], name: str
) -> None:
    """A quarter of the size and a tolerance per pixel forgive another rendering of edges, but no moved line or text."""
    folder, _ = tutorial
    expected = np.asarray(Image.open(EXPECTED / name).convert("RGB"), dtype=float)
    found = np.asarray(shrunk(folder / "output_plots_tutorial" / name), dtype=float)
    assert found.shape == expected.shape
    difference = np.abs(found - expected).max(axis=2)
    assert (difference > 48).mean() < 0.002, f"{(difference > 48).mean():.2%} of the pixels differ"


@pytest.fixture
def ask(
    tutorial: tuple[Path, subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """`marketflows --tutorial sql` in this process: a new interpreter for each question costs ten times as much."""
    monkeypatch.chdir(tutorial[0])
    return lambda *arguments, typed="": CliRunner().invoke(marketflows, ["--tutorial", "sql", *arguments], input=typed)


def test_the_tutorials_database_answers_at_once(tutorial: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = tutorial
    done = command(folder, "--tutorial", "sql", "select count(*) as n from raw.market_caps", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"n": 15_735}]


@pytest.mark.parametrize("query", sorted((ROOT / "warehouse" / "queries").glob("*.sql")), ids=lambda path: path.stem)
def test_the_written_queries_answer_from_the_tutorial(ask: Callable[..., Result], query: Path) -> None:
    done = ask(query.read_text(), "--format", "csv")
    assert done.exit_code == 0, done.stderr
    header, *rows = done.stdout.splitlines()
    assert "," in header
    # Four of them were an empty table and nothing else.
    assert done.stderr.startswith("no rows: this query needs ") == (not rows)


def test_a_query_may_come_by_standard_input(ask: Callable[..., Result]) -> None:
    done = ask("-", "--format", "json", typed="-- how many?\nselect 1 as n")
    assert json.loads(done.stdout) == [{"n": 1}]


def test_the_log_goes_to_a_file_of_the_users_state(tutorial: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = tutorial
    log = folder / "state" / "marketflows" / "logs" / "marketflows_tutorial.log"
    assert "40 coins followed" in log.read_text()


def test_a_missing_config_is_named(tmp_path: Path) -> None:
    done = command(tmp_path, "--config", "nowhere.toml")
    assert done.returncode == 2
    assert "nowhere.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_fault_of_a_config_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[providers.coingecko]\ndayz = 3\n[plots]\nscale = -1\n")
    done = command(tmp_path, COINGECKO_API_KEY="CG-x")
    assert done.returncode == 2
    assert "dayz" in done.stderr
    assert "days" in done.stderr
    assert "scale" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_key_says_how_to_get_going(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    done = command(tmp_path)
    assert done.returncode == 2
    assert "COINGECKO_API_KEY" in done.stderr
    assert "--tutorial" in done.stderr


def test_an_unknown_option_is_the_users_fault(tmp_path: Path) -> None:
    done = command(tmp_path, "--tutoral")
    assert done.returncode == 2
    assert "--tutorial" in done.stderr


def test_sql_before_any_run_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    done = command(tmp_path, "sql", "select 1")
    assert done.returncode == 1
    assert "run `marketflows`" in done.stderr


def test_wrong_sql_is_the_users_fault(tutorial: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = tutorial
    done = command(folder, "--tutorial", "sql", "selec 1")
    assert done.returncode == 2
    assert "selec" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_run_says_who_holds_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Command line and Dagster take the same lock: both open their session in the same way."""
    lock = RunLock(tmp_path / ".marketflows" / "tutorial.lock")
    waiting = (
        "import marketflows_pipeline.run_context as context; context.LOCK_WAIT_S = 0.5;"
        "from marketflows_pipeline.cli import main; main()"
    )
    with lock.acquire(command="dagster run 4711"):
        done = subprocess.run(
            [sys.executable, "-c", waiting, "--tutorial"],
            cwd=tmp_path,
            env=os.environ | {"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1, done.stderr
    assert f"pid {os.getpid()}" in done.stderr
    assert "dagster run 4711" in done.stderr


def test_a_command_that_only_answers_imports_no_dagster() -> None:
    script = (
        "import sys, marketflows_pipeline.cli, marketflows_pipeline.warehouse.published, marketflows_pipeline.settings;"
        "sys.exit(' '.join({'dagster', 'altair', 'polars'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stderr.strip() == ""
