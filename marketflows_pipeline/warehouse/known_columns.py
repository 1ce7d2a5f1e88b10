"""What the private file's catalog holds, remembered: to ask DuckDB for all columns takes longer than most reads."""

from __future__ import annotations

from typing import TypeAlias

import duckdb

from marketflows_pipeline.warehouse.catalog import stored_columns

StoredColumns: TypeAlias = dict[str, dict[str, str]]


class KnownColumns:
    """The columns of each stored table, until one changes.

    Changes are made by one thread at a time, within a transaction; other threads see the old catalog until it is over.
    """

    def __init__(self) -> None:
        self._known: StoredColumns | None = None
        self._is_changing = False
        self._n_changes = 0

    def of(self, cursor: duckdb.DuckDBPyConnection, *, is_changing: bool) -> StoredColumns:
        """``schema.table`` to its columns, name to DuckDB type, as this cursor sees them.

        Args:
            cursor: in whose catalog they are.
            is_changing: whether the cursor is that of the transaction in which changes are made.
        """
        known, n_changes = self._known, self._n_changes
        if known is not None and not (is_changing and self._is_changing):
            return known
        found = stored_columns(cursor)
        if not self._is_changing and n_changes == self._n_changes:
            self._known = found
        return found

    def change(self) -> None:
        """Forget what is known: the catalog is about to change."""
        self._is_changing = True
        self._forget()

    def settle(self) -> None:
        """What has changed is stored, or undone."""
        if self._is_changing:
            self._forget()
            self._is_changing = False

    def _forget(self) -> None:
        self._known = None
        self._n_changes += 1
