"""The seam between the warehouse and what stores its tables: all that differs between a file and a lake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

import duckdb

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.warehouse.call_journal import Call
from marketflows_pipeline.warehouse.stores.dialect import Dialect

CATALOG = "marketflows"
Result = TypeVar("Result")


class Calls(Protocol):
    """The attempts at requests that are not in ``meta.api_calls`` yet; see `CallJournal`."""

    @property
    def is_empty(self) -> bool:
        """Whether every attempt is stored."""

    def note(self, call: Call) -> None:
        """Put an attempt, or its outcome, on record."""

    def write_into(self, cursor: duckdb.DuckDBPyConnection) -> Mapping[str, Call]:
        """Store what is pending in the cursor's transaction; what that is, for `settle`."""

    def settle(self, stored: Mapping[str, Call]) -> None:
        """Forget what has been committed."""

    def close(self) -> None:
        """End the record; what is stored nowhere stays for the next opener."""


class Store(Protocol):
    """What stores a run's tables. Its text names it in messages, without a secret."""

    @property
    def path(self) -> Path:
        """The private file, or the path in its place beside which lock, spill folder, journal and models are."""

    @property
    def dialect(self) -> Dialect:
        """What its statements may use."""

    @property
    def answers_per_commit(self) -> int:
        """How many answers of a long series are stored in one transaction."""

    def exists(self) -> bool:
        """Whether anything was ever stored."""

    def make_place(self) -> None:
        """Make what must be there before it can be opened."""

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB of its own, to which nothing is attached yet."""

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Attach the store as the catalog `CATALOG`, and let the connection reach nothing else."""

    def attach_to_read(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Attach the store under another name, to be read only; it is there, and nothing is shut yet."""

    def calls(self) -> Calls:
        """The record of attempts; the store is attached."""

    def prepare(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Bring what is stored up to the registry, in the cursor's transaction."""

    def checkpoint(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Move everything committed to where copies are made from."""

    def writing(self) -> AbstractContextManager[None]:
        """What holds off other writers while the block writes."""

    def repeated(self, write: Callable[[], Result]) -> Result:
        """Run a write that is a transaction of its own, again where another writer was first."""

    def cannot_open(self, error: duckdb.Error) -> WarehouseError:
        """The error for a store that DuckDB refuses to open."""

    def close(self) -> None:
        """Let go of what was opened beside DuckDB."""
