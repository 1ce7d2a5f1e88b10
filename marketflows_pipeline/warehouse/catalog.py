"""What a DuckDB catalog holds, and how it is brought up to the registry.

What belongs here: reading the catalog, views, the smallest honest migrations. What does not: rows.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES, Table
from marketflows_pipeline.warehouse import ddl


def run_all(cursor: duckdb.DuckDBPyConnection, statements: Iterable[str]) -> None:
    """Run statements that answer nothing."""
    for statement in statements:
        cursor.execute(statement)


def migrations(table: Table, stored: dict[str, str]) -> list[str]:
    """The statements that bring a stored table up to the registry.

    Args:
        table: registry entry.
        stored: its columns in the file, name to DuckDB type.

    Raises:
        WarehouseError: if more than nullable columns is missing.
    """
    known = {column.name: column for column in table.columns}
    faults = [f"{name} is stored and no longer registered" for name in stored if name not in known]
    statements = []
    for name, column in known.items():
        if name not in stored:
            if table.replaces == "replace" or not column.nullable:
                faults.append(f"{name} is registered and not stored")
            statements.append(
                f"alter table {ddl.qualified(table.name)} add column {ddl.identifier(name)} {column.dtype}"
            )
            statements.append(
                f"comment on column {ddl.qualified(table.name)}.{ddl.identifier(name)} is {ddl.literal(column.comment)}"
            )
        elif stored[name] != column.dtype.value:
            faults.append(f"{name} is stored as {stored[name]} and registered as {column.dtype.value}")
    if faults:
        remedy = (
            "run `marketflows`, which writes it anew"
            if table.replaces == "replace"
            else "go back to the version that wrote it, or alter the table by hand"
        )
        raise WarehouseError(f"{table.name} was stored by another version: {'; '.join(faults)}; {remedy}")
    return statements


def make_views(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make every registered view whose tables are all in the current catalog, with its comments."""
    present = set(stored_tables(cursor))
    for entry in TABLES.values():
        if entry.view_sql is not None and ddl.view_sources(entry) <= present:
            cursor.execute(ddl.create_schema(entry))
            cursor.execute(ddl.create_view(entry))
            run_all(cursor, ddl.comments(entry))


def stored_tables(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """``schema.table`` of each table, not view, in the current catalog."""
    rows = cursor.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where database_name = current_database() and not internal order by 1"
    ).fetchall()
    return [name for (name,) in rows]


def stored_columns(cursor: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Column name to DuckDB type of a table or view in the current catalog; empty where there is none."""
    rows = cursor.execute(
        "select column_name, data_type from duckdb_columns() where database_name = current_database() "
        "and schema_name || '.' || table_name = ? order by column_index",
        [table],
    ).fetchall()
    return {name: "TIMESTAMPTZ" if kind == "TIMESTAMP WITH TIME ZONE" else kind for name, kind in rows}
