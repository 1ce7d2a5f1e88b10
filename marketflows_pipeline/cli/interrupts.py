"""Being told to stop: Ctrl-C, `kill`, a closed terminal.

What belongs here: which signal came, and what is said then. What does not: what has to be put in order; that is done on
the way out, as after any fault.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from marketflows_pipeline.errors import Stopped

INTERRUPTED = "interrupted"
RUN_INTERRUPTED = "interrupted; what was fetched is kept"

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(BaseException):
    """A signal ended the work; not an `Exception`, so that nobody takes it for a fault that may pass.

    Attributes:
        exit_code: 128 and the signal's number, as shells say it: 130 for Ctrl-C, 143 for `kill`.
    """

    def __init__(self, words: str, signal_number: int) -> None:
        super().__init__(words)
        self.exit_code = 128 + signal_number


@contextmanager
def interruptible(words: str) -> Iterator[None]:
    """Turn whatever a signal does to the block into one fault that says which it was.

    Dagster puts handlers of its own in place, which don't tell the signals apart, and DuckDB makes a fault of its own
    of whatever a handler raises. So the interpreter writes each signal into a pipe, which is read at the end.

    Args:
        words: what to tell the user.

    Raises:
        Interrupted: if a signal came, however the block ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    earlier_writer = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    # What is ignored stays so: under nohup a closed terminal ends nothing.
    earlier = {number: signal.getsignal(number) for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    for number in earlier:
        signal.signal(number, _stop)
    try:
        try:
            yield
        except Interrupted:
            raise
        except BaseException as fault:
            if came := _first_signal(reader):
                raise Interrupted(words, came) from fault
            raise
        if came := _first_signal(reader):
            raise Interrupted(words, came)
    finally:
        signal.set_wakeup_fd(earlier_writer)
        for number, handler in earlier.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _first_signal(reader: int) -> int:
    """The first signal that is one of ours; 0 where none came."""
    try:
        came = os.read(reader, 4096)
    except BlockingIOError:
        return 0
    return next((number for number in came if number in _SIGNALS), 0)
