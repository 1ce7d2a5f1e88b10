"""Warehouse queries of rotations: the placebo as it is stored, which is kept while the closes stay the same."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import Table
from marketflows_pipeline.warehouse.store import Warehouse


def stored_placebo(warehouse: Warehouse, entry: Table) -> pl.DataFrame:
    """Rows of the run before; none where another version stored them, whose bands are made anew."""
    try:
        return warehouse.read(entry.name)
    except WarehouseError:
        return entry.empty()
