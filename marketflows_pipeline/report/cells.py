"""Tables that stand in the page without scripts: each figure in words, with its value to sort by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from marketflows_pipeline.charts.style.wording import UNKNOWN, day_text, moment, value_text
from marketflows_pipeline.report.model import Card, FigureColumn

MOST_ROWS = 400


@dataclass(frozen=True)
class Cell:
    """One figure.

    Attributes:
        text: as shown.
        key: what it is sorted by.
        is_number: whether it stands at the right.
    """

    text: str
    key: str
    is_number: bool


def rows_of(card: Card) -> Iterator[list[Cell]]:
    """The first rows of a card's dataset, a cell for each column of its table."""
    rows = card.dataset.rows.head(MOST_ROWS)
    columns = [(column, rows[column.key].to_list()) for column in card.columns]
    for place in range(rows.height):
        yield [_cell(column, values[place]) for column, values in columns]


def _cell(column: FigureColumn, value: object) -> Cell:
    if value is None:
        return Cell(UNKNOWN, "", is_number=column.digits is not None)
    if isinstance(value, bool):
        return Cell("yes" if value else "no", str(int(value)), is_number=False)
    if isinstance(value, int | float):
        shown = value / column.divisor
        digits = column.digits if column.digits is not None else 0
        return Cell(value_text(shown, digits, signed=column.signed), repr(value), is_number=True)
    if isinstance(value, datetime):
        return Cell(moment(value), value.isoformat(), is_number=False)
    if isinstance(value, date):
        return Cell(day_text(value), value.isoformat(), is_number=False)
    return Cell(str(value), str(value), is_number=False)
