"""Showing that long work goes on: a bar in a terminal, a log line now and then elsewhere."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from marketflows_pipeline.system.stopping import check_stop

log = logging.getLogger(__name__)

# A twentieth of the work is done before the rest is judged by it.
_ESTIMATED_FROM = 20
_IN_MINUTES_FROM_S = 120

Advance = Callable[[int], None]


class Reporter(Protocol):
    """Somebody who is told how far a piece of work has come."""

    def track(self, label: str, total: int) -> contextlib.AbstractContextManager[Advance]:
        """Announce work of `total` steps; the function it yields is called with each number of steps done.

        It raises `Stopped` once a signal has come.
        """
        ...


class TerminalReporter:
    """A progress bar with the estimated time left, on standard error."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextlib.contextmanager
    def track(self, label: str, total: int) -> Iterator[Advance]:
        """Show a bar while the context lasts; it vanishes at the end, the log line stays."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(label, total=total)

            def advance(steps: int) -> None:
                bar.advance(task, steps)
                check_stop()

            yield advance


class LogReporter:
    """A log line with the share done and the estimated time left, at most every `every_s` seconds."""

    def __init__(self, every_s: float = 10.0, timer: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._timer = timer

    @contextlib.contextmanager
    def track(self, label: str, total: int) -> Iterator[Advance]:
        """Log progress while the context lasts."""
        begun = last = self._timer()
        done = 0

        def advance(steps: int) -> None:
            nonlocal done, last
            done += steps
            moment = self._timer()
            if moment - last >= self._every_s and 0 < done < total:
                last = moment
                log.info("%s: %d of %d%s", label, done, total, _time_left(moment - begun, done, total))
            check_stop()

        yield advance


def _time_left(spent_s: float, done: int, total: int) -> str:
    """An estimate in words, once it means something: the first steps pay for what is set up before them."""
    if done * _ESTIMATED_FROM < total:
        return ""
    left = spent_s / done * (total - done)
    return f", about {left:.0f} s left" if left < _IN_MINUTES_FROM_S else f", about {left / 60:.0f} min left"
