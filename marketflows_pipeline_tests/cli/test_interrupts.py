"""Being told to stop: what is said, with which exit code, and what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from marketflows_pipeline.cli.interrupts import Interrupted, interruptible
from marketflows_pipeline.warehouse.store import Warehouse

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
LONG_QUERY = "select count(*) from range(1000000) a, range(1000000) b where hash(a.range + b.range) = 1"


@contextmanager
def started(folder: Path, script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A program under way in a folder, ended at the latest with the block."""
    kept = {name: value for name, value in os.environ.items() if name not in {"COINGECKO_API_KEY", "DAGSTER_HOME"}}
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env=kept | {"XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(words: str, process: subprocess.Popen[str]) -> None:
    """Read standard error up to a line with these words."""
    assert process.stderr is not None
    said: list[str] = []
    while not said or words not in said[-1]:
        said.append(process.stderr.readline())
        assert said[-1], said


RUN = "from marketflows_pipeline.cli import main; main()"
# Says when the work begins, which a test cannot see otherwise.
# On one processor DuckDB has no thread of its own, so that the main one sees no signal before the query ends.
ASK = """
import os
import sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from marketflows_pipeline.cli import main
from marketflows_pipeline.warehouse import user_query
write = user_query.write_result
def said(*arguments, **options):
    print("asked", file=sys.stderr, flush=True)
    return write(*arguments, **options)
user_query.write_result = said
main()
"""

# As if the signal came between a context manager's first half and its block.
HALF_ENTERED = """
import signal
from marketflows_pipeline import cli
def first_half():
    try:
        yield
    finally:
        raise ValueError("already closed")
def work():
    entered = first_half()
    next(entered)
    signal.raise_signal(signal.SIGTERM)
cli._exit_code = work
cli.main()
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_run_that_is_told_to_stop_says_so_keeps_what_it_has_and_gives_the_lock_back(
    tmp_path: Path, number: signal.Signals
) -> None:
    """SIGTERM showed "DagsterExecutionInterruptedError:" and exit code 1."""
    lock = tmp_path / ".marketflows" / "tutorial.lock"
    with started(tmp_path, RUN, "--tutorial") as process:
        wait_for("Fetching histories", process)
        assert lock.read_bytes()
        process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == 128 + number
    assert err.splitlines()[-1] == "interrupted; what was fetched is kept"
    assert "Error" not in err
    assert out == ""
    assert lock.read_bytes() == b"", "whoever comes next is told of nobody"
    with Warehouse(tmp_path / ".marketflows" / "tutorial.duckdb"):
        pass


def test_a_run_stops_even_where_a_library_loses_what_the_handler_raised(tmp_path: Path) -> None:
    """A run went on to its end, and its page said "published by another version" of each question it was asked."""
    lost = "from marketflows_pipeline.cli import interrupts; interrupts._stop = lambda *_: None; " + RUN
    with started(tmp_path, lost, "--tutorial") as process:
        wait_for("Fetching histories", process)
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate()
    assert (process.returncode, out) == (128 + signal.SIGHUP, "")
    assert err.splitlines()[-1] == "interrupted; what was fetched is kept"
    assert "published" not in err
    with Warehouse(tmp_path / ".marketflows" / "tutorial.duckdb"):
        pass


def test_what_is_left_half_entered_says_nothing_at_the_end(tmp_path: Path) -> None:
    """ "Exception ignored in: <generator ...>" with a traceback stood below "interrupted"."""
    with started(tmp_path, HALF_ENTERED) as process:
        out, err = process.communicate()
    assert (process.returncode, out, err) == (128 + signal.SIGTERM, "", "interrupted\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_question_that_is_told_to_stop_says_so(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C in a long query was a traceback of DuckDB's "Query interrupted"; SIGTERM said nothing at all."""
    import duckdb

    (tmp_path / "warehouse").mkdir()
    duckdb.connect(str(tmp_path / "warehouse" / "marketflows_tutorial.duckdb")).close()
    with started(tmp_path, ASK, "--tutorial", "sql", LONG_QUERY) as process:
        wait_for("asked", process)
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (128 + number, "", "interrupted\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_the_signal_is_told_whatever_became_of_it_in_between(number: signal.Signals) -> None:
    """Dagster and DuckDB turn what a handler raises into faults of their own, or into none."""

    def ends_in_another_fault() -> None:
        try:
            signal.raise_signal(number)
        except BaseException:  # noqa: BLE001 - as DuckDB does
            raise RuntimeError("Query interrupted") from None

    def ends_in_none() -> None:
        signal.signal(number, lambda *_: None)
        signal.raise_signal(number)

    for ending in (ends_in_another_fault, ends_in_none):
        before = signal.getsignal(number)
        with pytest.raises(Interrupted, match="stopped") as raised, interruptible("stopped"):
            ending()
        assert raised.value.exit_code == 128 + number
        assert signal.getsignal(number) == before


def test_the_innermost_words_are_told() -> None:
    with pytest.raises(Interrupted, match="inner"), interruptible("outer"), interruptible("inner"):
        signal.raise_signal(signal.SIGTERM)


def test_a_fault_without_a_signal_stays_as_it_is() -> None:
    with pytest.raises(ValueError, match="as it is"), interruptible("stopped"):
        raise ValueError("as it is")


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """Under nohup a closed terminal ends nothing."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible("stopped"):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
