"""Closing values of a volatility index out of a CSV file, whoever serves it.

What belongs here: finding the header, reading dates and closes, and telling a file that was cut off. What does not: the
addresses (cboe.py, fred.py).
"""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from marketflows_pipeline.errors import BadAnswerError
from marketflows_pipeline.providers.cross_asset_protocol import VOLATILITY_SCHEMA
from marketflows_pipeline.providers.faults import Fault, RefusedError, ShapeError, one_line

logger = logging.getLogger(__name__)

VIX, VIX3M = "VIX", "VIX3M"
# Rows that a file may have before its header, such as a title.
PREAMBLE_ROWS = 10


@dataclass(frozen=True)
class Layout:
    """How a file is laid out.

    Attributes:
        date_columns: names of the column of dates, in lower case.
        value_columns: names of the column of closes, in lower case.
        date_format: of the dates, as strptime knows it.
        missing: what stands for no value, beside nothing.
    """

    date_columns: Collection[str]
    value_columns: Collection[str]
    date_format: str
    missing: Collection[str] = ()


def read_closes(text: str, layout: Layout, *, index_name: str, source: str, last_complete: date) -> pl.DataFrame:
    """Closes in VOLATILITY_SCHEMA, by session; of two rows of one session the later one.

    A row without a value is left out, and so is one that is not above 0, which is logged, and a session still open.

    Args:
        text: the file.
        layout: of the file.
        index_name: what the index is called in tables.
        source: what brought it.
        last_complete: newest session that is over.

    Raises:
        ShapeError: there is no such header, or a row has no date or number; the message names the line.
        RefusedError: the file ends within a line.
    """
    table = _rows_of(text)
    at_line, date_at, value_at, width = _header(table, layout)
    if not text.endswith("\n") and _is_cut(table, value_at, width):
        said = one_line(",".join(table[-1][1]))
        raise RefusedError(Fault(BadAnswerError, f"cut off in line {table[-1][0]}: {said}"), {})
    closes: dict[date, float] = {}
    unsound = 0
    for line, cells in table:
        if line <= at_line or not any(cells):
            continue
        if len(cells) <= max(date_at, value_at):
            raise ShapeError(f"line {line} has {len(cells)} cells, the header {width}")
        session, value = _date(cells[date_at], layout, line), _number(cells[value_at], layout, line)
        if value is not None and not (value > 0 and math.isfinite(value)):
            unsound += 1
        elif value is not None and session <= last_complete:
            closes[session] = value
    if unsound:
        logger.warning("%s %s: %d sessions left out whose close is not above 0", source, index_name, unsound)
    return (
        pl.DataFrame(
            {"session": list(closes), "close": list(closes.values())},
            schema={"session": pl.Date(), "close": pl.Float64()},
        )
        .with_columns(index_name=pl.lit(index_name), source=pl.lit(source))
        .select(VOLATILITY_SCHEMA.names())
        .sort("session")
    )


def _rows_of(text: str) -> list[tuple[int, list[str]]]:
    return [(line, [cell.strip() for cell in cells]) for line, cells in _parsed(text.removeprefix("\ufeff"))]


def _parsed(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines())
    try:
        yield from enumerate(reader, start=1)
    except csv.Error as fault:
        raise ShapeError(f"line {reader.line_num} is not CSV: {fault}") from fault


def _header(table: list[tuple[int, list[str]]], layout: Layout) -> tuple[int, int, int, int]:
    """Line of the header, places of dates and values in it, and how many cells it has."""
    for line, cells in table[:PREAMBLE_ROWS]:
        names = [cell.lower() for cell in cells]
        dates = [at for at, name in enumerate(names) if name in layout.date_columns]
        values = [at for at, name in enumerate(names) if name in layout.value_columns]
        if dates and values:
            return line, dates[0], values[0], len(cells)
    wanted = " and ".join("/".join(sorted(names)) for names in (layout.date_columns, layout.value_columns))
    start = one_line(" | ".join(",".join(cells) for _, cells in table[:2]))
    raise ShapeError(f"no header with {wanted} in the first {PREAMBLE_ROWS} lines, which begin {start!r}")


def _is_cut(table: list[tuple[int, list[str]]], value_at: int, width: int) -> bool:
    """Whether the last line has fewer cells than the header, or fewer decimals than the line before it."""
    before, last = table[max(0, len(table) - 2)][1], table[-1][1]
    return len(last) < width or _decimals(last, value_at) < _decimals(before, value_at)


def _decimals(cells: list[str], at: int) -> int:
    return len(cells[at].partition(".")[2]) if at < len(cells) else 0


def _date(cell: str, layout: Layout, line: int) -> date:
    try:
        return datetime.strptime(cell, layout.date_format).date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        raise ShapeError(f"line {line}: {one_line(cell)!r} is no date such as {layout.date_format}") from None


def _number(cell: str, layout: Layout, line: int) -> float | None:
    if not cell or cell in layout.missing:
        return None
    try:
        return float(cell)
    except ValueError:
        raise ShapeError(f"line {line}: {one_line(cell)!r} is no number") from None
