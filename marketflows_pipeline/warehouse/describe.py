"""The registry as rows: what a published file says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse.row_keys import accepted_view


def describe(stored: Mapping[str, Mapping[str, str]]) -> dict[str, pl.DataFrame]:
    """Frames of the three tables, for the tables and columns that a file holds.

    ``stored`` leads from ``schema.table`` to its columns, name to DuckDB type.

    Returns:
        ``schema.table`` to frame.
    """
    raw = [entry for entry in TABLES.values() if entry.schema_name == "raw"]
    entries = [entry for entry in (*TABLES.values(), *map(accepted_view, raw)) if entry.name in stored]
    tables: list[dict[str, Any]] = [
        {
            "table_name": entry.name,
            "part": entry.part,
            "kind": "view" if entry.view_sql else "table",
            "grain": entry.grain,
            "key": ", ".join(entry.key),
            "description": entry.description,
        }
        for entry in entries
    ]
    held = [(entry, column) for entry in entries for column in entry.columns if column.name in stored[entry.name]]
    columns: list[dict[str, Any]] = [
        {
            "table_name": entry.name,
            "column_name": column.name,
            "position": list(stored[entry.name]).index(column.name) + 1,
            "dtype": stored[entry.name][column.name],
            "unit": column.unit,
            "nullable": column.nullable,
            "description": column.description,
        }
        for entry, column in held
    ]
    lineage: list[dict[str, Any]] = [
        {
            "table_name": entry.name,
            "column_name": column.name,
            "source_table": source_table,
            "source_column": source_column,
        }
        for entry, column in held
        for source_table, _, source_column in (source.rpartition(".") for source in column.derived_from)
    ]
    rows = {"meta.tables": tables, "meta.columns": columns, "meta.lineage": lineage}
    return {name: pl.DataFrame(part, schema=TABLES[name].polars_schema) for name, part in rows.items()}
