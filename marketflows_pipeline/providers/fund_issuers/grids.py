"""Grids of a sheet's cells, within limits far above those of any fund's history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from marketflows_pipeline.providers.http.responses import ParseError

Grid: TypeAlias = Sequence[Sequence[str]]

# The size of a sheet in the Excel of 2003; cells beyond would only fill memory with blanks.
MAX_ROWS = 1 << 16
MAX_COLUMNS = 1 << 8
# Blanks count, and so do all sheets of a workbook together; the longest history of a fund has some 100,000.
MAX_CELLS = 1_000_000
# Excel's own limit of a cell, and one on all cells together, since many may show one shared text.
MAX_CELL_LETTERS = 32_767
MAX_LETTERS = 1 << 26


class Room:
    """Limits on the cells, blank ones included, and on the letters of all sheets of one workbook."""

    def __init__(self, max_cells: int = MAX_CELLS, max_letters: int = MAX_LETTERS) -> None:
        self._cells = max_cells
        self._letters = max_letters

    def take(self, n_cells: int, n_letters: int = 0) -> None:
        """Count cells, blank ones too, and the letters in them.

        Raises:
            ParseError: there are too many.
        """
        self._cells -= n_cells
        self._letters -= n_letters
        if self._cells < 0:
            raise ParseError("too many cells, blank ones included")
        if self._letters < 0:
            raise ParseError("too many letters in all cells")


class GridBuilder:
    """One sheet, filled from its first row on; `rows` is what is filled so far."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.rows: list[list[str]] = []

    @property
    def column(self) -> int:
        """Number of the last cell in the last row, from 1; 0 where it has none."""
        return len(self.rows[-1])

    def begin_row(self, number: int) -> None:
        """Begin a row, whose number from 1 is beyond the last one's.

        Raises:
            ParseError: it lies beyond the limit.
        """
        if number > MAX_ROWS:
            raise ParseError(f"row {number:,}, beyond the {MAX_ROWS:,} that a sheet may have")
        self._room.take(number - len(self.rows))
        self.rows.extend([] for _ in range(number - len(self.rows)))

    def put(self, text: str, column: int, n_blank_after: int = 0) -> None:
        """Put a cell at a column of the last row, from 1 and beyond the last one's, and blanks after it.

        Raises:
            ParseError: it lies beyond a limit.
        """
        if column + n_blank_after > MAX_COLUMNS:
            raise ParseError(f"column {column + n_blank_after:,}, beyond the {MAX_COLUMNS} that a sheet may have")
        if len(text) > MAX_CELL_LETTERS:
            raise ParseError(f"a cell of more than {MAX_CELL_LETTERS:,} letters")
        row = self.rows[-1]
        self._room.take(column + n_blank_after - len(row), len(text))
        row.extend([""] * (column - 1 - len(row)))
        row.append(text)
        row.extend([""] * n_blank_after)
