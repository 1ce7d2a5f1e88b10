"""Locks over hosts: Postgres's advisory locks, free again the moment that their holder's connection ends."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from marketflows_pipeline.clock import Clock, SystemClock
from marketflows_pipeline.coordination.database import Database, rows_of
from marketflows_pipeline.errors import CoordinationError, LockLostError
from marketflows_pipeline.system.run_lock import LOCK_WAIT_S, Holder, wait_for_others

if TYPE_CHECKING:
    from marketflows_pipeline.coordination.database import Connection

logger = logging.getLogger(__name__)

# Postgres keeps this much of an application's name.
_MAX_APPLICATION_NAME = 63
_MAX_COMMAND = 1000
# A transaction of a store takes seconds; whoever waits this long for one waits for a process that hangs.
WRITE_WAIT_S = 600.0

_TRY = "select key from unnest(%s::bigint[]) as key where pg_try_advisory_lock(key)"
_FREE = "select pg_advisory_unlock(key) from unnest(%s::bigint[]) as key"
_SESSION = "select pg_backend_pid()"
# One lock's key stands in two columns, half in each.
_HELD = """
select (classid::bigint << 32) | objid::bigint as lock_key, pid as backend_pid from pg_locks
where locktype = 'advisory' and objsubid = 1 and granted
and database = (select oid from pg_database where datname = current_database())
"""
_HOLDERS = f"""
select known.part, known.pid, known.host, known.command, known.started_at
from ({_HELD}) as held left join lock_holders as known using (lock_key, backend_pid)
where lock_key = any(%s) order by known.started_at
"""
_NAME = """
insert into lock_holders (lock_key, store, part, backend_pid, host, pid, command, started_at)
values (%s, %s, %s, pg_backend_pid(), %s, %s, %s, now())
on conflict (lock_key) do update set store = excluded.store, part = excluded.part,
backend_pid = excluded.backend_pid, host = excluded.host, pid = excluded.pid, command = excluded.command,
started_at = excluded.started_at
"""
_FORGET = "delete from lock_holders where lock_key = any(%s) and backend_pid = pg_backend_pid()"


def lock_key(store: str, what: str) -> int:
    """The number of a lock: of one store, and of one part of it or its writing; within Postgres's bigint."""
    digest = hashlib.blake2b(f"{store}\0{what}".encode(), digest_size=8, person=b"marketflows-lock").digest()
    return int.from_bytes(digest, signed=True)


class PartLocks:
    """The locks of the parts that a run works on, held by a connection of their own.

    A run of other parts goes on beside it, on any host.

    Args:
        database: where all hosts lock.
        store: what tells the store from others whose locks are kept there.
        parts: which are locked, all of them or none.
        clock: waits.
        on_wait: told once that another run is waited for, and which.
    """

    def __init__(
        self,
        database: Database,
        store: str,
        parts: Sequence[str],
        clock: Clock | None = None,
        on_wait: Callable[[str], None] = logger.info,
    ) -> None:
        self._database = database
        self._store = store
        self._keys = {part: lock_key(store, part) for part in sorted(set(parts))}
        self._clock = clock or SystemClock()
        self._on_wait = on_wait
        self._connection: Connection | None = None
        self._backend = 0

    @contextlib.contextmanager
    def acquire(self, *, command: str, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
        """Hold the locks for the block; those who wait are told the command.

        Raises:
            RunLockedError: if another run still holds one of them then; it names host, pid, command and start.
            CoordinationError: if the database does not answer.
        """
        self._database.prepare()
        name = f"marketflows {' '.join(self._keys)}, pid {os.getpid()} on {socket.gethostname()}"
        connection = self._database.connect(name[:_MAX_APPLICATION_NAME])
        with contextlib.closing(connection):
            with self._database.translated():
                wait_for_others(
                    lambda: self._taken(connection),
                    lambda: self._holder(connection),
                    clock=self._clock,
                    on_wait=self._on_wait,
                    wait_s=wait_s,
                )
                self._backend = rows_of(connection, _SESSION)[0][0]
                for part, key in self._keys.items():
                    who = (socket.gethostname(), os.getpid(), command[:_MAX_COMMAND].replace("\0", ""))
                    rows_of(connection, _NAME, (key, self._store, part, *who))
            self._connection = connection
            try:
                yield
            finally:
                self._connection = None
                # Closing the connection frees the locks in any case; a name that stays without its lock is no holder.
                with contextlib.suppress(CoordinationError), self._database.translated():
                    rows_of(connection, _FORGET, (list(self._keys.values()),))

    def check(self) -> None:
        """Make sure that the locks are still held, before something is written under them.

        Raises:
            LockLostError: if the connection that holds them has ended; another run may have begun.
        """
        if self._connection is None:
            return
        try:
            with self._database.translated():
                backend = rows_of(self._connection, _SESSION)[0][0]
        except CoordinationError as error:
            raise LockLostError(f"{self._lost}: {error}") from error
        if backend != self._backend:
            raise LockLostError(
                f"{self._lost}: the connection was handed to another session; [execution] database has to name the "
                "server itself, or a pool that keeps sessions"
            )

    def holders(self) -> list[Holder]:
        """The runs that hold these locks now, those that have said who they are; the first that began comes first."""
        return self._holders_of(self._held())

    def _holders_of(self, rows: list[tuple[Any, ...]]) -> list[Holder]:
        found: dict[tuple[int, str, str, datetime], list[str]] = {}
        for part, pid, host, command, started_at in rows:
            if part is None:
                # It has not come to say who it is.
                continue
            found.setdefault((pid, host, command, started_at), []).append(part)
        return [
            Holder(pid, command, started_at, host=host, parts=tuple(sorted(parts)))
            for (pid, host, command, started_at), parts in found.items()
        ]

    def is_held(self) -> bool:
        """Whether a run holds one of the locks now."""
        return bool(self._held())

    @property
    def _lost(self) -> str:
        return f"the lock of {', '.join(self._keys)} was lost while the run went on, so it stops before it writes more"

    def _held(self) -> list[tuple[Any, ...]]:
        with contextlib.closing(self._database.connect("marketflows locks")) as connection:
            if rows_of(connection, "select to_regclass('lock_holders')") == [(None,)]:
                return []
            return rows_of(connection, _HOLDERS, (list(self._keys.values()),))

    def _taken(self, connection: Connection) -> bool:
        """Whether all of the locks could be taken now; otherwise none is."""
        keys = list(self._keys.values())
        taken = [key for (key,) in rows_of(connection, _TRY, (keys,))]
        if len(taken) < len(keys):
            # What is held while waiting keeps out runs that could go on.
            rows_of(connection, _FREE, (taken,))
        return len(taken) == len(keys)

    def _holder(self, connection: Connection) -> Holder | None:
        holders = self._holders_of(rows_of(connection, _HOLDERS, (list(self._keys.values()),)))
        return holders[0] if holders else None


class StoreWriteLock:
    """The lock under which one process of all hosts writes into a store: taken for each transaction, for seconds.

    It has a connection of its own, which is kept from one transaction to the next. Threads take turns.

    Args:
        database: where all hosts lock.
        store: what tells the store from others whose locks are kept there.
    """

    def __init__(self, database: Database, store: str) -> None:
        self._database = database
        self._key = lock_key(store, "write")
        self._turn = threading.Lock()
        self._connection: Connection | None = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def held(self, wait_s: float = WRITE_WAIT_S) -> Iterator[None]:
        """Hold the lock for the block, which is one transaction.

        Raises:
            CoordinationError: if another process holds it for longer than ``wait_s``, or the database does not answer.
        """
        with self._turn:
            connection = self._locked(wait_s)
            try:
                yield
            finally:
                try:
                    with self._database.translated():
                        rows_of(connection, "select pg_advisory_unlock(%s)", (self._key,))
                except CoordinationError:
                    # A session that has ended holds nothing; what was committed in the block stays.
                    self.close()

    def _locked(self, wait_s: float) -> Connection:
        for is_last in (False, True):
            if self._connection is None:
                name = f"marketflows store, pid {os.getpid()} on {socket.gethostname()}"
                self._connection = self._database.connect(name[:_MAX_APPLICATION_NAME])
            try:
                with self._database.translated():
                    rows_of(self._connection, "select set_config('lock_timeout', %s, false)", (f"{wait_s:g}s",))
                    rows_of(self._connection, "select pg_advisory_lock(%s)", (self._key,))
                return self._connection
            except CoordinationError:
                # The connection may have ended since the transaction before.
                had_ended = self._connection.closed
                self.close()
                if is_last or not had_ended:
                    raise
        raise AssertionError("the loop returns or raises")
