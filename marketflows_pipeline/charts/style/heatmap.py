"""Matrices: a grid of coloured cells with a figure in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import altair as alt

from marketflows_pipeline.charts.style.axes import pixel_x, pixel_y
from marketflows_pipeline.charts.style.layout import text_width

EMPTY_FILL = "#fbfbfc"

_GAP = 1.5
_TEXT_MOST, _TEXT_LEAST = 15.0, 8.0


@dataclass(frozen=True)
class Matrix:
    """Pixel geometry of a grid of cells."""

    cell_width: float
    cell_height: float
    columns: int
    rows: int

    @property
    def width(self) -> float:
        """Width of all columns."""
        return self.cell_width * self.columns

    @property
    def height(self) -> float:
        """Height of all rows."""
        return self.cell_height * self.rows


@dataclass(frozen=True)
class Cell:
    """One cell: its place, what is written in it, its colour and that of its text."""

    row: int
    column: int
    text: str
    fill: str
    ink: str


def text_size(texts: Sequence[str], matrix: Matrix) -> float:
    """Font size at which the longest text fits into a cell, 8 to 15."""
    widest = max((text_width(text, 1) for text in texts), default=1.0) or 1.0
    return max(_TEXT_LEAST, min(_TEXT_MOST, (matrix.cell_width - 10) / widest, 0.55 * matrix.cell_height))


def cell_layers(cells: Sequence[Cell], matrix: Matrix) -> list[alt.Chart]:
    """Rectangles and their texts."""
    records = [
        {
            **asdict(cell),
            "left": cell.column * matrix.cell_width + _GAP,
            "right": (cell.column + 1) * matrix.cell_width - _GAP,
            "top": cell.row * matrix.cell_height + _GAP,
            "bottom": (cell.row + 1) * matrix.cell_height - _GAP,
            "x": (cell.column + 0.5) * matrix.cell_width,
            "y": (cell.row + 0.5) * matrix.cell_height,
        }
        for cell in cells
    ]
    base = alt.Chart(alt.InlineData(values=records))
    return [
        base.mark_rect(cornerRadius=2).encode(
            x=pixel_x("left"),
            x2="right",
            y=pixel_y("top"),
            y2="bottom",
            color=alt.Color("fill:N", scale=None),
        ),
        base.mark_text(baseline="middle", fontSize=text_size([cell.text for cell in cells], matrix)).encode(
            x=pixel_x("x"), y=pixel_y("y"), text=alt.Text("text:N"), color=alt.Color("ink:N", scale=None)
        ),
    ]
