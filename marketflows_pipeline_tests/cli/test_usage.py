"""Command lines that are refused, and what is said of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import duckdb
import pytest
from click.testing import CliRunner

from marketflows_pipeline.cli import main, marketflows
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline_tests.published_answers import query_rows


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The last line of a command line that is refused with exit code 2."""
    monkeypatch.setattr(sys, "argv", ["marketflows", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("exchange-flows abc", "Invalid value for '[LIMIT]': 'abc' is not a whole number from 1 to 1,000,000."),
        ("exchange-flows 2.5", "Invalid value for '[LIMIT]': '2.5' is not a whole number from 1 to 1,000,000."),
        ("exchange-netflow kraken --days x", "'x' is not a whole number from 1 to"),
        ("whale-movements abc", "Invalid value for '[MIN_VALUE_USD]': 'abc' is not a number from 0"),
    ],
)
def test_a_number_that_is_none_is_told_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, words: str
) -> None:
    """exchange-flows abc was told "'abc' is not a valid integer range"."""
    assert words in said(monkeypatch, capsys, *line.split())


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["sql", "--tutorial", "select 1"], "marketflows --tutorial sql 'select 1'"),
        (["sql", "select 1", "--tutorial"], "marketflows --tutorial sql 'select 1'"),
        (["sql", "--tutorial"], "marketflows --tutorial sql"),
        (["sql", "--config", "other.toml", "select 1"], "marketflows --config other.toml sql 'select 1'"),
        (["score", "--config=other.toml"], "marketflows --config=other.toml score"),
        (["exchange-flows", "3", "--tutorial"], "marketflows --tutorial exchange-flows 3"),
        (["quarantine", "list", "--tutorial"], "marketflows --tutorial quarantine list"),
        (
            ["--log-level", "DEBUG", "cross-asset", "flows", "--tutorial"],
            "marketflows --log-level DEBUG --tutorial cross-asset flows",
        ),
    ],
)
def test_an_option_after_the_subcommand_is_told_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], hint: str
) -> None:
    """sql --tutorial "select 1" was told "Got unexpected extra argument (select 1)"."""
    words = f" Options of all commands stand before the subcommand: {hint}"
    assert said(monkeypatch, capsys, *arguments).endswith(words)


def test_another_slip_is_told_as_click_tells_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(monkeypatch, capsys, "sql", "select 1", "more") == "Error: Got unexpected extra argument (more)"


@pytest.mark.parametrize(("wrong", "right"), [("meta.publich", "publish"), ("mart.percent_gain", "percent_gains")])
def test_a_misspelt_table_gets_duckdbs_nearest(tmp_path: Path, wrong: str, right: str) -> None:

    file = tmp_path / "published.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema meta; create table meta.publish (x int)")
        connection.execute("create schema mart; create table mart.percent_gains (x int)")
    with pytest.raises(UserInputError, match=f'Did you mean "{right}"'):
        query_rows(file, f"select * from {wrong}")


def test_every_option_of_the_group_can_be_moved() -> None:
    names = {name for param in marketflows.params if isinstance(param, click.Option) for name in param.opts}
    assert {"--config", "--secrets", "--out-dir", "--log-level", "--tutorial"} <= names


PATH_OPTIONS = ["--config", "--secrets", "--out-dir", "report --out", "init --api-key-file", "init --config"]


@pytest.mark.parametrize("option", PATH_OPTIONS)
def test_an_empty_path_is_no_path(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """--out-dir "$UNSET" drew two hundred pictures into the working directory."""
    words = said(monkeypatch, capsys, *option.split(), "")
    assert words == f"Error: Invalid value for '{option.rsplit(maxsplit=1)[-1]}': '' is not a path."


@pytest.mark.parametrize("option", PATH_OPTIONS)
def test_a_path_longer_than_any_disk_takes_is_the_users_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """It ended with exit code 1, as a failed run does."""
    words = said(monkeypatch, capsys, *option.split(), "x" * 5000)
    assert words.endswith("cannot be used: File name too long.")


@pytest.mark.parametrize(
    "line", ["exchange-netflow", "breadth", "cross-asset who-gained", "narratives --like", "rotation --base"]
)
def test_a_name_has_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str) -> None:
    """What stood behind the line break was told as a message of its own."""
    for name in ("kraken\nerror: all is lost", "kraken error: all is lost" + 1000 * "!"):
        words = said(monkeypatch, capsys, *line.split(), name)
        assert "'kraken error: all is lost" in words
        assert words.endswith("': expected one line of at most 200 characters")


def test_an_empty_option_is_named_as_it_is_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was told "like is empty"."""
    assert said(monkeypatch, capsys, "narratives", "--like", "") == "error: --like is empty"


def every_command(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    yield words, command.help or ""
    for name, each in getattr(command, "commands", {}).items():
        yield from every_command(each, (*words, name))


@pytest.mark.parametrize(("words", "text"), list(every_command(marketflows)))
def test_examples_in_a_help_stand_on_lines_of_their_own(words: tuple[str, ...], text: str) -> None:
    """The examples of sql were one paragraph, those of store began with the two characters \\b."""
    shown = CliRunner().invoke(marketflows, [*words, "--help"]).output
    assert "\\b" not in shown
    examples = {line.strip() for line in text.splitlines() if line.strip().startswith("marketflows ")}
    assert examples <= {line.strip() for line in shown.splitlines()}


@pytest.mark.parametrize("option", ["report --out", "init --config", "init --secrets"])
def test_only_a_file_is_replaced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str
) -> None:
    """As root, report --out /dev/null put the page in the place of the device, for every program of the machine."""
    os.mkfifo(tmp_path / "pipe")
    words = said(monkeypatch, capsys, *option.split(), str(tmp_path / "pipe"))
    assert words.endswith(f"{str(tmp_path / 'pipe')!r} is no plain file, and only such a one is replaced.")
