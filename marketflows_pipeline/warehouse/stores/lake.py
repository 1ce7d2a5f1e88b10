"""The store that is two DuckLakes: hosts write ``work`` in turns, and publishing brings tables from it into ``pub``."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline.system.safe_files import private_folder
from marketflows_pipeline.warehouse import ddl, engine, private_file
from marketflows_pipeline.warehouse.call_journal import CallJournal
from marketflows_pipeline.warehouse.catalog import (
    make_accepted,
    make_views,
    prepare_history,
    renew_comments,
)
from marketflows_pipeline.warehouse.stores.dialect import DUCKLAKE
from marketflows_pipeline.warehouse.stores.lake_place import LAKES, LakePlace
from marketflows_pipeline.warehouse.stores.seam import CATALOG, Calls, Result

if TYPE_CHECKING:
    from marketflows_pipeline.warehouse.stores.shared_catalog import SharedCatalog

PUB = "pub"
_ATTEMPTS = 8
_CONFLICT = re.compile(r"conflict|retry count", re.IGNORECASE)


class LakeStore:
    """A lake; see `Store`.

    Args:
        place: where it is.
        path: the path that stands for it on this machine: journal, spill folder, lock and models are beside it.
        outgoing: the folder into which tables are exported as a file; None where they are not.

    Attributes:
        shared: what the lake keeps in Postgres beside its catalog; None where the catalog is a file.
    """

    dialect = DUCKLAKE
    answers_per_commit = 50

    def __init__(self, place: LakePlace, path: Path, outgoing: Path | None = None) -> None:
        self.place = place
        self.path = path
        self.outgoing = outgoing
        self.shared: SharedCatalog | None = None
        if isinstance(place.catalog, PostgresTarget):
            from marketflows_pipeline.warehouse.stores.shared_catalog import SharedCatalog  # noqa: PLC0415 (for hosts)

            self.shared = SharedCatalog(place)

    def __str__(self) -> str:
        return str(self.place)

    def exists(self) -> bool:
        """Whether the catalog of ``work`` is there."""
        return self.shared.exists() if self.shared else self.place.catalog_file("work").exists()

    def make_place(self) -> None:
        """Make the folders for what is kept on this machine."""
        private_file.make_place(self.path)
        if self.shared:
            self.shared.prepare()
        if isinstance(self.place.catalog, Path):
            private_folder(self.place.catalog.parent, is_ours=self.place.catalog.parent.name == private_file.OWN_FOLDER)
        if isinstance(self.place.data, Path):
            for lake in LAKES:
                private_folder(Path(self.place.data_folder(lake)))

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB that spills beside `path`, with the extensions."""
        connection = engine.connect_for_lakes(private_file.spill_folder(self.path), memory=engine.OF_A_RUN)
        try:
            self.place.load(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Attach both lakes, made where they are missing."""
        self.place.attach(connection, "work", CATALOG)
        self.place.attach(connection, "pub", PUB)
        if self.shared:
            self.shared.attach(connection)
        folders = [*map(self.place.data_folder, LAKES), *([f"{self.outgoing.absolute()}/"] if self.outgoing else [])]
        connection.execute(f"set global allowed_directories = [{', '.join(map(ddl.literal, folders))}]")
        engine.shut(connection)

    def attach_to_read(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Attach ``work`` under another name, to be read only."""
        self.place.attach(connection, "work", name, "read_only")
        if self.shared:
            self.shared.attach(connection)
        connection.execute(f"set global allowed_directories = [{ddl.literal(self.place.data_folder('work'))}]")

    def calls(self) -> Calls:
        """The calls of all hosts in Postgres, or the journal beside `path`."""
        return self.shared.calls() if self.shared else CallJournal(self.path)

    def prepare(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make what is missing of history tables and views."""
        if self.shared:
            self.shared.view_calls(cursor)
        prepare_history(cursor)
        # A table is refilled in place, so it keeps the comments that it was made with.
        renew_comments(cursor)
        make_views(cursor, self.dialect)
        make_accepted(cursor, self.dialect)

    def checkpoint(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Nothing is copied; a lake's own checkpoint would be its whole maintenance."""

    def writing(self) -> AbstractContextManager[None]:
        """The lock of all hosts, where the catalog is shared."""
        return self.shared.writing() if self.shared else nullcontext()

    def repeated(self, write: Callable[[], Result]) -> Result:
        """Again, after a pause, where another writer changed the table first."""
        attempts = Retrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.05, max=2),
            retry=retry_if_exception(_is_conflict),
            reraise=True,
        )
        return attempts(write)

    def cannot_open(self, error: duckdb.Error) -> WarehouseError:
        """The error for a lake that cannot be reached."""
        return WarehouseError(f"{self} could not be opened: {engine.words_of(error)}")

    def close(self) -> None:
        """Let go of the connections to Postgres."""
        if self.shared:
            self.shared.close()


def _is_conflict(error: BaseException) -> bool:
    cause = error.__cause__ if isinstance(error, WarehouseError) else error
    return isinstance(cause, duckdb.TransactionException) and bool(_CONFLICT.search(str(cause)))
