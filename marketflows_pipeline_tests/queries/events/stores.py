"""A warehouse in which every table is stored, without rows, for the kinds of events that read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.catalog import make_accepted, make_views
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import private, tmp_path, warehouse

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private file with every table, those too that each run writes anew."""
    file = tmp_path_factory.mktemp("events") / "warehouse.duckdb"
    with Warehouse(file) as made, made.transaction() as cursor:
        for entry in TABLES.values():
            if entry.view_sql is None:
                cursor.execute(ddl.create_schema(entry))
                cursor.execute(ddl.create_table(entry))
        make_views(cursor)
        make_accepted(cursor)
    return file
