"""Private files with every table that is kept, and no row: creating these tables takes longer than most tests."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores import file as file_store


@cache
def made_once() -> tuple[TemporaryDirectory[str], Path]:
    """The folder, removed at the end of the process, and the file in it."""
    folder = TemporaryDirectory()
    file = Path(folder.name) / "warehouse.duckdb"
    with Warehouse(file):
        pass
    return folder, file


def new_warehouse(file: Path, empty: Path | None = None) -> Warehouse:
    """Open a private file, where there is none a copy of an empty one, which this code has made and opened before."""
    if file.exists():
        return Warehouse(file)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copy(empty or made_once()[1], file)
    # The copy has its views: making them again is more than half of opening it.
    with patch.multiple(file_store, make_views=lambda cursor: None, make_accepted=lambda cursor: None):
        return Warehouse(file)
