"""What ends a long call into a library in C, which sees a signal only once it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_under_way: list[Callable[[], object]] = []


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
    """End every call that is under way."""
    for stop in tuple(_under_way):
        # It may have ended by itself in between.
        with suppress(Exception):
            stop()
