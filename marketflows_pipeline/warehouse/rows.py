"""Rows of stored tables as frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES, Table
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.catalog import differences


def rows_of(
    cursor: duckdb.DuckDBPyConnection,
    entry: Table,
    stored: dict[str, str] | None,
    relation: str,
    *,
    columns: Sequence[str] | None,
    where: str,
    params: Sequence[Any],
) -> pl.DataFrame:
    """Rows of a registered table, as `Warehouse.read` gives them.

    Args:
        cursor: what is asked.
        entry: the registered table.
        stored: its columns in the file; None where it is not stored.
        relation: the table itself, or a view of its rows.
        columns: the columns wanted; None for all.
        where: an SQL condition with ``?`` for each parameter; empty for none.
        params: its parameters.

    Raises:
        WarehouseError: as `Warehouse.read` does.
    """
    wanted = tuple(columns) if columns is not None else entry.column_names
    if stored is None and entry.may_be_empty:
        return entry.empty().select(wanted)
    if stored is None:
        raise WarehouseError(f"{entry.name} was never written; run `marketflows` first")
    if faults := differences(entry, stored):
        changes = "; ".join(faults)
        raise WarehouseError(f"{entry.name} was stored by another version: {changes}; run `marketflows` anew")
    condition = f" where {where}" if where else ""
    frame = frame_of(cursor, f"select {ddl.column_list(wanted)} from {ddl.qualified(relation)}{condition}", params)
    return frame.cast({name: entry.polars_schema[name] for name in wanted})


def frame_of(cursor: duckdb.DuckDBPyConnection, sql: str, params: Sequence[Any]) -> pl.DataFrame:
    """The answer to a select."""
    # Not as a relation: one with parameters hands over value by value, thirty times slower.
    return cursor.execute(sql, list(params)).pl()


def registered(name: str) -> Table:
    """A registered table or view.

    Raises:
        WarehouseError: there is none of this name.
    """
    if name not in TABLES:
        raise WarehouseError(f"{name} is not a registered table")
    return TABLES[name]


def registered_table(name: str) -> Table:
    """A registered table that can be written.

    Raises:
        WarehouseError: there is none of this name, or it is a view.
    """
    entry = registered(name)
    if entry.view_sql is not None:
        raise WarehouseError(f"{name} is a view; write the tables it reads")
    return entry
