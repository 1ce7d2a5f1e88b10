"""The registry: every table and column of the warehouse, once.

Asset column schemas, key checks, comments in the database, ``meta.tables``/``meta.columns``/``meta.lineage`` and the
data dictionary all come from here.
"""

from __future__ import annotations

from marketflows_pipeline.schema.breadth import BREADTH_TABLES
from marketflows_pipeline.schema.cap_flows import CAP_FLOW_TABLES
from marketflows_pipeline.schema.closes import DAILY_CLOSE_TABLES
from marketflows_pipeline.schema.cross_asset import CROSS_ASSET_TABLES
from marketflows_pipeline.schema.cross_asset_context import CROSS_ASSET_CONTEXT_TABLES
from marketflows_pipeline.schema.events import EVENT_TABLES
from marketflows_pipeline.schema.exchange_league import EXCHANGE_LEAGUE_TABLES
from marketflows_pipeline.schema.exchanges import EXCHANGE_TABLES
from marketflows_pipeline.schema.market_caps import MARKET_CAP_TABLES
from marketflows_pipeline.schema.meta import META_TABLES
from marketflows_pipeline.schema.model import POLARS, Column, DType, Part, Table
from marketflows_pipeline.schema.narrative_index import NARRATIVE_INDEX_TABLES
from marketflows_pipeline.schema.provider_differences import PROVIDER_DIFFERENCE_TABLES
from marketflows_pipeline.schema.radar import RADAR_TABLES
from marketflows_pipeline.schema.rotation import ROTATION_TABLES

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *MARKET_CAP_TABLES,
        *DAILY_CLOSE_TABLES,
        *NARRATIVE_INDEX_TABLES,
        *CAP_FLOW_TABLES,
        *BREADTH_TABLES,
        *RADAR_TABLES,
        *PROVIDER_DIFFERENCE_TABLES,
        *EXCHANGE_TABLES,
        *EXCHANGE_LEAGUE_TABLES,
        *CROSS_ASSET_TABLES,
        *CROSS_ASSET_CONTEXT_TABLES,
        *ROTATION_TABLES,
        *META_TABLES,
        *EVENT_TABLES,
    )
}

PARTS: tuple[Part, ...] = ("market_caps", "exchanges", "cross_asset")


def table(name: str) -> Table:
    """The registry entry of ``schema.table``.

    Raises:
        KeyError: if no such table is registered.
    """
    return TABLES[name]


def tables_of(part: Part) -> tuple[Table, ...]:
    """All tables and views of one part, in registry order (views after what they read)."""
    return tuple(entry for entry in TABLES.values() if entry.part == part)


__all__ = ["PARTS", "POLARS", "TABLES", "Column", "DType", "Part", "Table", "table", "tables_of"]
