"""Which steps run after one that a signal ended."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress

import dagster as dg
import pytest

from marketflows_pipeline.jobs import log_cause
from marketflows_pipeline.system.stopping import forget_stop, stop_calls


def steps_run(work: Callable[[], object]) -> list[str]:
    """Of two steps that don't depend on each other, those that began, where the first does this work."""
    began: list[str] = []

    @dg.asset
    def first() -> None:
        began.append("first")
        work()

    @dg.asset
    def second() -> None:
        began.append("second")

    job = dg.define_asset_job("both", hooks={log_cause})
    try:
        with dg.DagsterInstance.ephemeral() as instance, suppress(dg.DagsterExecutionInterruptedError):
            dg.Definitions([first, second], jobs=[job]).resolve_job_def("both").execute_in_process(
                instance=instance, raise_on_error=False
            )
    finally:
        forget_stop()
    return began


def told_to_stop() -> None:
    signal.raise_signal(signal.SIGINT)


def told_to_stop_and_lost() -> None:
    """No handler's fault arrives: the signal is only remembered."""
    stop_calls()


def told_to_stop_in_a_library() -> None:
    """As DuckDB does it."""
    try:
        told_to_stop()
    except BaseException as stop:
        raise RuntimeError("Query interrupted") from stop


def told_to_stop_and_explained() -> None:
    try:
        told_to_stop_in_a_library()
    except RuntimeError as fault:
        raise ValueError("nothing was stored") from fault


@pytest.mark.parametrize(
    "work", [told_to_stop, told_to_stop_and_lost, told_to_stop_in_a_library, told_to_stop_and_explained]
)
def test_no_step_begins_after_a_signal_whatever_a_library_made_of_it(work: Callable[[], object]) -> None:
    """DuckDB's "Query interrupted" looked like one failed part, and the run went on with the others for 12 seconds."""
    assert steps_run(work) == ["first"]


@pytest.mark.slow
def test_a_step_that_fails_by_itself_leaves_the_others_alone() -> None:
    def fails() -> None:
        raise ValueError("a fault of this step")

    assert sorted(steps_run(fails)) == ["first", "second"]
