"""`make dev`: Dagster's own command, with the guarded page in place of the open one."""

from __future__ import annotations

import inspect
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil  # type: ignore[import-untyped]
import pytest
import uvicorn
from dagster._cli.utils import _get_temporary_instance
from dagster_webserver import cli

from marketflows_pipeline.web import dev, server
from marketflows_pipeline_tests.web.serving import serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DEV = ["marketflows_pipeline.web.dev", "--empty-workspace"]


def test_dev_starts_daemon_and_guarded_page_and_ends_both(tmp_path: Path) -> None:
    """Plain `dagster dev` starts a page that any other page of the browser can use."""
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    with serving(DEV, tmp_path) as page:
        assert page.process is not None
        children = psutil.Process(page.process.pid).children(recursive=True)
        commands = [" ".join(child.cmdline()) for child in children]
        assert any("dagster._daemon" in each for each in commands)
        assert not any("-m dagster_webserver" in each for each in commands)
        assert page.ask("/graphql?query=%7Bversion%7D").status == 405
        assert page.ask(host="evil.example").status == 421
        assert page.graphql("{ instance { runQueuingSupported } }")["instance"]["runQueuingSupported"]
        page.process.terminate()
        page.process.communicate(timeout=300)
        assert page.process.returncode == 0
        assert psutil.wait_procs(children, timeout=60)[1] == []
    # As `dagster dev` does: settings and record of the folder, and nothing left of a home of its own.
    assert list((tmp_path / ".dagster/storage").rglob("runs.db"))
    assert not list(tmp_path.glob(".tmp_dagster_home_*"))


TEMPORARY = "Using temporary directory /x/.tmp_dagster_home_1 for storage. This will be removed when dagster dev exits."
ADVICE = "To persist information across sessions, set the environment variable DAGSTER_HOME to a directory to use."


@pytest.mark.parametrize("settings", [None, "telemetry:\n  enabled: false\n", "", "storage: 1"])
def test_a_history_that_is_temporary_is_said_to_be(tmp_path: Path, settings: str | None) -> None:
    if settings is not None:
        (tmp_path / "dagster.yaml").write_text(settings)
    assert said(dev.KeptHistory(tmp_path)) == [TEMPORARY, ADVICE, "Serving"]


def test_a_history_that_is_kept_is_not_said_to_be_temporary(tmp_path: Path) -> None:
    """It was to be "removed when dagster dev exits", and stood in .dagster afterwards."""
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    kept = tmp_path / ".dagster" / "storage"
    assert said(dev.KeptHistory(tmp_path)) == [
        f"Keeping the history of runs in {kept}, as dagster.yaml says",
        "Serving",
    ]


def said(words: logging.Filter) -> list[str]:
    """What is left of Dagster's lines."""
    records = [logging.LogRecord("dagster", logging.INFO, "", 0, text, None, None) for text in LINES]
    return [record.getMessage() for record in records if words.filter(record)]


LINES = (TEMPORARY, ADVICE, "Serving")


def test_dagster_still_says_it_in_these_words() -> None:
    found = inspect.getsource(_get_temporary_instance)
    assert "Using temporary directory" in found
    assert "To persist information across sessions" in found


@pytest.mark.parametrize(("given", "kept"), [(0o000, 0o022), (0o002, 0o022), (0o027, 0o027), (0o077, 0o077)])
@pytest.mark.parametrize("main", [dev.main, server.main])
def test_nobody_else_may_write_to_the_sockets_of_its_parts(
    monkeypatch: pytest.MonkeyPatch, main: Callable[[], None], given: int, kept: int
) -> None:
    """Under umask 000 any user of the machine could give orders to the code server, past guard and token."""
    found: list[int] = []

    def start(*_: object, **__: object) -> None:
        found.append(os.umask(0o022))
        os.umask(found[0])

    monkeypatch.setattr(dev, "cli", start)
    monkeypatch.setattr(cli, "main", start)
    monkeypatch.setattr(cli, "uvicorn", uvicorn)
    before = os.umask(given)
    try:
        main()
    finally:
        os.umask(before)
    assert found == [kept]


def test_only_the_page_is_replaced_and_keeps_its_options() -> None:
    page = [sys.executable, "-m", "dagster_webserver", "--port", "3001", "--host", "::1"]
    assert dev.guarded_command(page) == [sys.executable, "-m", "marketflows_pipeline.web.server", *page[3:]]
    daemon = [sys.executable, "-m", "dagster._daemon", "run"]
    assert dev.guarded_command(daemon) == daemon


@pytest.mark.parametrize("command", [["dagster-webserver", "-p", "1"], [sys.executable, "-m", "dagster", "ui"], []])
def test_a_page_that_is_started_in_another_way_is_not_started(command: list[str]) -> None:
    """After an upgrade of Dagster the page must not come up open without anybody noticing."""
    with pytest.raises(RuntimeError, match="this version of Dagster starts its parts in another way"):
        dev.guarded_command(command)


def test_a_page_whose_server_changed_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "uvicorn", SimpleNamespace())
    with pytest.raises(SystemExit, match="its page would have no guard"):
        server.main()


@pytest.mark.parametrize("module", ["dev", "server"])
def test_a_wrong_name_is_one_line_and_exit_code_2(tmp_path: Path, module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"marketflows_pipeline.web.{module}", "--empty-workspace"],
        cwd=tmp_path,
        env={"MARKETFLOWS_WEB_HOSTS": "*", "PATH": "", "DAGSTER_WEBSERVER_DAGSTER_LOG_LEVEL": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = [each for each in done.stderr.splitlines() if "INFO" not in each]
    assert line.startswith("error: environment: MARKETFLOWS_WEB_HOSTS = '*': expected names")
