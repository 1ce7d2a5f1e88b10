"""Rows merged into a stored table by key: added, or revised by a later answer, and never removed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from marketflows_pipeline.schema import DType, Table
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.revisions import Provenance, record_revisions
from marketflows_pipeline.warehouse.stores.dialect import Dialect


@dataclass(frozen=True)
class MergeResult:
    """What a merge did: rows added, rows revised by a later answer, rows that were stored already."""

    inserted: int
    revised: int
    unchanged: int


def merge_rows(
    cursor: duckdb.DuckDBPyConnection,
    entry: Table,
    rows: pl.DataFrame,
    dialect: Dialect,
    *,
    revise: bool,
    provenance: Provenance | None,
) -> MergeResult:
    """Merge checked rows; see `Warehouse.merge`.

    The dialect is that of the store. Without ``revise`` each stored row stays; without a provenance no revisions are
    recorded.
    """
    is_plain = provenance is None and not entry.set_once
    if rows.height == 1 and is_plain and len(entry.key) < len(entry.columns):
        return _merge_row(cursor, entry, rows.row(0, named=True), revise=revise)
    if rows.is_empty():
        return MergeResult(0, 0, 0)
    bound = next((name for name in entry.key if entry.column(name).dtype is DType.TIME), None)
    limits = [rows[bound].min(), rows[bound].max()] if bound is not None else []
    if provenance is not None and revise:
        record_revisions(cursor, entry, rows, provenance)
    cursor.register("incoming", rows)
    inserted, revised = (_merged if dialect.returns_rows else _merged_by_counts)(cursor, entry, revise, bound, limits)
    if entry.set_once:
        cursor.execute(ddl.write_once(entry, bound=bound), limits).fetchall()
    cursor.unregister("incoming")
    return MergeResult(inserted, revised, rows.height - inserted - revised)


def _merged(
    cursor: duckdb.DuckDBPyConnection, entry: Table, revise: bool, bound: str | None, limits: list[Any]
) -> tuple[int, int]:
    """Merge the relation ``incoming``; how many rows were added and revised."""
    touched = cursor.execute(ddl.merge(entry, revise=revise, bound=bound), limits).fetchall()
    done = Counter(action for (action,) in touched)
    return done["INSERT"], done["UPDATE"]


def _merged_by_counts(
    cursor: duckdb.DuckDBPyConnection, entry: Table, revise: bool, bound: str | None, limits: list[Any]
) -> tuple[int, int]:
    """The same where MERGE only says how many rows it touched: what the table grew by was added."""
    count = f"select count(*) from {ddl.qualified(entry.name)}"
    ((before,),) = cursor.execute(count).fetchall()
    ((touched,),) = cursor.execute(ddl.merge(entry, revise=revise, bound=bound, returns_rows=False), limits).fetchall()
    ((after,),) = cursor.execute(count).fetchall()
    return after - before, touched - (after - before)


def _merge_row(cursor: duckdb.DuckDBPyConnection, entry: Table, row: dict[str, Any], *, revise: bool) -> MergeResult:
    """One row goes as parameters: to hand over a frame takes several times as long as all of this."""
    statements = ddl.merge_row(entry)
    found = cursor.execute(statements.find, {name: row[name] for name in {*entry.key, *statements.deciding}}).fetchall()
    if not found:
        cursor.execute(statements.insert, row).fetchall()
        return MergeResult(1, 0, 0)
    ((differs,),) = found
    if not (differs and revise):
        return MergeResult(0, 0, 1)
    cursor.execute(statements.update, row).fetchall()
    return MergeResult(0, 1, 0)
