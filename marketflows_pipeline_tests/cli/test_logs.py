"""Where log lines go, and that a file which cannot be written never stops a run."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from rich.console import Console

from marketflows_pipeline.cli.logs import PACKAGE, RunLog, configure_logging
from marketflows_pipeline.cli.run import QUIET
from marketflows_pipeline.providers.http import client
from marketflows_pipeline_tests.examples import one_quick

ROOT = Path(__file__).parents[2]

log = logging.getLogger(f"{PACKAGE}.tests")


pytestmark = pytest.mark.usefixtures("usual_logging")


def begin(state: Path | str, monkeypatch: pytest.MonkeyPatch, *, tutorial: bool = False, level: str = "INFO") -> RunLog:
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    return configure_logging(level, tutorial=tutorial, console=Console(stderr=True, force_terminal=False))


def warnings_in(shown: str) -> list[str]:
    return [line for line in shown.splitlines() if " WARNING " in line]


def a_file(folder: Path) -> Path:
    (folder / "state").write_text("")
    return folder / "state"


def a_file_in_the_way(folder: Path) -> Path:
    (folder / "marketflows").mkdir()
    (folder / "marketflows" / "logs").write_text("")
    return folder


def a_folder_in_place_of_the_file(folder: Path) -> Path:
    for name in ("marketflows.log", "marketflows_tutorial.log"):
        (folder / "marketflows" / "logs" / name).mkdir(parents=True)
    return folder


def a_loop_of_links(folder: Path) -> Path:
    (folder / "state").symlink_to(folder / "state")
    return folder / "state"


def no_right_to_write(folder: Path) -> Path:
    (folder / "state").mkdir(mode=0o500)
    if os.access(folder / "state", os.W_OK):
        pytest.skip("root may write anywhere")
    return folder / "state"


@pytest.mark.parametrize("tutorial", [False, True])
@pytest.mark.parametrize(
    "spoil", [a_file, a_file_in_the_way, a_folder_in_place_of_the_file, a_loop_of_links, no_right_to_write]
)
def test_without_a_log_folder_the_terminal_gets_one_warning_and_every_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spoil: object, tutorial: bool
) -> None:
    """A read-only home once ended a run in a traceback before it began."""
    assert callable(spoil)
    run_log = begin(spoil(tmp_path), monkeypatch, tutorial=tutorial)
    log.info("17 coins followed")
    shown = capsys.readouterr().err
    (warning,) = warnings_in(shown)
    assert "the log cannot be written to a file" in warning
    assert "17 coins followed" in shown
    assert run_log.path is None


def test_a_relative_state_folder_is_left_out_as_its_standard_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    run_log = begin("state", monkeypatch)
    log.info("17 coins followed")
    shown = capsys.readouterr().err
    (warning,) = warnings_in(shown)
    assert "XDG_STATE_HOME = 'state' is not an absolute path" in warning
    assert run_log.path == tmp_path / "home/.local/state/marketflows/logs/marketflows.log"
    assert not (tmp_path / "state").exists()


def test_a_disk_that_fills_up_on_the_way_is_said_once_and_the_file_is_no_whole_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Logging's own answer to a full disk is a stack trace a line."""
    monkeypatch.setattr("marketflows_pipeline.cli.logs.open_private", lambda _, flags: os.open("/dev/full", flags))
    run_log = begin(tmp_path, monkeypatch)
    for number in range(3):
        log.info("line %d", number)
    shown = capsys.readouterr().err
    (warning,) = warnings_in(shown)
    assert "No space left on device" in warning
    assert [f"line {number}" in shown for number in range(3)] == [True] * 3
    assert "Traceback" not in shown
    assert run_log.path is None


@pytest.mark.parametrize("tutorial", [False, True])
@pytest.mark.parametrize("plant", ["link", "link to nothing", "fifo"])
def test_what_is_planted_in_the_place_of_the_log_is_not_written_through(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    plant: str,
    tutorial: bool,
) -> None:
    """A link named like the tutorial's log once had its target emptied."""
    folder = tmp_path / "marketflows" / "logs"
    folder.mkdir(parents=True)
    (tmp_path / "victim").write_text("precious")
    for name in ("marketflows.log", "marketflows_tutorial.log", "marketflows.log.1"):
        if plant == "fifo":
            os.mkfifo(folder / name)
        else:
            (folder / name).symlink_to(tmp_path / ("victim" if plant == "link" else "not there"))

    run_log = begin(tmp_path, monkeypatch, tutorial=tutorial)
    log.info("line 1")

    assert run_log.path is not None
    assert run_log.path.read_text().endswith("INFO line 1\n")
    assert not run_log.path.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["marketflows", "victim"]
    assert (tmp_path / "victim").read_text() == "precious"


def test_a_second_name_of_a_file_is_no_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "marketflows" / "logs"
    folder.mkdir(parents=True)
    (tmp_path / "victim").write_text("precious")
    (folder / "marketflows.log").hardlink_to(tmp_path / "victim")

    run_log = begin(tmp_path, monkeypatch)
    log.info("line 1")

    (warning,) = warnings_in(capsys.readouterr().err)
    assert "is a second name (hard link) of a file" in warning
    assert (tmp_path / "victim").read_text() == "precious"
    assert run_log.path is None


def test_a_log_is_for_its_user_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What follows from a portfolio was once readable for everybody on the machine; older logs are closed too."""
    folder = tmp_path / "marketflows" / "logs"
    folder.mkdir(parents=True, mode=0o755)
    (folder / "marketflows.log").write_text("x" * 5_000_000)
    before = os.umask(0o022)
    begin(tmp_path, monkeypatch)
    log.info("line 1")
    os.umask(before)
    found = {path.name: oct(path.stat().st_mode & 0o777) for path in (folder, *folder.iterdir())}
    assert found == {"logs": "0o700", "marketflows.log": "0o600", "marketflows.log.1": "0o600"}


def test_a_rotation_that_fails_is_said_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "marketflows" / "logs"
    folder.mkdir(parents=True)
    (folder / "marketflows.log").write_text("x" * 5_000_000)
    # The name that the oldest file would get is taken by something that no file can replace.
    (folder / "marketflows.log.4" / "in the way").mkdir(parents=True)
    (folder / "marketflows.log.5" / "in the way").mkdir(parents=True)
    run_log = begin(tmp_path, monkeypatch)
    log.info("line 1")
    log.info("line 2")
    shown = capsys.readouterr().err
    assert len(warnings_in(shown)) == 1
    assert "line 2" in shown
    assert "Traceback" not in shown
    assert run_log.path is None


def test_a_full_file_is_rotated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "marketflows" / "logs"
    folder.mkdir(parents=True)
    (folder / "marketflows.log").write_text("x" * 5_000_000)
    run_log = begin(tmp_path, monkeypatch)
    log.info("line 1")
    assert (folder / "marketflows.log").read_text().endswith("INFO line 1\n")
    assert (folder / "marketflows.log.1").stat().st_size == 5_000_000
    assert run_log.path == folder / "marketflows.log"
    shown = capsys.readouterr().err
    assert warnings_in(shown) == []


def test_a_handler_that_dagster_closed_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_log = begin(tmp_path, monkeypatch, tutorial=True)
    log.info("before")
    for handler in logging.getLogger(PACKAGE).handlers:
        handler.close()
    log.info("after")
    assert run_log.path is not None
    assert [line.split(" INFO ")[1] for line in run_log.path.read_text().splitlines()] == ["before", "after"]


def test_the_lines_that_warn_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_log = begin(tmp_path, monkeypatch)
    for level in (logging.INFO, logging.WARNING, logging.ERROR):
        log.log(level, "said")
    assert run_log.n_warnings == 2


@pytest.mark.slow
def test_the_command_goes_on_without_a_log(tmp_path: Path) -> None:
    """It ends with the next fault, here that there is no key, and not with the log's."""
    (tmp_path / "config.toml").write_text("")
    environ = {name: value for name, value in os.environ.items() if name != "COINGECKO_API_KEY"}
    done = subprocess.run(
        [sys.executable, "-c", "from marketflows_pipeline.cli import main; main()"],
        cwd=tmp_path,
        env=environ | {"XDG_STATE_HOME": "/dev/null", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count(" WARNING ") == 1
    assert done.stderr.splitlines()[-3].startswith("error: secrets.toml: [coingecko] api_key is missing")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("level", "shown"), one_quick([("DEBUG", ["fine", "usual"]), ("INFO", ["usual"]), ("ERROR", [])])
)
def test_a_run_of_dagster_leaves_the_level_of_the_command_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], level: str, shown: list[str]
) -> None:
    """``--log-level DEBUG`` once showed no line of it: dagster.yaml's own level took its place as the run began."""

    @dg.op
    def speak() -> None:
        speaker = logging.getLogger(client.__name__)
        speaker.debug("fine")
        speaker.info("usual")

    @dg.job
    def speaking() -> None:
        speak()

    (tmp_path / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    begin(tmp_path / "state", monkeypatch, level=level)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.python_log_level == "INFO"
        assert speaking.execute_in_process(instance=instance, run_config=QUIET).success
    assert [line.split()[-1] for line in capsys.readouterr().err.splitlines()] == shown
