"""Landings: tables beside the registry's, in which steps that go on at once leave answers until one step merges them.

Each step has a landing of its own, so that none waits for another, or meets its changes. A row is an answer. Only what
is stored in `raw` is published, so no reader sees a landing.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.catalog import run_all
from marketflows_pipeline.warehouse.store import Warehouse

SCHEMA = "landing"


def landings(warehouse: Warehouse) -> list[str]:
    """The landings that are stored, ``landing.name`` each, in the order of their names."""
    return sorted(name for name in warehouse.tables() if name.startswith(f"{SCHEMA}."))


def land(warehouse: Warehouse, landing: str, rows: pl.DataFrame) -> None:
    """Add rows to a landing, which is made where it is missing: a transaction.

    Args:
        warehouse: where it is.
        landing: ``landing.name``.
        rows: with the columns of those that are there.
    """
    table, columns = ddl.qualified(landing), ddl.column_list(rows.columns)
    is_new = landing not in warehouse.tables()
    with warehouse.transaction(alters=is_new) as cursor:
        cursor.register("incoming", rows)
        if is_new:
            run_all(cursor, [f"create schema if not exists {SCHEMA}"])
            cursor.execute(f"create table if not exists {table} as from incoming with no data")
        cursor.execute(f"insert into {table} ({columns}) select {columns} from incoming").fetchall()
        cursor.unregister("incoming")


def landed(warehouse: Warehouse, landing: str, columns: Sequence[str]) -> pl.DataFrame:
    """Some columns of all rows."""
    return warehouse.query(f"select {ddl.column_list(columns)} from {ddl.qualified(landing)}")


def first_landed(warehouse: Warehouse, landing: str, column: str) -> pl.DataFrame:
    """All rows with the smallest value of a column."""
    table, least = ddl.qualified(landing), ddl.identifier(column)
    return warehouse.query(f"from {table} where {least} = (select min({least}) from {table})")


def take(warehouse: Warehouse, landing: str, column: str, value: object) -> None:
    """Take out the rows with a value, in the transaction that stores them elsewhere."""
    with warehouse.transaction() as cursor:
        where = f"where {ddl.identifier(column)} = ?"
        cursor.execute(f"delete from {ddl.qualified(landing)} {where}", [value]).fetchall()


def drop_if_empty(warehouse: Warehouse, landing: str) -> None:
    """Drop a landing from which all rows have been taken; one that has got new ones stays."""
    table = ddl.qualified(landing)
    with warehouse.transaction(alters=True) as cursor:
        if not cursor.execute(f"from {table} limit 1").fetchall():
            cursor.execute(f"drop table {table}").fetchall()
