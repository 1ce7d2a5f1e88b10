"""Rows that earlier daily runs would have stored: the tutorial runs once, and membership has no history to fetch."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.tutorial.files import PACKAGED
from marketflows_pipeline.warehouse.store import Warehouse

STORED_FOLDER = PACKAGED / "stored"


def stored_rows(name: str) -> pl.DataFrame:
    """The packaged rows of one raw table, in its columns and types."""
    schema = table(name).polars_schema
    return pl.read_parquet(STORED_FOLDER / f"{name}.parquet").select(*schema).cast(pl.Schema(schema))


def seed_warehouse(warehouse: Warehouse) -> None:
    """Merge the packaged rows into a database that holds no coin yet; leave any other as it is."""
    if warehouse.accepted("raw.coins").height:
        return
    with warehouse.transaction():
        for file in sorted(STORED_FOLDER.glob("*.parquet")):
            warehouse.merge(file.stem, stored_rows(file.stem))
