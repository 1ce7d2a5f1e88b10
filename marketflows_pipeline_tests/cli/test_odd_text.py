"""Empty, undecodable and unprintable text: one line and an exit code, in any locale, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from marketflows_pipeline_tests.cli.asking import ANSWERED, ROOT

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, "-c", "from marketflows_pipeline.cli import main; main()"]
# Python can no longer help itself to UTF-8 then.
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ASCII = {"PYTHONIOENCODING": "ascii"}


def run(
    folder: Path, *arguments: str | bytes, typed: bytes = b"", locale: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | (locale or {}),
        input=typed,
        capture_output=True,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[bytes], *, says: str, exit_code: int = 2) -> None:
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("error: ")
    assert says in line


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "is empty"),
        (" \t\n", "is empty"),
        ("-- nothing but a comment", "the SQL is empty"),
        ("/* nothing but a comment */", "the SQL is empty"),
        (";", "the SQL is empty"),
        (" ;; ", "the SQL is empty"),
        ("select 1; select 2", "holds 2 statements"),
        ("set threads = 1", "gives no rows"),
        ("begin", "gives no rows"),
        ("selec 1", "the SQL was refused"),
        (b"select '\xe9'", "is not UTF-8 text: byte 9 is 0xe9"),
    ],
)
def test_a_query_that_asks_nothing_is_the_users_fault(folder: Path, query: str | bytes, says: str) -> None:
    """An empty query and one of Latin-1 bytes once ended in a traceback; of two statements the first was not shown."""
    assert_one_line(run(folder, "sql", query), says=says)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (b"", "the SQL is empty"),
        (b"\n-- a comment\n", "the SQL is empty"),
        (b"select 1; select 2", "holds 2 statements"),
        (b"select '\xe9'", "standard input is not UTF-8 text: byte 9 is 0xe9"),
        ("select 1".encode("utf-16"), "standard input is not UTF-8 text: byte 1 is 0xff"),
        (b"select 'a\0b'", "NUL"),
    ],
)
def test_a_query_by_standard_input_is_judged_alike(folder: Path, typed: bytes, says: str) -> None:
    assert_one_line(run(folder, "sql", "-", typed=typed), says=says)


@pytest.mark.parametrize("typed", [b"select 1 as n;", b"\xef\xbb\xbfselect 1 as n", b"select 1 as n -- one\n;\n"])
def test_one_question_may_end_in_a_semicolon_and_begin_with_a_byte_order_mark(folder: Path, typed: bytes) -> None:
    done = run(folder, "sql", "-", "--format", "json", typed=typed)
    assert json.loads(done.stdout) == [{"n": 1}], done.stderr


def test_a_pivot_is_one_statement(folder: Path) -> None:
    """DuckDB reads it as two."""
    pivot = "pivot (select 1 as a, 'x' as b) on b using sum(a)"
    done = run(folder, "sql", pivot, "--format", "json")
    assert json.loads(done.stdout) == [{"x": 1}], done.stderr


@pytest.mark.parametrize("locale", [C_LOCALE, ASCII], ids=["c locale", "ascii"])
@pytest.mark.parametrize("output_format", ["table", "csv", "json"])
def test_an_answer_is_utf_8_in_every_locale(folder: Path, locale: dict[str, str], output_format: str) -> None:
    """A query with an umlaut in it, under LC_ALL=C, once ended in a UnicodeEncodeError."""
    done = run(folder, "sql", "select 'Zürich 漢字' as place", "--format", output_format, locale=locale)
    assert done.returncode == 0, done.stderr
    assert "Zürich 漢字" in done.stdout.decode()


@pytest.mark.parametrize("locale", [C_LOCALE, ASCII], ids=["c locale", "ascii"])
@pytest.mark.parametrize("line", ANSWERED)
def test_the_other_commands_answer_in_every_locale(folder: Path, locale: dict[str, str], line: str) -> None:
    done = run(folder, *line.split(), "--format", "table", locale=locale)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode()


@pytest.mark.parametrize("locale", [C_LOCALE, ASCII], ids=["c locale", "ascii"])
def test_a_message_is_readable_in_every_locale(folder: Path, locale: dict[str, str]) -> None:
    assert_one_line(run(folder, "sql", "select * from zürich", locale=locale), says="zürich")


def test_bytes_of_a_file_name_that_are_no_text_are_escaped(folder: Path) -> None:
    assert_one_line(run(folder, "--config", b"\xe9.toml", "exchange-tvl"), says=r"\udce9.toml: no such file")


@pytest.mark.parametrize("line", ["exchange-netflow", "cross-asset who-gained"])
@pytest.mark.parametrize(("name", "says"), [("", "is empty"), ("  ", "is empty"), (b"\xe9", "is not UTF-8 text")])
def test_a_name_that_is_none_is_the_users_fault(folder: Path, line: str, name: str | bytes, says: str) -> None:
    assert_one_line(run(folder, *line.split(), name), says=says)


def shell(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell that knows the program by its name."""
    function = f"marketflows() {{ {sys.executable} -c '{PROGRAM[-1]}' \"$@\"; }}; "
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    command = ["bash", "-c", function + line]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("line", ["sql 'select * from range(300000)' --format csv", "exchange-tvl", "--help"])
def test_a_reader_who_has_seen_enough_is_no_fault(folder: Path, line: str) -> None:
    assert shell(folder, f"marketflows {line} | head -c 1").stderr == ""


def test_a_full_disk_under_an_answer_is_one_line(folder: Path) -> None:
    done = shell(folder, "marketflows exchange-tvl > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "error: standard output: No space left on device\n"


@pytest.mark.parametrize(
    ("line", "exit_code", "says"),
    [("sql - <&-", 2, "standard input is closed"), ("exchange-tvl >&-", 1, "standard output is closed")],
)
def test_a_closed_stream_is_named(folder: Path, line: str, exit_code: int, says: str) -> None:
    done = shell(folder, f"marketflows {line}")
    assert done.returncode == exit_code
    assert done.stderr == f"error: {says}\n"
