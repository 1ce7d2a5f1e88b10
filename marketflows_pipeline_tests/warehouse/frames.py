"""Small frames of registered tables, and a warehouse filled with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.schema import TABLES, DType, Part, tables_of
from marketflows_pipeline.warehouse.store import Warehouse

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)

_DEFAULTS: Mapping[DType, Any] = {
    DType.TEXT: "x",
    DType.TIME: NOW,
    DType.FLOAT: 1.0,
    DType.INT: 1,
    DType.BIGINT: 1,
    DType.BOOL: True,
    DType.DATE: NOW.date(),
}


def frame(table: str, *rows: Mapping[str, Any]) -> pl.DataFrame:
    """A frame of a registered table; columns that a row leaves out are null where they may be, else a plain value."""
    entry = TABLES[table]
    defaults = {column.name: None if column.nullable else _DEFAULTS[column.dtype] for column in entry.columns}
    return pl.DataFrame([{**defaults, **row} for row in rows], schema=entry.polars_schema)


def caps(*rows: tuple[str, datetime, float], **columns: Any) -> pl.DataFrame:
    """Observations of market caps: coin, time, cap."""
    return frame(
        "raw.market_caps", *({"coin_id": c, "ts": ts, "market_cap_usd": cap, **columns} for c, ts, cap in rows)
    )


def fill(warehouse: Warehouse, part: Part, value: float) -> None:
    """Write every table of a part, `value` in each of its float columns; history is added to or revised."""
    for entry in tables_of(part):
        if entry.view_sql is None:
            floats = {column.name: value for column in entry.columns if column.dtype is DType.FLOAT}
            write = warehouse.replace if entry.replaces == "replace" else warehouse.merge
            write(entry.name, frame(entry.name, floats))
