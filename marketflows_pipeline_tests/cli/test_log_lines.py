"""A record is one line of the log, in the file and in the terminal, whatever it quotes."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path

import pytest
from rich.console import Console

from marketflows_pipeline.cli.logs import PACKAGE, LineFormatter, configure_logging
from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline_tests.hostile_names import FORGED, HARMLESS_NAMES, HOSTILE_NAMES, dangerous

log = logging.getLogger(f"{PACKAGE}.tests")
STARTS = re.compile(r"^\d{4}-\d\d-\d\d ", re.MULTILINE)


@pytest.mark.slow
@pytest.mark.usefixtures("usual_logging")
@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_record_is_a_line_in_file_and_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_terminal: bool
) -> None:
    """A coin's name with a line break forged a line that said all was well."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=is_terminal, width=10_000, color_system=None)
    run_log = configure_logging("INFO", tutorial=False, console=console)
    for name in (*HOSTILE_NAMES.values(), *HARMLESS_NAMES):
        log.info("the coin %s", name)
        log.warning("the coin " + name.replace("%", "%%"))
    n_lines = 2 * (len(HOSTILE_NAMES) + len(HARMLESS_NAMES))

    assert run_log.path is not None
    written = run_log.path.read_text(encoding="utf-8")
    assert len(written.splitlines()) == len(STARTS.findall(written)) == n_lines
    assert "[bold red]x[/] [link=https://evil.example]y[/link]" in written
    on_screen = shown.getvalue() if is_terminal else capsys.readouterr().err
    assert "[bold red]x[/]" in on_screen
    for text in (written, on_screen):
        assert dangerous(text) == set()
        assert all(name in text for name in HARMLESS_NAMES)


def record(message: str, **more: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": message, "levelname": "ERROR", "levelno": logging.ERROR})
    made.__dict__.update(more)
    return made


def test_a_traceback_keeps_its_lines_and_forges_none() -> None:
    try:
        raise ValueError(f"x\n{FORGED}\x1b[2J")
    except ValueError as fault:
        failed = record("failed", exc_info=(type(fault), fault, fault.__traceback__), exc_text=f"cached\n{FORGED}")
    text = LineFormatter("%(message)s").format(failed)
    first, *rest = text.split("\n")

    assert first == "failed"
    assert rest[0] == "  Traceback (most recent call last):"
    assert all(line.startswith("  ") for line in rest)
    assert dangerous(text) == set()
    assert failed.exc_text == f"cached\n{FORGED}", "other handlers have their own"


def test_a_line_without_anything_odd_is_as_it_was() -> None:
    """The tutorial's log is compared with the expected one."""
    usual = "published /a  b/ü.duckdb (12.1 MB): 5 % of 哈基米"

    assert LineFormatter("%(levelname)s %(message)s").format(record(usual)) == f"ERROR {usual}"


@pytest.mark.parametrize("kind", [MarketflowsError, UserInputError])
def test_the_text_of_a_fault_is_harmless_and_keeps_its_lines(kind: type[MarketflowsError]) -> None:
    """Command, log, schedule and the pages of Dagster show faults: they are cleaned at the source."""
    fault = kind("config.toml: \x1b[2J\ud800\u202e\nsecrets.toml: b")

    assert str(fault) == "config.toml: \\x1b[2J\\ud800\\u202e\nsecrets.toml: b"
