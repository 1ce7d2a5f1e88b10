"""Stand-in for the table of the narrative index until its own module is there."""

from __future__ import annotations

from marketflows_pipeline.schema.model import Column, DType, Table

NARRATIVE_INDEX_STUB = Table(
    name="mart.narrative_index",
    part="market_caps",
    grain="one series in one base at one close",
    key=("category", "series", "base_asset", "ts"),
    description="Stand-in.",
    columns=(
        Column("category", DType.TEXT, "Category"),
        Column("series", DType.TEXT, "Series"),
        Column("base_asset", DType.TEXT, "Base"),
        Column("ts", DType.TIME, "Close", "UTC"),
        Column("price_index", DType.FLOAT, "Index"),
        Column("is_backfilled", DType.BOOL, "Whether back-filled"),
        Column("is_provisional", DType.BOOL, "Whether provisional"),
    ),
    as_of="ts",
    may_be_empty=True,
)
