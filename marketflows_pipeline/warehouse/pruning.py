"""Rows that are kept for a time only."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse import ddl

if TYPE_CHECKING:
    from marketflows_pipeline.warehouse.store import Warehouse


def prune(warehouse: Warehouse, table: str, before: datetime) -> None:
    """Remove a table's rows that are as of an earlier moment; nothing where it was never written.

    Args:
        warehouse: the open private file.
        table: ``schema.table`` of a registered table with an as-of column.
        before: aware; older rows go.
    """
    as_of = TABLES[table].as_of
    assert as_of is not None
    if table in warehouse.tables():
        warehouse.execute(f"delete from {ddl.qualified(table)} where {ddl.identifier(as_of)} < ?", [before])
