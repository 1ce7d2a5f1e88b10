"""What a published file answers, opened as a command opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from marketflows_pipeline.warehouse.published import Published, batches, executed, open_published


class QueryResult(NamedTuple):
    """Names and DuckDB types of the columns, and the rows; times are aware, in UTC."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def query_rows(path: Published, sql: str) -> QueryResult:
    """All rows of a query."""
    with open_published(path) as connection, executed(connection, sql) as (columns, types):
        return QueryResult(columns, types, [row for batch in batches(connection) for row in batch])


def run_sql(path: Path, sql: str) -> pl.DataFrame:
    """All rows of a query as a frame."""
    with open_published(path) as connection:
        return connection.sql(sql).pl()
