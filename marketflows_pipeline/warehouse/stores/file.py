"""The store that is one DuckDB file, the pipeline its only opener."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import duckdb

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.warehouse import ddl, engine, private_file
from marketflows_pipeline.warehouse.call_journal import CallJournal
from marketflows_pipeline.warehouse.catalog import make_accepted, make_views, prepare_history
from marketflows_pipeline.warehouse.stores.dialect import DUCKDB
from marketflows_pipeline.warehouse.stores.seam import CATALOG, Result

STORAGE_VERSION = "v1.2.0"


class FileStore:
    """The private file; see `Store`."""

    dialect = DUCKDB
    answers_per_commit = 1

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def make_place(self) -> None:
        """Make the file's folder, and clear the paths that DuckDB writes to beside it."""
        private_file.make_place(self.path)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB that spills beside the file."""
        return engine.connect(private_file.spill_folder(self.path), memory=engine.OF_A_RUN)

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Attach the file, made where it is missing."""
        engine.attach(connection, self.path, CATALOG, f"storage_version {ddl.literal(STORAGE_VERSION)}")
        engine.shut(connection)

    def attach_to_read(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Attach the file under another name, to be read only."""
        engine.attach(connection, self.path, name, "read_only")

    def calls(self) -> CallJournal:
        """The journal beside the file."""
        return CallJournal(self.path)

    def prepare(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make what is missing of history tables and views."""
        prepare_history(cursor)
        make_views(cursor)
        make_accepted(cursor)

    def checkpoint(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Move everything committed into the file itself, so that the file alone is complete."""
        cursor.execute(f"checkpoint {CATALOG}").fetchall()

    def writing(self) -> AbstractContextManager[None]:
        """Nobody else writes to the file."""
        return nullcontext()

    def repeated(self, write: Callable[[], Result]) -> Result:
        """Nobody else can have been first."""
        return write()

    def cannot_open(self, error: duckdb.Error) -> WarehouseError:
        """The error names the program that holds the file."""
        return private_file.cannot_open(self.path, error)

    def close(self) -> None:
        """Nothing is open beside DuckDB."""
