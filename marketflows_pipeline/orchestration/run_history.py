"""Dagster's record of runs in SQLite, written without waiting for the disk at every event.

Dagster opens and closes a database for each of a run's hundreds of events, and each time SQLite waits for the disk. A
run of 11 events waits 175 times (calls of fsync), with the databases kept open and a write-ahead log 21 times. A killed
process loses nothing; a power cut may lose the last events of a run's record, never a row of the warehouse.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from dagster import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

from marketflows_pipeline.options import DAGSTER_RECORD
from marketflows_pipeline.system.safe_files import PRIVATE_FILE, open_private, private_folder, set_mode

# The index, the run that goes on, and a few that somebody looks at.
_MOST_OPEN = 8
_BUSY_TIMEOUT_S = 30


class EventHistory(SqliteEventLogStorage):
    """The events of runs, a database each, and their index; the databases in use stay open."""

    def __init__(self, base_dir: str) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and touch the run's database: the UI watches that file, and not the log beside it."""
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    def dispose(self) -> None:
        """Close the databases."""
        super().dispose()
        while self._engines:
            self._engines.popitem()[1].dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

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
