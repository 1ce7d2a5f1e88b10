"""Worker processes that draw, and the queue before them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from marketflows_pipeline.charts.rendering.worker import REQUEST, RESPONSE
from marketflows_pipeline.charts.style.colours import Theme, with_values
from marketflows_pipeline.system.printable import boxed

_WORKER = Path(__file__).with_name("worker.py")
_MOST_WORKERS = 4
# A worker costs about 0.4 s until its first chart, as much as a handful of charts.
_CHARTS_PER_WORKER = 5


class DrawingError(Exception):
    """The renderer refused a specification, or died over it."""


class DrawingPool:
    """Processes that turn Vega-Lite specifications into PNG bytes."""

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="drawing")
        self._free: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._started: list[subprocess.Popen[bytes]] = []
        for _ in range(workers):
            self._start()

    def submit(
        self, vega_lite: Mapping[str, Any], scale: float, theme: Theme = "light", *, most_bytes: int = 0
    ) -> Future[bytes]:
        """Draw one specification in the colours of a theme.

        Args:
            vega_lite: the specification.
            scale: pixels per pixel of the design.
            theme: light or dark.
            most_bytes: where given, the PNG is made smaller until it has no more.

        Returns:
            A future of PNG bytes; it raises `DrawingError` where the renderer refused or died.
        """
        # The renderer hands texts on as XML, which holds no control characters.
        specification = json.dumps(with_values(vega_lite, theme, boxed)).encode()
        return self._threads.submit(self._draw, specification, scale, most_bytes)

    def close(self) -> None:
        """Drop what was not begun, and end the processes."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._started:
            process.kill()
        self._threads.shutdown()
        for process in self._started:
            _end(process)

    def _start(self) -> None:
        # -P keeps this folder, whose module names are short, out of the worker's import path.
        command = [sys.executable, "-P", str(_WORKER)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own file
        self._started.append(process)
        self._free.put(process)

    def _draw(self, vega_lite: bytes, scale: float, most_bytes: int) -> bytes:
        process = self._free.get()
        try:
            ok, payload = _exchange(process, vega_lite, scale, most_bytes)
        except (OSError, EOFError) as error:
            status = _end(process)
            self._start()
            raise DrawingError(f"the renderer died over it (exit status {status})") from error
        self._free.put(process)
        if not ok:
            raise DrawingError(payload.decode(errors="replace"))
        return payload


def worker_count(charts: int) -> int:
    """Workers worth starting for so many charts: at most one per processor, and no more than four."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MOST_WORKERS, processors, -(-charts // _CHARTS_PER_WORKER)))


@contextmanager
def drawing_pool(charts: int) -> Iterator[DrawingPool]:
    """A pool fit for so many charts, closed at the end."""
    pool = DrawingPool(worker_count(charts))
    try:
        yield pool
    finally:
        pool.close()


def _end(process: subprocess.Popen[bytes]) -> int:
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
    return process.wait()


def _exchange(process: subprocess.Popen[bytes], vega_lite: bytes, scale: float, most_bytes: int) -> tuple[bool, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(REQUEST.pack(scale, most_bytes, len(vega_lite)) + vega_lite)
    process.stdin.flush()
    header = process.stdout.read(RESPONSE.size)
    if len(header) < RESPONSE.size:
        raise EOFError
    ok, length = RESPONSE.unpack(header)
    payload = process.stdout.read(length)
    if len(payload) < length:
        raise EOFError
    return bool(ok), payload
