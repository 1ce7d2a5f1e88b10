"""Ending work early: what ends a long call into a library in C, and where work looks whether it was told to stop.

A signal's handler raises `Stopped`, but a library in whose code it does so may lose it or make a fault of its own of
it. So that the signal came is remembered, and long work looks between two of its steps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from marketflows_pipeline.errors import Stopped, links_of

_under_way: list[Callable[[], object]] = []
_told_to_stop = threading.Event()


@contextmanager
def stopped_by(stop: Callable[[], object]) -> Iterator[None]:
    """While the block lasts, `stop` is what ends it early.

    It is called from another thread, perhaps more than once, perhaps when nothing is under way.
    """
    _under_way.append(stop)
    try:
        yield
    finally:
        _under_way.remove(stop)


def stop_calls() -> None:
    """End every call that is under way, and let whoever looks know."""
    _told_to_stop.set()
    for stop in tuple(_under_way):
        # It may have ended by itself in between.
        with suppress(Exception):
            stop()


def forget_stop() -> None:
    """Whoever was told to stop has stopped."""
    _told_to_stop.clear()


def is_told_to_stop() -> bool:
    """Whether a signal has come."""
    return _told_to_stop.is_set()


def check_stop() -> None:
    """Between two steps of long work, never while something is put away.

    Raises:
        Stopped: if a signal has come.
    """
    if is_told_to_stop():
        raise Stopped


def is_stop(error: BaseException) -> bool:
    """Whether a signal is behind a fault: no error is one, but a library may have made one of it."""
    return is_told_to_stop() or any(not isinstance(link, Exception) for link in links_of(error))
