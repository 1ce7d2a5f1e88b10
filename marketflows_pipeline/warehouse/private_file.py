"""The folder of the private file, and nothing in it that somebody planted where DuckDB is about to write."""

from __future__ import annotations

from pathlib import Path

import duckdb

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.system.safe_files import make_way, private_folder, require_own
from marketflows_pipeline.warehouse import engine

# The folder that no file but this program's own is in.
OWN_FOLDER = ".marketflows"


def make_place(path: Path) -> None:
    """Make the folder of the private file, and clear the paths that DuckDB writes to beside it.

    Raises:
        WarehouseError: if the folder cannot be made.
        UnsafeFileError: if the file is a link, or its log or spill folder are not this program's own.
    """
    try:
        private_folder(path.parent, is_ours=path.parent.name == OWN_FOLDER)
        require_own(path)
        make_way(path.with_name(f"{path.name}.wal"))
        make_way(spill_folder(path), folder=True)
    except OSError as error:
        raise WarehouseError(f"{path} cannot be opened: {error.strerror} ({error.filename})") from error


def spill_folder(path: Path) -> Path:
    """Where DuckDB puts what memory does not hold."""
    return path.with_name(f"{path.name}.spill")


def cannot_open(path: Path, error: duckdb.Error) -> WarehouseError:
    """The error for a private file that DuckDB refuses to open; it names the program that holds it."""
    if holder := engine.holder_of(error):
        return WarehouseError(
            f"{path} is held open by {holder}; it is the pipeline's own file: close it there and query the published "
            "file instead"
        )
    return WarehouseError(f"{path} could not be opened as a DuckDB warehouse: {' '.join(str(error).split())}")
