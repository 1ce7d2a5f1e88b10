"""`marketflows quarantine`: what a person types to leave a row out or to let it count again."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from marketflows_pipeline.cli.quarantine import quarantine
from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.options import TUTORIAL_PRIVATE, RunOptions
from marketflows_pipeline.system.run_lock import RunLock, lock_path
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.cli.asking import program
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps

pytestmark = pytest.mark.slow

CAPS = "raw.market_caps"
KEY = "bitcoin,2026-11-20T18:00:00Z"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings, three stored observations and the published file."""
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text('[providers.coingecko]\nnarratives = ["layer-1"]\n')
    with Warehouse(Path(".marketflows/warehouse.duckdb")) as warehouse:
        warehouse.merge(CAPS, caps(("bitcoin", NOW, 1e30), ("bitcoin", NOW - HOUR, 2e12), ("ethereum", NOW, 4e11)))
        begin_part(warehouse, "market_caps", "run", NOW)
        publish(
            warehouse, part="market_caps", run_id="run", now=NOW, published_path=Path("warehouse/marketflows.duckdb")
        )
    return tmp_path


def ask(*arguments: str, tutorial: bool = False) -> Result:
    return CliRunner().invoke(quarantine, arguments, obj=RunOptions(tutorial=tutorial))


def done(*arguments: str) -> str:
    result = ask(*arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def fault(*arguments: str) -> str:
    result = ask(*arguments)
    assert isinstance(result.exception, UserInputError), result.output + repr(result.exception)
    assert result.exception.exit_code == 2
    assert "\n" not in str(result.exception)
    return str(result.exception)


def listed(*arguments: str) -> list[dict[str, str | None]]:
    rows: list[dict[str, str | None]] = json.loads(done("list", "--format", "json", *arguments))
    return rows


def caps_that_count() -> list[float]:
    with Warehouse(Path(".marketflows/warehouse.duckdb")) as warehouse:
        return sorted(warehouse.accepted(CAPS)["market_cap_usd"])


@pytest.mark.usefixtures("folder")
def test_a_row_is_left_out_listed_at_once_and_released() -> None:
    assert done("add", CAPS, KEY, "--column", "market_cap_usd", "--reason", "a slip") == (
        f"{CAPS} {KEY} is left out from the next run on\n"
    )
    assert caps_that_count() == [4e11, 2e12]
    (row,) = listed()
    assert {name: row[name] for name in ("table_name", "key", "column_name", "reason", "set_by")} == {
        "table_name": CAPS,
        "key": KEY,
        "column_name": "market_cap_usd",
        "reason": "a slip",
        "set_by": "user",
    }
    assert done("release", CAPS, KEY) == f"{CAPS} {KEY} counts again from the next run on\n"
    assert caps_that_count() == [4e11, 2e12, 1e30]
    assert listed() == []
    (row,) = listed("--all")
    assert row["released_by"] == "user"


@pytest.mark.usefixtures("folder")
def test_the_list_is_a_table_for_people_unless_asked_otherwise() -> None:
    done("add", CAPS, KEY, "--reason", "a slip")
    assert "a slip" in done("list")
    assert done("list", "--format", "csv").splitlines()[0] == "table_name,key,column_name,reason,set_by,added_at"


@pytest.mark.usefixtures("folder")
def test_a_time_may_be_typed_in_short() -> None:
    with Warehouse(Path(".marketflows/warehouse.duckdb")) as warehouse:
        warehouse.merge(CAPS, caps(("bitcoin", NOW - timedelta(hours=18), 2e12)))
    assert "bitcoin,2026-11-20T00:00:00Z is left out" in done("add", CAPS, "bitcoin,2026-11-20", "--reason", "x")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("raw.market_cap", KEY), "TABLE 'raw.market_cap': expected a raw table.*; did you mean raw.market_caps"),
        (("core.cohort", "bitcoin"), "TABLE 'core.cohort': expected a raw table"),
        (("raw.coins", "bitcoin"), "TABLE 'raw.coins': expected a raw table with measured values"),
        ((CAPS, KEY, "--column", "market_cap"), "--column 'market_cap': .*; did you mean market_cap_usd"),
        ((CAPS, "bitcoin"), "KEY 'bitcoin': expected coin_id,ts as one CSV record, times in UTC, such as "),
        ((CAPS, "bitcoin,noon"), "KEY 'bitcoin,noon': expected coin_id,ts"),
        ((CAPS, "bitcoin,2026-11-20T17:59:00Z"), f"has no row .*; the nearest: {KEY} bitcoin,2026-11-20T17:00:00Z$"),
        ((CAPS, "bitcon,2026-11-20T18:00:00Z"), "has no row .*; did you mean bitcoin?"),
        ((CAPS, KEY, "--reason", " "), "--reason is empty"),
        # Bytes that are no text, as Python hands them on; they ended in a traceback of DuckDB's.
        ((CAPS, "bitcoin\udce9,2026-11-20T18:00:00Z"), "KEY is not UTF-8 text: byte 8 is 0xe9"),
        ((CAPS, KEY, "--reason", "Zahl gr\udcf6sser"), "--reason is not UTF-8 text"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_is_told_in_one_line_with_what_was_meant(arguments: tuple[str, ...], said: str) -> None:
    more = () if "--reason" in arguments else ("--reason", "x")
    with pytest.raises(UserInputError, match=said):
        raise UserInputError(fault("add", *arguments, *more))
    assert listed() == []


@pytest.mark.usefixtures("folder")
def test_adding_twice_or_releasing_what_is_not_left_out_is_told() -> None:
    assert fault("release", CAPS, KEY) == f"{CAPS} {KEY} is not left out"
    done("add", CAPS, KEY, "--column", "market_cap_usd", "--reason", "x")
    assert "for market_cap_usd is left out already" in fault(
        "add", CAPS, KEY, "--column", "market_cap_usd", "--reason", "x"
    )
    assert fault("release", CAPS, KEY, "--column", "ts").endswith("for ts is not left out but for market_cap_usd")


@pytest.mark.usefixtures("folder")
def test_a_row_left_out_for_two_columns_is_released_for_one_or_for_all() -> None:
    for column in ("ts", "market_cap_usd"):
        done("add", CAPS, KEY, "--column", column, "--reason", "x")
    assert "is released, and still left out for market_cap_usd" in done("release", CAPS, KEY, "--column", "ts")
    done("add", CAPS, KEY, "--column", "ts", "--reason", "x")
    assert "counts again" in done("release", CAPS, KEY)
    assert listed() == []


@pytest.mark.usefixtures("folder")
def test_while_a_run_goes_on_the_list_is_that_of_the_last_publish_and_says_so() -> None:
    done("add", CAPS, KEY, "--reason", "x")
    with RunLock(lock_path(Path(".marketflows/warehouse.duckdb"))).acquire(command="marketflows"):
        result = ask("list", "--format", "json")
    assert json.loads(result.stdout) == []
    assert "a run is going on; this is as of the last publish" in result.stderr


@pytest.mark.usefixtures("folder")
def test_adding_waits_for_a_run_and_then_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketflows_pipeline.system.run_lock.LOCK_WAIT_S", 0.01)
    with RunLock(lock_path(Path(".marketflows/warehouse.duckdb"))).acquire(command="marketflows --log-level DEBUG"):
        result = ask("add", CAPS, KEY, "--reason", "x")
    assert isinstance(result.exception, MarketflowsError)
    assert result.exception.exit_code == 1
    assert "marketflows --log-level DEBUG" in str(result.exception)
    assert "Waiting up to 0.01 s for another run" in result.stderr
    assert listed() == []


def test_without_a_warehouse_the_next_step_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (("list",), ("add", CAPS, KEY, "--reason", "x"), ("release", CAPS, KEY)):
        result = ask(*arguments, tutorial=True)
        assert isinstance(result.exception, MarketflowsError)
        assert "run `marketflows --tutorial` first" in str(result.exception)


def test_the_tutorial_has_a_quarantine_of_its_own_and_says_that_it_does_not_last(folder: Path) -> None:
    with Warehouse(folder / TUTORIAL_PRIVATE) as warehouse:
        warehouse.merge(CAPS, caps(("bitcoin", NOW, 2e12)))
    result = ask("add", CAPS, KEY, "--reason", "x", tutorial=True)
    assert "begins anew with each run" in result.stdout
    assert listed() == []


def test_the_program_shows_a_fault_as_one_line(folder: Path) -> None:
    told = program(folder, "quarantine", "add", CAPS, "bitcoin", "--reason", "x")
    assert told.returncode == 2
    assert told.stderr.splitlines()[0].startswith("error: KEY 'bitcoin': expected coin_id,ts")
