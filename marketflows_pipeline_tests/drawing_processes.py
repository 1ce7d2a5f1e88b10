"""Processes that draw, shared by the tests of a package."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from marketflows_pipeline.charts.rendering import pool
from marketflows_pipeline.charts.rendering.pool import DrawingPool


@pytest.fixture(scope="package", autouse=True)
def idle_processes_are_handed_on() -> Iterator[None]:
    """A pool that is closed leaves its idle processes to the next one: each takes a second until its first picture.

    Only to one that would start them with the same variables, by which a process finds the fonts of a system.
    """
    started_with: dict[subprocess.Popen[bytes], dict[str, str]] = {}
    idle: list[subprocess.Popen[bytes]] = []
    start, close = pool._started_worker, DrawingPool.close

    def started_worker() -> subprocess.Popen[bytes]:
        for process in idle:
            if started_with[process] == _variables():
                idle.remove(process)
                return process
        process = start()
        started_with[process] = _variables()
        return process

    def close_all_but_idle(closed: DrawingPool) -> None:
        with closed._changed:
            idle.extend(closed._free)
            closed._started = [process for process in closed._started if process not in closed._free]
            closed._free = []
        close(closed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_started_worker", started_worker)
        patch.setattr(DrawingPool, "close", close_all_but_idle)
        yield
    for process in idle:
        pool._end(process)


def _variables() -> dict[str, str]:
    """Those of this process, but for the name of the test that pytest keeps among them."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
