"""One run at a time, from wherever it is started: command line, Dagster or ``--refresh``.

The lock is the kernel's (flock), so it is free again the moment its holder dies, however it dies. The file's text
only says who holds it: pid, command and start, as JSON.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from marketflows_pipeline.clock import Clock, SystemClock
from marketflows_pipeline.errors import RunLockedError, UnsafeFileError
from marketflows_pipeline.system.safe_files import PRIVATE_FILE, make_way, open_private, private_folder, read_plain

logger = logging.getLogger(__name__)

# How long a second run waits for the first.
LOCK_WAIT_S = 60.0
POLL_S = 1.0


@dataclass(frozen=True)
class Holder:
    """The run that holds the lock.

    Attributes:
        pid: of its process.
        command: as it was typed.
        started_at: when it took the lock.
        host: where it runs; empty for this machine.
        parts: which it works on; empty for all of them.
    """

    pid: int
    command: str
    started_at: datetime
    host: str = ""
    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" on {self.host}" if self.host else ""
        return f"pid {self.pid}{where}, started {self.started_at:%Y-%m-%d %H:%M:%S} UTC: {self.command}"


class Lock(Protocol):
    """What keeps other runs out while one goes on."""

    def acquire(self, *, command: str, wait_s: float = LOCK_WAIT_S) -> contextlib.AbstractContextManager[None]:
        """Hold the lock for the block; those who wait are told the command.

        Raises:
            RunLockedError: if another run still holds it then; it names the run.
        """
        ...

    def check(self) -> None:
        """Make sure that the lock is still held, before something is written under it.

        Raises:
            LockLostError: if it is not.
        """
        ...

    def holders(self) -> list[Holder]:
        """The runs that hold the lock now, as far as they have said so: several where each locks parts of its own."""
        ...

    def is_held(self) -> bool:
        """Whether a run holds the lock now; nothing is waited for."""
        ...


def lock_path(private: Path) -> Path:
    """The lock file of a private file, beside it."""
    return private.with_suffix(".lock")


class RunLock:
    """The lock that makes a run the only one.

    It lies beside the private file. ``on_wait`` is told once that another run is waited for, and which; the log by
    default.
    """

    def __init__(self, path: Path, clock: Clock | None = None, on_wait: Callable[[str], None] = logger.info) -> None:
        self.path = path
        self._clock = clock or SystemClock()
        self._on_wait = on_wait

    @contextlib.contextmanager
    def acquire(self, *, command: str, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
        """Hold the lock for the block, as `Lock` says.

        Raises:
            RunLockedError: if another run still holds the lock then; it names pid, command and start.
            UnsafeFileError: if no lock file can be made there, or what is there is not this program's own.
        """
        # The private file is made later: a folder that is there may be anybody's.
        with _refusals(self.path):
            private_folder(self.path.parent, is_ours=False)
            make_way(self.path)
        lock = FileLock(self.path, mode=PRIVATE_FILE, thread_local=False)
        wait_for_others(lambda: _try(lock), self.holder, clock=self._clock, on_wait=self._on_wait, wait_s=wait_s)
        try:
            with _refusals(self.path):
                self._say({"pid": os.getpid(), "command": command, "started_at": self._clock.now().isoformat()})
            yield
        finally:
            try:
                # Whether or not it can be emptied, as on a disk that has failed, the lock is free.
                with contextlib.suppress(OSError):
                    self._say(None)
            finally:
                lock.release()

    def check(self) -> None:
        """A process that runs has not lost a lock of the kernel's."""

    def holder(self) -> Holder | None:
        """Who the lock file names; None between two runs or while a holder writes its name.

        A run that was killed leaves its name behind: this is the holder only where the lock is known to be held.
        """
        try:
            said = json.loads(read_plain(self.path))
            return Holder(said["pid"], said["command"], datetime.fromisoformat(said["started_at"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def holders(self) -> list[Holder]:
        """The run that holds the lock now, where it has said which it is."""
        holder = self.holder() if self.is_held() else None
        return [holder] if holder else []

    def is_held(self) -> bool:
        """Whether a run holds the lock now, whoever its file names; nothing is made or waited for."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            # Shared, and for a moment only: a run that begins in it tries again a second later.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            # A file system without locks holds no run back either.
            return False
        finally:
            os.close(descriptor)
        return False

    def _say(self, who: dict[str, object] | None) -> None:
        """Write into the very file that is locked, so that whoever waits for it reads it there."""
        with os.fdopen(open_private(self.path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(json.dumps(who).encode() if who else b"")


def wait_for_others(
    attempt: Callable[[], bool],
    holder: Callable[[], Holder | None],
    *,
    clock: Clock,
    on_wait: Callable[[str], None],
    wait_s: float,
) -> None:
    """Try until a lock is taken.

    Args:
        attempt: takes the lock; whether it could.
        holder: who holds it now, as far as it has said so.
        clock: waits.
        on_wait: told once that another run is waited for, and which.
        wait_s: how long.

    Raises:
        RunLockedError: if another run still holds it then.
    """
    waited = 0.0
    while not attempt():
        who = holder() or "another run, which has not said which"
        if waited >= wait_s:
            raise RunLockedError(
                f"another run is going on ({who}); waited {wait_s:g} s for it. Run again once it is done"
            )
        if waited == 0:
            on_wait(f"Waiting up to {wait_s:g} s for another run ({who})")
        pause = min(POLL_S, wait_s - waited)
        clock.sleep(pause)
        waited += pause


def _try(lock: FileLock) -> bool:
    try:
        with _refusals(lock.lock_file):
            lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


@contextlib.contextmanager
def _refusals(path: Path | str) -> Iterator[None]:
    try:
        yield
    except Timeout:
        # A lock that is held is no fault of the file, though it is an OSError too.
        raise
    except OSError as error:
        raise UnsafeFileError(f"{path} cannot be written as the lock of runs: {error.strerror}") from error
