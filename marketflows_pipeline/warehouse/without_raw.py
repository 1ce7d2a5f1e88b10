"""A published file without the services' own figures, for readers elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse import build, ddl, engine
from marketflows_pipeline.warehouse.stores.file import STORAGE_VERSION


def write_without_raw(source: Path, tables: pl.DataFrame, target: Path, *, run_id: str, now: datetime) -> None:
    """Write a file with the tables of a published one, but for ``raw.*`` and the views that read it.

    Only tables that stay are copied, so the work is in proportion to them.

    Args:
        source: the published file.
        tables: the rows of its ``meta.publish``.
        target: the file to make; it must not exist.
        run_id: of the run that published.
        now: the present, aware.

    Raises:
        WarehouseError: if it could not be made; nothing is left then.
    """
    origins = {
        name: origin
        for name, origin in build.published_origins(tables).items()
        if name not in build.DESCRIBING and TABLES[name].schema_name != "raw"
    }
    try:
        _make_empty(target)
        build.assemble(target, source, taken=origins, origins=origins, run_id=run_id, now=now)
        build.check(target, origins)
    except (OSError, duckdb.Error) as error:
        target.unlink(missing_ok=True)
        raise WarehouseError(
            f"no copy of {source} without raw tables could be made: {engine.words_of(error)}"
        ) from error


def _make_empty(path: Path) -> None:
    """A file of the format that every DuckDB from 1.2 on reads."""
    with engine.connect("") as connection:
        engine.attach(connection, path, "fresh", f"storage_version {ddl.literal(STORAGE_VERSION)}")
        connection.execute("checkpoint fresh")
        connection.execute("detach fresh")
