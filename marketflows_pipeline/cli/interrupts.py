"""Being told to stop: Ctrl-C, `kill`, a closed terminal."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from marketflows_pipeline.errors import Stopped
from marketflows_pipeline.system.stopping import forget_stop, stop_calls

INTERRUPTED = "interrupted"
RUN_INTERRUPTED = "interrupted; what was fetched is kept"

_NO_SIGNAL = 0
# A call may begin just after the first attempt to end it.
_AGAIN_S = 0.1
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
    of whatever a handler raises, or sees no signal at all while a query keeps the main thread busy. So the interpreter
    writes each signal into a pipe; a thread reads it, remembers the signal, and ends such calls until the block ends.

    Args:
        words: what to tell the user.

    Raises:
        Interrupted: if a signal came, however the block ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch()
    earlier_writer = signal.set_wakeup_fd(watch.writer, warn_on_full_buffer=False)
    # What is ignored stays so: under nohup a closed terminal ends nothing.
    earlier = {number: signal.getsignal(number) for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    for number in earlier:
        signal.signal(number, _stop)
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:  # noqa: BLE001 - raised again below
        error = raised
    finally:
        signal.set_wakeup_fd(earlier_writer)
        for number, handler in earlier.items():
            signal.signal(number, handler)
        came = watch.end()
    if came and not isinstance(error, Interrupted):
        raise Interrupted(words, came) from error
    if error is not None:
        raise error


class _Watch:
    """A thread that reads the pipe into which the interpreter writes signals.

    Attributes:
        writer: the end to write into.
    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self._came = 0
        self._thread = threading.Thread(target=self._read, name="signals", daemon=True)
        self._thread.start()

    def end(self) -> int:
        """Stop watching; the first signal that came and is one of ours, 0 where none did."""
        os.write(self.writer, bytes([_NO_SIGNAL]))
        self._thread.join()
        for end in (self._reader, self.writer):
            os.close(end)
        forget_stop()
        return self._came

    def _read(self) -> None:
        while True:
            is_ready, _, _ = select.select([self._reader], [], [], _AGAIN_S if self._came else None)
            if is_ready:
                number = os.read(self._reader, 1)[0]
                if number == _NO_SIGNAL:
                    return
                if number in _SIGNALS and not self._came:
                    self._came = number
            if self._came:
                stop_calls()


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped
