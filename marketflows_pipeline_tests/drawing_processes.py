"""Processes that draw, shared by the tests of a package."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from marketflows_pipeline.charts.rendering import pool
from marketflows_pipeline.charts.rendering.pool import DrawingPool


@pytest.fixture(scope="package", autouse=True)
def idle_processes_are_handed_on() -> Iterator[None]:
    """A pool that is closed leaves its idle processes to the next one: each takes a second until its first picture."""
    idle: list[subprocess.Popen[bytes]] = []
    start, close = pool._started_worker, DrawingPool.close

    def started_worker() -> subprocess.Popen[bytes]:
        return idle.pop() if idle else start()

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
