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


def write_table(cursor: duckdb.DuckDBPyConnection, table: Table, rows: pl.DataFrame) -> None:
    """Store checked rows as the whole table, with its comments."""
    write_blocks(cursor, table, [rows])


def write_blocks(cursor: duckdb.DuckDBPyConnection, table: Table, blocks: Iterable[pl.DataFrame]) -> int:
    """Store checked blocks as the whole table, with its comments; how many rows they have."""
    cursor.execute(ddl.create_schema(table))
    cursor.execute(ddl.create_table(table, replace=True))
    n_rows = 0
    for rows in blocks:
        insert(cursor, table, rows)
        n_rows += rows.height
        # Not held while the next block is made.
        del rows
    run_all(cursor, ddl.comments(table))
    return n_rows


def make_views(cursor: duckdb.DuckDBPyConnection, *, over: str | None = None) -> None:
    """Make every registered view whose tables are all stored as registered, with its comments.

    Where a table is named by ``over``, only the views that read it are looked at.
    """
    views = [view for view in TABLES.values() if view.view_sql and (over is None or over in ddl.view_sources(view))]
    if not views:
        return
    whole = whole_tables(cursor)
    _make(cursor, (view for view in views if ddl.view_sources(view) <= whole))


def make_accepted(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make ``accepted.*``, the raw tables without their quarantined rows, as far as they are stored as registered."""
    whole = whole_tables(cursor)
    raw = (entry for name, entry in TABLES.items() if entry.schema_name == "raw" and {name, QUARANTINE} <= whole)
    _make(cursor, map(accepted_view, raw))


def _make(cursor: duckdb.DuckDBPyConnection, views: Iterable[Table]) -> None:
    run_all(
        cursor,
        (text for view in views for text in (ddl.create_schema(view), ddl.create_view(view), *ddl.comments(view))),
    )


def whole_tables(cursor: duckdb.DuckDBPyConnection) -> set[str]:
    """Tables that are stored as registered."""
    stored = stored_columns(cursor)
    return {name for name, entry in TABLES.items() if name in stored and not differences(entry, stored[name])}
