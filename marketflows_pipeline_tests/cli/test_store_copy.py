"""`marketflows store copy`: what a person types, and is told."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from marketflows_pipeline.cli.store import store
from marketflows_pipeline.errors import RunLockedError, UserInputError
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.system import run_lock
from marketflows_pipeline.system.run_lock import RunLock, lock_path
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW, caps
from marketflows_pipeline_tests.warehouse.lakes import needs_lake

FILE = Path(".marketflows/warehouse.duckdb")
THERE, BACK = ("--from", "duckdb", "--to", "ducklake"), ("--from", "ducklake", "--to", "duckdb")


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(
        '[providers.coingecko]\nnarratives = ["layer-1"]\n[warehouse.ducklake]\ncatalog = "lake/catalog"\n'
    )


def copied(*arguments: str, tutorial: bool = False) -> Result:
    return CliRunner().invoke(store, ["copy", *arguments], obj=RunOptions(tutorial=tutorial), standalone_mode=False)


@pytest.mark.slow
@pytest.mark.lake
@needs_lake
def test_a_lake_is_filled_and_taken_into_use() -> None:
    with Warehouse(FILE) as file:
        file.merge("raw.market_caps", caps(("bitcoin", NOW, 1.0), ("ether", NOW, 2.0)))
        n_tables = len(file.row_counts())
    done = copied(*THERE)
    assert done.exception is None
    assert done.stdout == (
        f"copied {n_tables} tables, 2 rows, to the lake {Path('lake/catalog')}; to use it, set store = "
        '"ducklake" under [warehouse] in config.toml\n'
    )

    with Warehouse(FILE) as file:
        file.merge("raw.market_caps", caps(("tron", NOW, 3.0)))
    back = copied(*BACK)
    assert isinstance(back.exception, UserInputError)
    assert "holds other rows" in str(back.exception)
    assert copied(*BACK, "--replace").stdout.endswith("2 rows, to .marketflows/warehouse.duckdb; is in use\n")


@needs_lake
def test_it_does_not_go_on_beside_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_lock, "LOCK_WAIT_S", 0.0)
    with RunLock(lock_path(FILE)).acquire(command="a run", wait_s=0):
        assert isinstance(copied(*THERE).exception, RunLockedError)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "duckdb", "--to", "duckdb"), "--from and --to are both duckdb: expected duckdb and ducklake."),
        (("--from", "duckdb"), "Missing option '--to'"),
        (("--from", "postgres", "--to", "duckdb"), "'postgres' is not one of 'duckdb', 'ducklake'"),
    ],
)
def test_both_ends_are_named(arguments: tuple[str, ...], words: str) -> None:
    error = copied(*arguments).exception
    assert isinstance(error, click.UsageError)
    assert error.exit_code == 2
    assert words in error.format_message()


def test_the_tutorial_has_no_lake() -> None:
    assert isinstance(copied(*THERE, tutorial=True).exception, UserInputError)


@needs_lake
def test_there_must_be_something_to_copy() -> None:
    error = copied(*THERE).exception
    assert isinstance(error, UserInputError)
    assert str(error) == "there is nothing to copy: expected the tables of runs in .marketflows/warehouse.duckdb"
