"""Hand-made tables of one part, published under a folder as the commands expect them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from marketflows_pipeline.schema import TABLES, Part
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse


def publish_tables(folder: Path, part: Part, tables: Mapping[str, pl.DataFrame], *, config: str, now: datetime) -> Path:
    """Publish tables as a run of their part; the tutorial's link leads to the same file.

    Args:
        folder: gets config.toml and both links.
        part: whose tables they are.
        tables: frames by table.
        config: text of config.toml.
        now: when they are published.
    """
    link = folder / "warehouse" / "marketflows.duckdb"
    with Warehouse(folder / ".marketflows" / "warehouse.duckdb") as warehouse:
        begin_part(warehouse, part, "run-1", now)
        for name, rows in tables.items():
            write = warehouse.replace if TABLES[name].replaces == "replace" else warehouse.merge
            write(name, rows)
        publish(warehouse, part=part, run_id="run-1", now=now, published_path=link)
    (folder / "warehouse" / "marketflows_tutorial.duckdb").symlink_to(link.resolve())
    (folder / "config.toml").write_text(config)
    return link
