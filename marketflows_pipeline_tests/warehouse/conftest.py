from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.empty import made_once, new_warehouse
from marketflows_pipeline_tests.warehouse.lakes import lake_in, needs_lake
from marketflows_pipeline_tests.warehouse.runs import Runs


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


@pytest.fixture(scope="session")
def empty_file() -> Path:
    """A private file with every table that is kept, and no row."""
    return made_once()[1]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of a module that says `BOTH_STORES` run on a lake too."""
    if "warehouse" in metafunc.fixturenames and getattr(metafunc.module, "BOTH_STORES", False):
        lake = pytest.param("lake", marks=[pytest.mark.slow, pytest.mark.lake, needs_lake])
        metafunc.parametrize("warehouse", ["file", lake], indirect=True)


@pytest.fixture
def warehouse(request: pytest.FixtureRequest, private: Path, empty_file: Path, tmp_path: Path) -> Iterator[Warehouse]:
    """An empty warehouse: a private file, or a lake where a test asks for one."""
    is_lake = getattr(request, "param", "file") == "lake"
    with Warehouse(lake_in(tmp_path)) if is_lake else new_warehouse(private, empty_file) as opened:
        yield opened


@pytest.fixture
def runs(warehouse: Warehouse, link: Path) -> Runs:
    return Runs(warehouse, link)


@pytest.fixture(scope="session")
def after_the_first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both files after a run of the market caps that passed: made once, since a run costs most of a test."""
    folder = tmp_path_factory.mktemp("first_run")
    with Warehouse(folder / "private" / "warehouse.duckdb") as warehouse:
        Runs(warehouse, folder / "published" / "marketflows.duckdb").passes()
    return folder


@pytest.fixture
def published(after_the_first_run: Path, tmp_path: Path) -> Path:
    """A copy of these files in the test's own folder; the version that is published."""
    shutil.copytree(after_the_first_run, tmp_path, symlinks=True, dirs_exist_ok=True)
    return (tmp_path / "published" / "marketflows.duckdb").resolve()
