from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse import publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import EXCHANGE_VOLUMES


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is such a place: what is tested is processes and files, not how fast a disk is."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Where the private file is or will be."""
    return tmp_path / "private" / "warehouse.duckdb"


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """Where the published link is or will be."""
    return tmp_path / "published" / "marketflows.duckdb"


@pytest.fixture
def warehouse(private: Path) -> Iterator[Warehouse]:
    with Warehouse(private) as opened:
        yield opened


@pytest.fixture
def two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts, market_caps and exchanges, whatever else the registry holds."""
    monkeypatch.setitem(TABLES, EXCHANGE_VOLUMES.name, EXCHANGE_VOLUMES)
    monkeypatch.setattr(publish, "PARTS", ("market_caps", "exchanges"))
