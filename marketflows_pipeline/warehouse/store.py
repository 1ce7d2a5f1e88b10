"""The warehouse: where a run reads and writes its tables.

Each call takes a cursor of its own and reads it to the end: from DuckDB 2 on an open result keeps its connection busy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Self

import duckdb
import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES, Table
from marketflows_pipeline.system.safe_files import private_umask
from marketflows_pipeline.warehouse import engine
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.catalog import (
    count_rows,
    differences,
    insert,
    make_views,
    whole_tables,
    write_table,
)
from marketflows_pipeline.warehouse.cursors import Cursors
from marketflows_pipeline.warehouse.known_columns import KnownColumns, StoredColumns
from marketflows_pipeline.warehouse.merging import MergeResult, merge_rows
from marketflows_pipeline.warehouse.revisions import Provenance
from marketflows_pipeline.warehouse.rows import frame_of, registered, registered_table, rows_of
from marketflows_pipeline.warehouse.stores.file import FileStore
from marketflows_pipeline.warehouse.stores.seam import CATALOG, Calls, Result, Store
from marketflows_pipeline.warehouse.validate import begun, check_frame, checked_blocks


class Warehouse:
    """The store of the pipeline, open for reading and writing.

    A file has one opener, one run at a time (`run_lock`). Calls may come from several threads.

    Args:
        target: the private file, or another store; made where it is missing.
        create: whether a missing store is made.

    Raises:
        WarehouseError: if it is missing and not to be made, is held by another process, or is no DuckDB file.
        UnsafeFileError: if it is a link, or its log or spill folder are another's.
    """

    def __init__(self, target: str | Path | Store, *, create: bool = True) -> None:
        self.store: Store = FileStore(Path(target)) if isinstance(target, str | Path) else target
        self.path = self.store.path
        if not create and not self.store.exists():
            raise WarehouseError(f"there is no warehouse at {self.store} yet; run `marketflows` first")
        self.store.make_place()
        self._writing = threading.RLock()
        self._joined: tuple[int, duckdb.DuckDBPyConnection] | None = None
        self._columns = KnownColumns()
        self._calls: Calls | None = None
        self._open = ExitStack()
        # DuckDB makes its files, log and spill among them, with the mode that the umask gives, whenever it needs them.
        self._open.enter_context(private_umask())
        self._open.callback(self.store.close)
        self._connection = self._open.enter_context(self.store.connect())
        self._cursors = Cursors(self._connection, str(self.store), CATALOG)
        try:
            self.store.attach(self._connection)
            self._calls = self.store.calls()
            with self.transaction() as cursor:
                self.store.prepare(cursor)
        except duckdb.Error as error:
            self.close()
            raise self.store.cannot_open(error) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; an open transaction is rolled back."""
        if self._calls is not None:
            with suppress(WarehouseError, duckdb.Error):
                # What cannot be stored any more stays in the journal, for the next opener.
                self._store_calls()
            self._calls.close()
            self._calls = None
        self._cursors.close()
        self._open.close()

    def check_lock(self) -> None:
        """Raise a `LockLostError` if the run's lock is lost; the kernel's never is (`guarded.py` has another)."""

    @property
    def calls(self) -> Calls:
        """The attempts at requests that the next transaction stores; whoever reads them here finds them stored."""
        assert self._calls is not None, "the warehouse is open"
        return self._calls

    def tables(self) -> set[str]:
        """``schema.table`` of every table and view that is stored, registered or not."""
        with self._cursor() as cursor:
            return set(self._stored(cursor))

    def current_tables(self) -> set[str]:
        """``schema.table`` of every registered table that is stored with the registry's columns."""
        with self._cursor() as cursor:
            return whole_tables(cursor)

    def read(
        self, table: str, *, columns: Sequence[str] | None = None, where: str = "", params: Sequence[Any] = ()
    ) -> pl.DataFrame:
        """Rows of a registered table or view, typed as its entry says; none of one that was never written.

        Args:
            table: ``schema.table``.
            columns: the columns wanted, in this order; all by default.
            where: an SQL condition with ``?`` for each parameter.
            params: its parameters.

        Raises:
            WarehouseError: if the table is not registered, was never written though it may not be empty, or is
                stored with other columns than the registry's.
        """
        return self._read(registered(table), table, columns, where, params)

    def accepted(
        self, table: str, *, columns: Sequence[str] | None = None, where: str = "", params: Sequence[Any] = ()
    ) -> pl.DataFrame:
        """Rows of a raw table that are not quarantined (in SQL ``accepted.*``), of any other all; see `read`."""
        return self._read(registered(table), accepted_name(table), columns, where, params)

    def _read(
        self, entry: Table, relation: str, columns: Sequence[str] | None, where: str, params: Sequence[Any]
    ) -> pl.DataFrame:
        self._store_calls()
        with self._cursor() as cursor:
            stored = self._stored(cursor).get(entry.name)
            return rows_of(cursor, entry, stored, relation, columns=columns, where=where, params=params)

    def query(self, sql: str, params: Sequence[Any] = ()) -> pl.DataFrame:
        """The answer to any select, times in UTC; a `WarehouseError` if DuckDB refuses it."""
        self._store_calls()
        with self._cursor() as cursor:
            return frame_of(cursor, sql, params)

    def _store_calls(self) -> None:
        """Store the attempts that are only in the journal, unless this thread's transaction is going to."""
        if self._joined is None and not self.calls.is_empty:
            with self.transaction():
                pass

    def row_counts(self) -> dict[str, int]:
        """Rows of each registered table that is stored, views left out."""
        with self._cursor() as cursor:
            stored = self._stored(cursor)
            return count_rows(cursor, [name for name, entry in TABLES.items() if name in stored and not entry.view_sql])

    def replace(self, table: str, frame: pl.DataFrame) -> int:
        """Store a frame as the whole table; how many rows that is.

        Raises:
            WarehouseError: if the frame is not what the registry says, or empty where it may not be; nothing changes.
        """
        entry = registered_table(table)
        rows = list(checked_blocks(entry, [frame]))
        return self._write(lambda cursor: self._replace(cursor, entry, rows))

    def replace_in_blocks(self, table: str, blocks: Iterable[pl.DataFrame]) -> int:
        """Store frames as the whole table, one after the other; how many rows that is.

        Raises:
            WarehouseError: if one is no frame of the registry's, or starts before another's end, or no row is there
                where the table may not be empty; what was stored stays.
        """
        entry = registered_table(table)
        checked = begun(checked_blocks(entry, blocks))
        with self.transaction() as cursor:
            return self._replace(cursor, entry, checked)

    def _replace(self, cursor: duckdb.DuckDBPyConnection, entry: Table, blocks: Iterable[pl.DataFrame]) -> int:
        stored = self._stored(cursor).get(entry.name)
        if is_other := stored is None or bool(differences(entry, stored)):
            self._columns.change()
        n_rows = write_table(cursor, entry, blocks, anew=is_other or self.store.dialect.replaces_tables)
        if stored is None:
            make_views(cursor, self.store.dialect, over=entry.name)
        return n_rows

    def append(self, table: str, frame: pl.DataFrame) -> int:
        """Add a frame's rows; how many they are. A `WarehouseError` if the frame is not what the registry says."""
        entry = registered_table(table)
        rows = check_frame(entry, frame)
        self._write(lambda cursor: insert(cursor, entry, rows))
        return rows.height

    def merge(
        self, table: str, frame: pl.DataFrame, *, revise: bool = True, provenance: Provenance | None = None
    ) -> MergeResult:
        """Add a frame's rows by key; a stored row gives way to a later answer; none is ever removed.

        A row counts as revised if it differs in the registry's ``revised_by`` columns (any where none are named). Only
        stored rows between the frame's oldest and newest key time are looked at.

        Args:
            table: ``schema.table``.
            frame: the rows; keys at most once.
            revise: False keeps each stored row.
            provenance: which answer the rows are from; figures of closed periods that it overwrites then go to
                ``meta.revisions``, in the same transaction.

        Raises:
            WarehouseError: if the frame is not what the registry says; nothing is written.
        """
        entry = registered_table(table)
        rows = check_frame(entry, frame)
        by = self.store.dialect
        return self._write(lambda each: merge_rows(each, entry, rows, by, revise=revise, provenance=provenance))

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Run one statement as a transaction of its own; for this package's bookkeeping only."""
        self._write(lambda cursor: cursor.execute(sql, list(params)).fetchall(), alters=True)

    def ensure_views(self) -> None:
        """Make every registered view whose tables are all stored."""
        self._write(lambda cursor: make_views(cursor, self.store.dialect), alters=True)

    def checkpoint(self) -> None:
        """Move everything committed into the file itself, so that the file alone is complete."""
        self._store_calls()
        with self._writing, self._cursor() as cursor:
            self.store.checkpoint(cursor)

    def _write(self, work: Callable[[duckdb.DuckDBPyConnection], Result], *, alters: bool = False) -> Result:
        """Do some work as a transaction, or as part of the one that this thread is in, which is then not repeated."""

        def once() -> Result:
            with self.transaction(alters=alters) as cursor:
                return work(cursor)

        return once() if self._own_cursor else self.store.repeated(once)

    @contextmanager
    def transaction(self, *, alters: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """What this thread writes and reads in the block is one transaction: stored as a whole or not at all.

        One inside another is part of it. The cursor is for this package only; ``alters``: to make or drop tables.
        """
        with self._writing, self._cursor() as cursor:
            if alters:
                self._columns.change()
            if self._joined is not None:
                yield cursor
                return
            with self.store.writing():
                cursor.begin()
                self._joined = (threading.get_ident(), cursor)
                try:
                    yield cursor
                    calls = self.calls.write_into(cursor)
                    self._joined = None
                    cursor.commit()
                    self.calls.settle(calls)
                finally:
                    self._joined = None
                    self._columns.settle()

    def single_threaded(self) -> AbstractContextManager[None]:
        """Use one thread while the block lasts: for many small writes, which cost more to hand out than to do."""
        return engine.single_threaded(self._connection)

    @contextmanager
    def held_back(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold back writes, of other hosts too; the cursor is for this package only."""
        self._store_calls()
        with self._writing, self.store.writing(), self._cursor() as cursor:
            yield cursor

    def _cursor(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return self._cursors.lent() if (own := self._own_cursor) is None else nullcontext(own)

    @property
    def _own_cursor(self) -> duckdb.DuckDBPyConnection | None:
        """That of the transaction which this thread is in."""
        joined = self._joined
        return joined[1] if joined is not None and joined[0] == threading.get_ident() else None

    def _stored(self, cursor: duckdb.DuckDBPyConnection) -> StoredColumns:
        return self._columns.of(cursor, is_changing=self._own_cursor is not None)
