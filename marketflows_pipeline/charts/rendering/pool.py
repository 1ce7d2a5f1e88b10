"""Worker processes that draw, and the queue before them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import polars as pl

from marketflows_pipeline.charts.rendering import worker
from marketflows_pipeline.charts.rendering.worker import REQUEST, RESPONSE
from marketflows_pipeline.charts.spec import Spec
from marketflows_pipeline.charts.style.colours import Theme
from marketflows_pipeline.charts.style.look import Look

_MOST_WORKERS = 4
# A worker costs about a second of a processor until its first chart, as much as ten charts.
_CHARTS_PER_WORKER = 10
Kept = TypeVar("Kept")


class DrawingError(Exception):
    """The renderer refused a specification, or died over it."""


@dataclass(frozen=True)
class Drawn:
    """A picture, and where it was asked for and fits its limit a small one; else that is empty."""

    png: bytes
    thumbnail: bytes = b""


class DrawingPool:
    """Processes that turn charts into PNG bytes, started as there are pictures for them.

    Args:
        most_workers: processes at most; by default one per processor, and no more than four.
    """

    def __init__(self, most_workers: int | None = None) -> None:
        self._most = most_workers or worker_count(_MOST_WORKERS * _CHARTS_PER_WORKER)
        self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="drawing")
        self._free: list[subprocess.Popen[bytes]] = []
        # Held for changes of what is below; told whenever a process is free again, or gone.
        self._changed = threading.Condition()
        self._started: list[subprocess.Popen[bytes]] = []
        self._asked_for = 0
        self._is_closed = False

    def submit(self, vega_lite: Mapping[str, Any], scale: float, theme: Theme = "light") -> Future[bytes]:
        """Draw one specification in the colours of a theme.

        Args:
            vega_lite: the specification.
            scale: pixels per pixel of the design.
            theme: light or dark.

        Returns:
            A future of PNG bytes; it raises `DrawingError` where the renderer refused or died.
        """
        from marketflows_pipeline.charts.rendering.building import as_json  # noqa: PLC0415 - loads Altair

        payload = as_json(vega_lite, theme)
        self._asked_for += 1
        return self._threads.submit(lambda: self._drawn(payload, scale).png)

    def submit_chart(
        self,
        frame: pl.DataFrame,
        spec: Spec,
        scale: float,
        look: Look,
        keep: Callable[[Drawn], Kept],
        *,
        most_bytes: int = 0,
    ) -> Future[Kept]:
        """Build and draw one chart, and keep it.

        Args:
            frame: its figures, as the drawing function takes them.
            spec: its specification.
            scale: pixels per pixel of the design.
            look: theme, size and watermark.
            keep: called with the picture, in a thread of this pool.
            most_bytes: of a thumbnail; 0 for none.

        Returns:
            A future of what ``keep`` returns; it raises `DrawingError` where the chart could not be built or drawn.
        """

        def kept() -> Kept:
            # Only here, so that what waits for a worker takes no memory twice.
            payload = pickle.dumps((frame, spec, look), pickle.HIGHEST_PROTOCOL)
            return keep(self._drawn(payload, scale, most_bytes, is_job=True))

        self._asked_for += 1
        return self._threads.submit(kept)

    def close(self) -> None:
        """Drop what was not begun, and end the processes."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._changed:
            self._is_closed = True
            for process in self._started:
                process.kill()
            self._changed.notify_all()
        self._threads.shutdown()
        for process in self._started:
            _end(process)

    def _drawn(self, payload: bytes, scale: float, most_bytes: int = 0, *, is_job: bool = False) -> Drawn:
        process = self._taken()
        try:
            ok, answer, thumbnail = _exchange(process, REQUEST.pack(scale, most_bytes, is_job, len(payload)) + payload)
        except (OSError, EOFError) as error:
            status = _end(process)
            with self._changed:
                self._started.remove(process)
                self._changed.notify_all()
            raise DrawingError(f"the renderer died over it (exit status {status})") from error
        with self._changed:
            self._free.append(process)
            self._changed.notify()
        if not ok:
            raise DrawingError(answer.decode(errors="replace"))
        return Drawn(answer, thumbnail)

    def _taken(self) -> subprocess.Popen[bytes]:
        """A process that is free, or a new one where there are pictures enough for it."""
        with self._changed:
            while not self._is_closed:
                if self._free:
                    return self._free.pop()
                if len(self._started) < min(self._most, worker_count(self._asked_for)):
                    self._started.append(_started_worker())
                    return self._started[-1]
                self._changed.wait()
        raise DrawingError("the run ended before it was drawn")


def worker_count(charts: int) -> int:
    """Workers worth starting for so many charts: at most one per processor, and no more than four."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MOST_WORKERS, processors, -(-charts // _CHARTS_PER_WORKER)))


def _started_worker() -> subprocess.Popen[bytes]:
    # -P keeps the working directory, whatever lies there, out of the worker's import path; it finds what we find.
    command = [sys.executable, "-P", "-m", worker.__name__]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # noqa: S603 (our own module)


def _end(process: subprocess.Popen[bytes]) -> int:
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
    return process.wait()


def _exchange(process: subprocess.Popen[bytes], request: bytes) -> tuple[bool, bytes, bytes]:
    """Whether a request was served, the picture or an error text, and the thumbnail."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(request)
    process.stdin.flush()
    header = process.stdout.read(RESPONSE.size)
    if len(header) < RESPONSE.size:
        raise EOFError
    ok, *lengths = RESPONSE.unpack(header)
    answer, thumbnail = (process.stdout.read(length) for length in lengths)
    if len(answer) + len(thumbnail) < sum(lengths):
        raise EOFError
    return bool(ok), answer, thumbnail
