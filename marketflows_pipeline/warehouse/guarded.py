"""A warehouse under a lock that may be lost: a run that has lost it writes nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.seam import Store


class GuardedWarehouse(Warehouse):
    """A warehouse that makes sure of its run's lock as each transaction begins, and again before it is committed.

    Args:
        target: as for `Warehouse`; ``create`` too.
        guard: raises a `LockLostError` where the lock is lost.
        create: whether a missing store is made.
    """

    def __init__(self, target: str | Path | Store, guard: Callable[[], None], *, create: bool = True) -> None:
        self._guard = guard
        super().__init__(target, create=create)

    def check_lock(self) -> None:
        """Raise a `LockLostError` if the lock is lost."""
        self._guard()

    @contextmanager
    def transaction(self, *, alters: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """As `Warehouse.transaction`; rolled back if the lock is lost meanwhile."""
        self._guard()
        with super().transaction(alters=alters) as cursor:
            yield cursor
            self._guard()
