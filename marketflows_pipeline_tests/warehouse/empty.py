"""Private files with every table that is kept, and no row: creating these tables takes longer than most tests."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from marketflows_pipeline.warehouse.store import Warehouse


@cache
def made_once() -> tuple[TemporaryDirectory[str], Path]:
    """The folder, removed at the end of the process, and the file in it."""
    folder = TemporaryDirectory()
    file = Path(folder.name) / "warehouse.duckdb"
    with Warehouse(file):
        pass
    return folder, file


def put_empty(file: Path) -> None:
    """Copy an empty private file to a place where there is none."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy(made_once()[1], file)


def new_warehouse(file: Path) -> Warehouse:
    """Open a private file, an empty one where there is none."""
    put_empty(file)
    return Warehouse(file)
