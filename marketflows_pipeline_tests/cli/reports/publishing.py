"""Hand-made tables of one part, published under a folder as the commands expect them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import duckdb
import polars as pl

from marketflows_pipeline.schema import TABLES, Part
from marketflows_pipeline.warehouse.catalog import write_table
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse

Rows: TypeAlias = list[dict[str, Any]]


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
    return _complete(link, config)


@cache
def _published(publish: Callable[[Path], Path]) -> tuple[TemporaryDirectory[str], Path]:
    """A file that is published once, in a folder that is removed at the end."""
    folder = TemporaryDirectory()
    return folder, publish(Path(folder.name))


def publish_copy(
    folder: Path, publish: Callable[[Path], Path], changed: Mapping[str, pl.DataFrame], *, config: str
) -> Path:
    """Copy a published file, with other rows of some tables: what publishing anew gives, in a tenth of its time.

    Args:
        folder: gets config.toml and both links.
        publish: publishes the file under a folder; done once.
        changed: frames by table.
        config: text of config.toml.
    """
    copy = folder / "warehouse" / "marketflows.duckdb"
    copy.parent.mkdir()
    shutil.copyfile(_published(publish)[1], copy)
    with duckdb.connect(copy) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, rows in changed.items():
            write_table(connection, TABLES[name], rows)
            as_of = TABLES[name].as_of
            newest = rows[as_of].max() if as_of else None
            line = "update meta.publish set n_rows = ?, as_of = ? where table_name = ?"
            connection.execute(line, [rows.height, newest, name])
    return _complete(copy, config)


def _complete(link: Path, config: str) -> Path:
    (link.parent / "marketflows_tutorial.duckdb").symlink_to(link.resolve())
    (link.parents[1] / "config.toml").write_text(config)
    return link
