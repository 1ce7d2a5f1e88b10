"""Work that was told to stop: what looks between two of its steps, and what is taken for a stop."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from marketflows_pipeline.errors import Stopped
from marketflows_pipeline.progress import LogReporter, Reporter, TerminalReporter
from marketflows_pipeline.report.guard import guarded
from marketflows_pipeline.system.stopping import check_stop, forget_stop, is_stop, stop_calls, stopped_by


@pytest.fixture
def told() -> Iterator[None]:
    stop_calls()
    yield
    forget_stop()


def test_nothing_stops_by_itself() -> None:
    check_stop()
    assert not is_stop(ValueError("a fault"))


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("reporter", [LogReporter(), TerminalReporter(Console(file=io.StringIO()))])
def test_long_work_ends_with_the_step_that_is_done(reporter: Reporter) -> None:
    with reporter.track("Fetching", 3) as advance, pytest.raises(Stopped):
        advance(1)


@pytest.mark.usefixtures("told")
def test_a_fault_after_a_stop_is_taken_for_one() -> None:
    """Each section of a page failed with "Interrupted!", and a page without them was written."""

    def interrupted() -> str:
        raise RuntimeError("INTERRUPT Error: Interrupted!")

    with pytest.raises(RuntimeError):
        guarded("section", interrupted, "nothing")


def test_a_call_that_has_ended_meanwhile_does_not_keep_the_others_from_being_ended() -> None:
    ended = []

    def has_ended() -> None:
        raise ValueError("already closed")

    with stopped_by(has_ended), stopped_by(lambda: ended.append("second")):
        stop_calls()
    forget_stop()
    assert ended == ["second"]
