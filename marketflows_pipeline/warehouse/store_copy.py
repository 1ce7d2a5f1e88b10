"""Copying what one store holds into the other: from the private file to the lake, or back.

Each table is one transaction of the target, and is compared there before it is committed. So a copy that is killed
leaves tables that are whole or empty, and the next one goes on with the rest. The source is attached to be read only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial

import duckdb
import polars as pl

from marketflows_pipeline.errors import UserInputError, WarehouseError
from marketflows_pipeline.progress import Reporter
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.system.safe_files import private_umask
from marketflows_pipeline.system.stopping import stopped_by
from marketflows_pipeline.warehouse import ddl, engine
from marketflows_pipeline.warehouse.call_journal import left_over
from marketflows_pipeline.warehouse.catalog import run_all
from marketflows_pipeline.warehouse.stored_tables import StoredTable, count_of, stored_tables
from marketflows_pipeline.warehouse.stores.lake import LakeStore
from marketflows_pipeline.warehouse.stores.seam import CATALOG, Store
from marketflows_pipeline.warehouse.stores.shared_catalog import CALLS, CALLS_OF_ALL_HOSTS, SharedCatalog
from marketflows_pipeline.warehouse.table_digest import Digest, digest_of

ORIGIN = "origin"
_JOURNAL = "journal"
_ROWS_AT_ONCE = 10_000
_MOST_NAMED = 3
_AGAIN = "the same command goes on with what is left"


@dataclass(frozen=True)
class Copied:
    """What the target of a copy holds.

    Attributes:
        tables: how many tables hold the rows of the source.
        rows: how many rows these are.
        earlier: how many of the tables that have any held them before.
    """

    tables: int
    rows: int
    earlier: int


@dataclass(frozen=True)
class _Sides:
    """Both stores, attached to one connection whose catalog is the target's.

    Attributes:
        source: attached as `ORIGIN`.
        target: attached as `CATALOG`.
        cursor: the connection.
        has_journal: whether calls are registered that a killed run had not come to store.
        guard: called before each commit; raises where nothing more may be written.
    """

    source: Store
    target: Store
    cursor: duckdb.DuckDBPyConnection
    has_journal: bool
    guard: Callable[[], None]

    @property
    def shared(self) -> SharedCatalog | None:
        """Where the calls of all hosts are stored, where the target has them so."""
        return self.target.shared if isinstance(self.target, LakeStore) else None

    def rows_of(self, table: StoredTable) -> str:
        """The relation to copy."""
        is_shared = str(table) == CALLS and isinstance(self.source, LakeStore) and self.source.shared is not None
        stored = CALLS_OF_ALL_HOSTS if is_shared else table.within(ORIGIN)
        if str(table) != CALLS or not self.has_journal:
            return stored
        columns = ddl.column_list(table.columns)
        newer = f"call_id in (select call_id from {_JOURNAL})"
        return f"(select {columns} from {stored} where not {newer} union all select {columns} from {_JOURNAL})"


def copy_store(
    source: Store,
    target: Store,
    *,
    replaces: bool,
    reporter: Reporter,
    guard: Callable[[], None] = lambda: None,
) -> Copied:
    """Copy every table of a store into another one, of which one is a lake; the run lock of both is held.

    Args:
        source: what is copied; it stays as it is.
        target: made where it is missing.
        replaces: whether rows of the target that are not the source's give way.
        reporter: told of the rows that are copied.
        guard: called before each commit; raises where nothing more may be written.

    Returns:
        What the target holds now.

    Raises:
        UserInputError: if there is no source, or the target holds other rows, which ``replaces`` would allow.
        WarehouseError: if a table could not be copied; those before it stay.
    """
    try:
        if not source.exists():
            raise UserInputError(f"there is nothing to copy: expected the tables of runs in {source}")
        with _attached(source, target, guard) as sides:
            return _copied(sides, replaces=replaces, reporter=reporter)
    finally:
        source.close()
        target.close()


@contextmanager
def _attached(source: Store, target: Store, guard: Callable[[], None]) -> Iterator[_Sides]:
    """Both stores, while hosts that would write into the source wait."""
    target.make_place()
    lake = next(store for store in (source, target) if isinstance(store, LakeStore))
    with private_umask(), source.writing(), closing(lake.connect()) as cursor, stopped_by(cursor.interrupt):
        try:
            source.attach_to_read(cursor, ORIGIN)
        except duckdb.Error as error:
            raise source.cannot_open(error) from error
        try:
            target.attach(cursor)
            cursor.execute(f"use {CATALOG}")
            with target.writing():
                cursor.begin()
                target.prepare(cursor)
                cursor.commit()
        except duckdb.Error as error:
            raise target.cannot_open(error) from error
        calls = [asdict(call) for call in left_over(source.path).values()]
        if calls:
            cursor.register(_JOURNAL, pl.DataFrame(calls, schema=TABLES[CALLS].polars_schema))
        yield _Sides(source, target, cursor, bool(calls), guard)


def _copied(sides: _Sides, *, replaces: bool, reporter: Reporter) -> Copied:
    cursor = sides.cursor
    wanted, there = stored_tables(cursor, ORIGIN), stored_tables(cursor, CATALOG)
    counts = {key: count_of(cursor, sides.rows_of(table)) for key, table in wanted.items()}
    filled = {key for key, table in there.items() if count_of(cursor, table.within(CATALOG))}
    done = {key for key, table in wanted.items() if key in there and _is_copied(sides, table, there[key])}
    if not replaces and (others := sorted(str(there[key]) for key in filled - done)):
        raise UserInputError(_refusal(sides, others))
    for key in sorted(filled - wanted.keys()):
        _in_turn(sides, there[key], partial(_empty, sides, there[key]))
    left = [table for key, table in wanted.items() if key not in done]
    with reporter.track("Copying rows", sum(counts[table.key] for table in left)) as advance:
        for table in left:
            _in_turn(sides, table, partial(_bring, sides, table, there.get(table.key), has_rows=table.key in filled))
            advance(counts[table.key])
    sides.target.checkpoint(cursor)
    return Copied(len(wanted), sum(counts.values()), sum(bool(counts[key]) for key in done))


def _is_copied(sides: _Sides, table: StoredTable, there: StoredTable) -> bool:
    """Whether the target holds a table's rows; they are read only where there are as many."""
    if table.columns != there.columns:
        return False
    wanted, stored = sides.rows_of(table), there.within(CATALOG)
    n_rows = count_of(sides.cursor, stored)
    if n_rows != count_of(sides.cursor, wanted):
        return False
    return not n_rows or _digest(sides, table, stored) == _digest(sides, table, wanted)


def _digest(sides: _Sides, table: StoredTable, relation: str) -> Digest:
    return digest_of(sides.cursor, relation, table.columns)


def _refusal(sides: _Sides, others: list[str]) -> str:
    named = ", ".join(others[:_MOST_NAMED])
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    return (
        f"{sides.target} holds other rows than {sides.source} in {named}{more}: expected none, or those of a copy that "
        "was ended; --replace puts the tables copied in their place"
    )


def _in_turn(sides: _Sides, table: StoredTable, write: Callable[[], None]) -> None:
    """Write a table as a transaction of its own, while no other host does."""

    def once() -> None:
        with sides.target.writing():
            sides.cursor.begin()
            try:
                write()
                sides.guard()
                sides.cursor.commit()
            except BaseException:
                # A commit that failed has ended the transaction.
                with suppress(duckdb.Error):
                    sides.cursor.rollback()
                raise

    try:
        sides.target.repeated(once)
    except duckdb.Error as error:
        raise WarehouseError(
            f"{table} could not be copied into {sides.target}: {engine.words_of(error)}; {_AGAIN}"
        ) from error


def _bring(sides: _Sides, table: StoredTable, there: StoredTable | None, *, has_rows: bool) -> None:
    """Make the target's table hold the rows of the source's, within a transaction; then compare."""
    wanted, columns = sides.rows_of(table), ddl.column_list(table.columns)
    if sides.shared and str(table) == CALLS:
        _bring_calls(sides, sides.shared, table, wanted)
    else:
        if there is None or there.columns != table.columns:
            schema = f"{ddl.identifier(CATALOG)}.{ddl.identifier(table.schema)}"
            run_all(sides.cursor, [f"create schema if not exists {schema}", table.create(CATALOG)])
            if entry := TABLES.get(str(table)):
                run_all(sides.cursor, ddl.comments(entry, table.columns))
        elif has_rows:
            sides.cursor.execute(f"delete from {table.within(CATALOG)}").fetchall()
        sides.cursor.execute(
            f"insert into {table.within(CATALOG)} ({columns}) select {columns} from {wanted}"
        ).fetchall()
    if _digest(sides, table, table.within(CATALOG)) != _digest(sides, table, wanted):
        raise WarehouseError(
            f"{table} is not the same in {sides.target} as in {sides.source} once it is copied; {_AGAIN}"
        )


def _bring_calls(sides: _Sides, shared: SharedCatalog, table: StoredTable, wanted: str) -> None:
    """Store the calls of all hosts, which are on record in Postgres; that is a transaction of its own."""
    entry = TABLES[CALLS]
    if entry.column_names != tuple(table.columns):
        raise WarehouseError(f"{CALLS} was stored by another version: run `marketflows` once before it is copied")
    values = ", ".join(f"cast({ddl.identifier(name)} as varchar)" for name in entry.column_names)
    answer = sides.cursor.execute(f"select {values} from {wanted}")
    shared.replace_calls(row for rows in iter(lambda: answer.fetchmany(_ROWS_AT_ONCE), []) for row in rows)


def _empty(sides: _Sides, table: StoredTable) -> None:
    """Take out the rows of a table that the source does not have."""
    if sides.shared and str(table) == CALLS:
        sides.shared.replace_calls(())
    else:
        sides.cursor.execute(f"delete from {table.within(CATALOG)}").fetchall()
