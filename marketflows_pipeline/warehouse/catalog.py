"""What a DuckDB catalog holds, and how it is brought up to the registry.

Every function works in the cursor's current catalog.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES, Table
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.row_keys import QUARANTINE, accepted_view
from marketflows_pipeline.warehouse.stores.dialect import DUCKDB, Dialect

if TYPE_CHECKING:
    import pyarrow as pa


# Read by one thread, so that it would slow down smaller ones.
_STREAMED_FROM = 1_000_000


def run_all(cursor: duckdb.DuckDBPyConnection, statements: Iterable[str]) -> None:
    """Run statements without a result, all in one call: each on its own takes twice as long."""
    cursor.execute(";".join(statements))


def stored_columns(cursor: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """``schema.table`` of each table and view to its columns, name to DuckDB type."""
    rows = cursor.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() and not internal order by 1, column_index"
    ).fetchall()
    stored: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        stored.setdefault(table, {})[column] = "TIMESTAMPTZ" if kind == "TIMESTAMP WITH TIME ZONE" else kind
    return stored


def differences(table: Table, stored: dict[str, str]) -> list[str]:
    """What keeps a stored table from being the registered one, in words; empty where nothing does.

    ``stored`` has its columns in the file, name to DuckDB type.
    """
    registered = {column.name: column.dtype.value for column in table.columns}
    faults = [f"{name} is stored and no longer registered" for name in stored if name not in registered]
    faults += [f"{name} is registered and not stored" for name in registered if name not in stored]
    faults += [
        f"{name} is stored as {stored[name]} and registered as {kind}"
        for name, kind in registered.items()
        if name in stored and stored[name] != kind
    ]
    return faults


def prepare_history(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make every registered table that is merged into or appended to, and bring older ones up to the registry.

    A newly registered nullable column is added to a stored table. A table that is computed anew as a whole needs no
    such care: the next write replaces it.

    Raises:
        WarehouseError: if a stored table differs in more than that.
    """
    stored = stored_columns(cursor)
    for table in TABLES.values():
        if table.view_sql is not None or table.replaces == "replace":
            continue
        if table.name not in stored:
            run_all(cursor, [ddl.create_schema(table), ddl.create_table(table), *ddl.comments(table)])
            continue
        columns = stored[table.name]
        for column in table.columns:
            if column.nullable and column.name not in columns:
                run_all(cursor, ddl.add_column(table, column))
                columns[column.name] = column.dtype.value
        if faults := differences(table, columns):
            raise WarehouseError(
                f"{table.name} was stored by another version: {'; '.join(faults)}. Its history is kept as it is: run "
                "the version that wrote it, or alter the table by hand"
            )


def renew_comments(cursor: duckdb.DuckDBPyConnection) -> None:
    """Give stored tables and their columns the registry's comments, where they have others."""
    here = "where database_name = current_database() and not internal"
    of_tables = cursor.execute(
        f"select schema_name || '.' || table_name, comment from duckdb_tables() {here}"
    ).fetchall()
    of_columns = cursor.execute(
        f"select schema_name || '.' || table_name, column_name, comment from duckdb_columns() {here}"
    ).fetchall()
    stored = {(table, column): comment for table, column, comment in of_columns}
    statements: list[str] = []
    for name, comment in of_tables:
        entry = TABLES.get(name)
        if entry is None:
            continue
        others = [
            column.name for column in entry.columns if stored.get((name, column.name), column.comment) != column.comment
        ]
        if others or comment != entry.description:
            statements += ddl.comments(entry, others)
    if statements:
        run_all(cursor, statements)


def count_rows(cursor: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> dict[str, int]:
    """Rows of each of these stored tables."""
    each = [f"select {ddl.literal(name)}, count(*) from {ddl.qualified(name)}" for name in tables]
    return dict(cursor.execute(" union all ".join(each)).fetchall()) if each else {}


def insert(cursor: duckdb.DuckDBPyConnection, table: Table, rows: pl.DataFrame) -> None:
    """Add checked rows to a stored table."""
    # DuckDB holds what was registered until the transaction ends; a stream that has been read holds no rows.
    cursor.register("incoming", rows if rows.height < _STREAMED_FROM else _as_stream(rows))
    columns = ddl.column_list(table.column_names)
    cursor.execute(f"insert into {ddl.qualified(table.name)} ({columns}) select {columns} from incoming").fetchall()
    cursor.unregister("incoming")


def _as_stream(rows: pl.DataFrame) -> pa.RecordBatchReader:
    import pyarrow as pa  # noqa: PLC0415 (only where there are so many rows)

    arrow = rows.to_arrow()
    return pa.RecordBatchReader.from_batches(arrow.schema, iter(arrow.to_batches()))


def write_table(
    cursor: duckdb.DuckDBPyConnection, table: Table, blocks: Iterable[pl.DataFrame], *, anew: bool = True
) -> int:
    """Store blocks of checked rows as the whole table, with its comments, or in place of a stored table's rows.

    Returns:
        How many rows these are.
    """
    if anew:
        cursor.execute(ddl.create_schema(table))
        cursor.execute(ddl.create_table(table, replace=True))
    else:
        cursor.execute(f"delete from {ddl.qualified(table.name)}").fetchall()
    n_rows = 0
    for rows in blocks:
        insert(cursor, table, rows)
        n_rows += rows.height
        # The next block is made without this one.
        del rows
    if anew:
        run_all(cursor, ddl.comments(table))
    return n_rows


def make_views(cursor: duckdb.DuckDBPyConnection, dialect: Dialect = DUCKDB, *, over: str | None = None) -> None:
    """Make every registered view whose tables are all stored as registered, with its comments.

    Where a table is named by ``over``, only the views that read it are looked at.
    """
    views = [view for view in TABLES.values() if view.view_sql and (over is None or over in ddl.view_sources(view))]
    if not views:
        return
    whole = whole_tables(cursor)
    _make(cursor, (view for view in views if ddl.view_sources(view) <= whole), dialect)


def make_accepted(cursor: duckdb.DuckDBPyConnection, dialect: Dialect = DUCKDB) -> None:
    """Make ``accepted.*``, the raw tables without their quarantined rows, as far as they are stored as registered."""
    whole = whole_tables(cursor)
    raw = (entry for name, entry in TABLES.items() if entry.schema_name == "raw" and {name, QUARANTINE} <= whole)
    _make(cursor, map(accepted_view, raw), dialect)


def _make(cursor: duckdb.DuckDBPyConnection, views: Iterable[Table], dialect: Dialect) -> None:
    present = None if dialect.comments_view_columns else ()
    run_all(
        cursor,
        (
            text
            for view in views
            for text in (ddl.create_schema(view), ddl.create_view(view), *ddl.comments(view, present))
        ),
    )


def whole_tables(cursor: duckdb.DuckDBPyConnection) -> set[str]:
    """Tables that are stored as registered."""
    stored = stored_columns(cursor)
    return {name for name, entry in TABLES.items() if name in stored and not differences(entry, stored[name])}
