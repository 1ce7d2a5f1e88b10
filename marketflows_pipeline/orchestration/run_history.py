"""Dagster's record of runs in SQLite, written without waiting for the disk at every event.

Dagster opens and closes a database for each of a run's hundreds of events, and each time SQLite waits for the disk. A
run of 11 events waits 175 times (calls of fsync), with the databases kept open and a write-ahead log 21 times. A killed
process loses nothing; a power cut may lose the last events of a run's record, never a row of the warehouse.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from dagster import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, Transaction, create_engine, event

from marketflows_pipeline.options import DAGSTER_RECORD
from marketflows_pipeline.system.safe_files import PRIVATE_FILE, open_private, private_folder, set_mode

# The index, the run that goes on, and a few that somebody looks at.
_MOST_OPEN = 8
_BUSY_TIMEOUT_S = 30


@dataclass
class _Open:
    """The databases that one block uses, in the order of their first use, and what closes them."""

    stack: ExitStack
    connections: dict[str, Connection] = field(default_factory=dict)
    transactions: list[Transaction] = field(default_factory=list)


class EventHistory(SqliteEventLogStorage):
    """The events of runs, a database each, and their index; the databases in use stay open."""

    def __init__(self, base_dir: str) -> None:
        self._engines: dict[str, Engine] = {}
        self._open: _Open | None = None
        self._found: set[tuple[str, str]] = set()
        super().__init__(base_dir)
        # A block of store_event uses a database that the same thread has in use already.
        self._db_lock = threading.RLock()  # type: ignore[assignment] # Dagster's is a plain lock

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and touch the run's database: the UI watches that file, and not the log beside it."""
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run in one transaction of each database that they are written to."""
        with self._one_transaction():
            for each in events:
                super().store_event(each)
        for run_id in {each.run_id for each in events}:
            os.utime(self.path_for_shard(run_id))

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table, which is looked up until it has: none is ever dropped."""
        return self._is_there("table", table_name, lambda: super(EventHistory, self).has_table(table_name))

    def has_asset_key_col(self, column_name: str) -> bool:
        """Whether the index has a column of tables' records, likewise."""
        return self._is_there("column", column_name, lambda: super(EventHistory, self).has_asset_key_col(column_name))

    def has_secondary_index(self, name: str) -> bool:
        """Whether a migration of the index is complete, likewise."""
        return self._is_there("migration", name, lambda: super(EventHistory, self).has_secondary_index(name))

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        is_there = super()._has_asset_key_col_on_connection
        return self._is_there("column", column_name, lambda: is_there(conn, column_name))

    def _is_there(self, kind: str, name: str, look_up: Callable[[], bool]) -> bool:
        if (kind, name) not in self._found and look_up():
            self._found.add((kind, name))
        return (kind, name) in self._found

    def dispose(self) -> None:
        """Close the databases."""
        super().dispose()
        while self._engines:
            self._engines.popitem()[1].dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if self._open is not None:
                yield self._joined(shard, self._open)
                return
            with self._engine(shard).begin() as connection:
                yield connection

    @contextmanager
    def _one_transaction(self) -> Iterator[None]:
        """One transaction of each database that the block uses; that of a run is stored before the index."""
        with self._db_lock, ExitStack() as stack:
            self._open = _Open(stack)
            try:
                yield
                for transaction in self._open.transactions:
                    transaction.commit()
            finally:
                # What was not committed is rolled back when its connection is closed.
                self._open = None

    def _joined(self, shard: str, block: _Open) -> Connection:
        if shard not in block.connections:
            block.connections[shard] = block.stack.enter_context(self._engine(shard).connect())
            block.transactions.append(block.connections[shard].begin())
        return block.connections[shard]

    def _engine(self, shard: str) -> Engine:
        """The shard's engine, the latest used last; a file that was deleted since is made anew."""
        engine = self._engines.pop(shard, None)
        if engine is not None and not Path(self.path_for_shard(shard)).exists():
            engine.dispose()
            self._initialized_dbs.discard(shard)
            engine = None
        if engine is None:
            while len(self._engines) >= _MOST_OPEN:
                self._engines.pop(next(iter(self._engines))).dispose()
            engine = create_engine(self.conn_string_for_shard(shard), connect_args={"timeout": _BUSY_TIMEOUT_S})
            event.listen(engine, "connect", _relax)
        if shard not in self._initialized_dbs:
            _make_private(Path(self.path_for_shard(shard)))
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        self._engines[shard] = engine
        return engine


class RunHistory(DagsterSqliteStorage):
    """Dagster's own SQLite storage, with events that are stored faster."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # What a run is going to do is some hundred events, which come at once.
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
        folder = Path(base_dir)
        _close_to_others(folder)
        super().__init__(base_dir, inst_data)
        for database in folder.rglob("*.db"):
            set_mode(database, PRIVATE_FILE)
        self._event_log_storage = EventHistory(self._event_log_storage._base_dir)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Made from dagster.yaml."""
        return cls.from_local(inst_data=inst_data, **config_value)


def _make_private(database: Path) -> None:
    """Let SQLite find its file made for the user alone; it gives the log beside it the same mode."""
    if database.exists():
        # Not opened: to close it again would take other connections of this process their locks.
        set_mode(database, PRIVATE_FILE)
    else:
        os.close(open_private(database, os.O_WRONLY))


def _close_to_others(folder: Path) -> None:
    """Make the record for its user alone: it holds settings, logs and what runs printed.

    Databases, logs and artifacts that Dagster makes with the mode of the umask lie side by side in ``.dagster``.
    """
    for each in folder.parents:
        if each.name == DAGSTER_RECORD.name:
            private_folder(each)
    private_folder(folder)


def _relax(connection: sqlite3.Connection, _record: object) -> None:
    """Write ahead and leave it to the system when that reaches the disk; the database stays whole in any case."""
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
