"""Cursors of one connection, lent to one caller at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.warehouse import engine


class Cursors:
    """Cursors that work in a catalog of the connection.

    To make one and to choose its catalog takes longer than most of what it is asked, so they are used again; not those
    over which something was raised.

    Args:
        connection: whose cursors these are.
        place: what is attached, for messages.
        catalog: under which the file is attached.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, place: str, catalog: str) -> None:
        self._connection = connection
        self._place = place
        self._catalog = catalog
        self._idle: deque[duckdb.DuckDBPyConnection] = deque()

    @contextmanager
    def lent(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for the block alone.

        Raises:
            WarehouseError: DuckDB refused something.
        """
        try:
            cursor, is_new = self._idle.pop(), False
        except IndexError:
            cursor, is_new = self._connection.cursor(), True
        try:
            if is_new:
                cursor.execute(f"use {self._catalog}")
            yield cursor
        except duckdb.Error as error:
            cursor.close()
            raise WarehouseError(f"{self._place}: {engine.words_of(error)}; what was stored is unchanged") from error
        except BaseException:
            cursor.close()
            raise
        self._idle.append(cursor)

    def close(self) -> None:
        """Close those that nobody uses; one that stays open would hold the file."""
        while self._idle:
            self._idle.pop().close()
