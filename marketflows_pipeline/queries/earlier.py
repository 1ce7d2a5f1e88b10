"""Rows as the run before left them."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import table
from marketflows_pipeline.warehouse.store import Warehouse


def earlier_rows(warehouse: Warehouse, name: str) -> pl.DataFrame:
    """Rows of a table; none where another version stored them, so that they are made anew."""
    try:
        return warehouse.read(name)
    except WarehouseError:
        return table(name).empty()
