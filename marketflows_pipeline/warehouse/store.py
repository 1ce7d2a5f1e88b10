"""The private file: where a run reads and writes its tables.

A run holds one read-write connection to an in-memory database, to which the store is attached as a catalog; so ATTACH
alone says what the store is. Each call reads a cursor of its own to the end: DuckDB 2 refuses other work before that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES, Table
from marketflows_pipeline.system.safe_files import private_umask
from marketflows_pipeline.warehouse import ddl, engine, private_file
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.call_journal import CallJournal
from marketflows_pipeline.warehouse.catalog import (
    differences,
    insert,
    make_accepted,
    make_views,
    prepare_history,
    whole_tables,
    write_blocks,
)
from marketflows_pipeline.warehouse.cursors import Cursors
from marketflows_pipeline.warehouse.known_columns import KnownColumns, StoredColumns
from marketflows_pipeline.warehouse.merging import MergeResult, merge_rows
from marketflows_pipeline.warehouse.revisions import Provenance
from marketflows_pipeline.warehouse.rows import frame_of, registered, registered_table, rows_of
from marketflows_pipeline.warehouse.validate import check_frame, checked_blocks

STORAGE_VERSION = "v1.2.0"
CATALOG = "marketflows"


class Warehouse:
    """The private file of the pipeline, open for reading and writing.

    The pipeline is its only opener, one run at a time (`run_lock`). Calls may come from several threads.

    Args:
        target: the file, made where it is missing.
        create: whether a missing file is made.

    Raises:
        WarehouseError: if the file is missing and not to be made, is held by another process, or is no DuckDB file.
        UnsafeFileError: if it is a link, or its log or spill folder are not this program's own.
    """

    def __init__(self, target: str | Path, *, create: bool = True) -> None:
        self.path = Path(target)
        if not create and not self.path.exists():
            raise WarehouseError(f"there is no warehouse at {self.path} yet; run `marketflows` first")
        private_file.make_place(self.path)
        self._writing = threading.RLock()
        self._joined: tuple[int, duckdb.DuckDBPyConnection] | None = None
        self._columns = KnownColumns()
        self._calls: CallJournal | None = None
        self._open = ExitStack()
        # DuckDB makes its files, log and spill among them, with the mode that the umask gives, whenever it needs them.
        self._open.enter_context(private_umask())
        opened = engine.connect(private_file.spill_folder(self.path), memory=engine.OF_A_RUN)
        self._connection = self._open.enter_context(opened)
        self._cursors = Cursors(self._connection, self.path, CATALOG)
        try:
            engine.attach(self._connection, self.path, CATALOG, f"storage_version {ddl.literal(STORAGE_VERSION)}")
            engine.shut(self._connection)
            self._calls = CallJournal(self.path)
            with self.transaction() as cursor:
                prepare_history(cursor)
                make_views(cursor)
                make_accepted(cursor)
        except duckdb.Error as error:
            self.close()
            raise private_file.cannot_open(self.path, error) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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

    @property
    def calls(self) -> CallJournal:
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
        """Rows of a registered table or view.

        Args:
            table: ``schema.table``.
            columns: the columns wanted, in this order; all by default.
            where: an SQL condition with ``?`` for each parameter.
            params: its parameters.

        Returns:
            A frame typed as the registry says. A table that was never written is an empty frame where it may be empty.

        Raises:
            WarehouseError: if the table is not registered, was never written though it may not be empty, or is
                stored with other columns than the registry's.
        """
        return self._read(registered(table), table, columns, where, params)

    def accepted(
        self, table: str, *, columns: Sequence[str] | None = None, where: str = "", params: Sequence[Any] = ()
    ) -> pl.DataFrame:
        """Rows of a raw table that are not quarantined, or of any other table all; otherwise as `read`.

        In SQL the same rows are ``accepted.market_caps`` instead of ``raw.market_caps``.
        """
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
            names = [name for name, entry in TABLES.items() if name in stored and entry.view_sql is None]
            each = [f"select {ddl.literal(name)}, count(*) from {ddl.qualified(name)}" for name in names]
            return dict(cursor.execute(" union all ".join(each)).fetchall())

    def replace(self, table: str, frame: pl.DataFrame) -> int:
        """Store a frame as the whole table; see `replace_in_blocks`."""
        return self.replace_in_blocks(table, [frame])

    def replace_in_blocks(self, table: str, blocks: Iterable[pl.DataFrame]) -> int:
        """Store frames as the whole table, one after the other; how many rows that is.

        Raises:
            WarehouseError: if one is no frame of the registry's, or starts before another's end, or no row is there
                where the table may not be empty; what was stored stays.
        """
        entry = registered_table(table)
        with self.transaction() as cursor:
            stored = self._stored(cursor).get(table)
            if stored is None or differences(entry, stored):
                self._columns.change()
            n_rows = write_blocks(cursor, entry, checked_blocks(entry, blocks))
            if stored is None:
                make_views(cursor, over=table)
            return n_rows

    def append(self, table: str, frame: pl.DataFrame) -> int:
        """Add a frame's rows; how many they are. A `WarehouseError` if the frame is not what the registry says."""
        rows = check_frame(entry := registered_table(table), frame)
        with self.transaction() as cursor:
            insert(cursor, entry, rows)
        return rows.height

    def merge(
        self, table: str, frame: pl.DataFrame, *, revise: bool = True, provenance: Provenance | None = None
    ) -> MergeResult:
        """Add a frame's rows by key; a stored row gives way to a later answer; none is ever removed.

        A row counts as revised if it differs in the registry's ``revised_by`` columns (any column where none are
        named); otherwise the stored row stays as it is. Only stored rows between the frame's oldest and newest key
        time are looked at.

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
        with self.transaction() as cursor:
            return merge_rows(cursor, entry, rows, revise=revise, provenance=provenance)

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Run one statement as a transaction of its own; for this package's bookkeeping only."""
        with self.transaction(alters=True) as cursor:
            cursor.execute(sql, list(params)).fetchall()

    def ensure_views(self) -> None:
        """Make every registered view whose tables are all stored."""
        with self.transaction(alters=True) as cursor:
            make_views(cursor)

    def checkpoint(self) -> None:
        """Move everything committed into the file itself, so that the file alone is complete."""
        self._store_calls()
        with self._writing, self._cursor() as cursor:
            cursor.execute(f"checkpoint {CATALOG}").fetchall()

    @contextmanager
    def transaction(self, *, alters: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """What this thread writes and reads in the block is one transaction: stored as a whole or not at all.

        A transaction inside another is part of it. The cursor is for this package only; ``alters`` says that it is
        used to make or drop tables or views.
        """
        with self._writing, self._cursor() as cursor:
            if alters:
                self._columns.change()
            if self._joined is not None:
                yield cursor
                return
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

    @contextmanager
    def single_threaded(self) -> Iterator[None]:
        """Use one thread while the block lasts: for many small writes, which cost more to hand out than to do."""
        self._connection.execute("set global threads = 1").fetchall()
        try:
            yield
        finally:
            self._connection.execute("reset global threads").fetchall()

    @contextmanager
    def frozen_for_copy(self) -> Iterator[Path]:
        """Checkpoint, and hold back writes while the block reads the file from outside this process."""
        with self._writing:
            self.checkpoint()
            yield self.path

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if self._joined is not None and self._joined[0] == threading.get_ident():
            yield self._joined[1]
            return
        with self._cursors.lent() as cursor:
            yield cursor

    def _stored(self, cursor: duckdb.DuckDBPyConnection) -> StoredColumns:
        is_own = self._joined is not None and self._joined[0] == threading.get_ident()
        return self._columns.of(cursor, is_changing=is_own)
