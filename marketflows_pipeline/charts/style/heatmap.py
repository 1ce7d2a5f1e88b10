"""Heatmaps: a grid of coloured cells with a figure in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import altair as alt

from marketflows_pipeline.charts.style.colours import var
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.marks import FILL, INK, records

EMPTY_FILL = var("empty")
# Free room between two cells in pixels.
CELL_GAP = 3

_TEXT_MOST, _TEXT_LEAST = 15.0, 8.0


@dataclass(frozen=True)
class Cell:
    """One cell: keys of its row and column, what is written in it, its colour and that of its text."""

    row: str
    column: str
    text: str
    fill: str
    ink: str


@dataclass(frozen=True)
class Heatmap:
    """A grid of rows and columns, each with a key of its own, in cells of one size in pixels.

    It begins so many pixels from the plot's left edge and from its top.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    cell_width: float
    cell_height: float
    left: float = 0
    top: float = 0

    @property
    def width(self) -> float:
        """Width of all columns."""
        return self.cell_width * len(self.columns)

    @property
    def height(self) -> float:
        """Height of all rows."""
        return self.cell_height * len(self.rows)

    def x(self, axis: alt.Axis | None = None) -> alt.X:
        """The field column on the axis of columns."""
        return alt.X("column:N", sort=None, axis=axis, scale=_band(self.columns, self.left, self.width))

    def y(self, axis: alt.Axis | None = None) -> alt.Y:
        """The field row on the axis of rows."""
        return alt.Y("row:N", sort=None, axis=axis, scale=_band(self.rows, self.top, self.height))

    def text_size(self, cells: Sequence[Cell]) -> float:
        """Font size at which the longest text fits into a cell, 8 to 15."""
        widest = max((text_width(cell.text, 1) for cell in cells), default=1.0) or 1.0
        return max(_TEXT_LEAST, min(_TEXT_MOST, (self.cell_width - 10) / widest, 0.55 * self.cell_height))

    def draw(
        self,
        cells: Sequence[Cell],
        *,
        text_size: float | None = None,
        column_axis: alt.Axis | None = None,
        row_axis: alt.Axis | None = None,
    ) -> list[alt.Chart]:
        """Cells, their texts (of the largest size that fits, if none is given), and axes of columns and rows."""
        base = records(map(asdict, cells))
        x, y = self.x(column_axis), self.y(row_axis)
        texts = base.mark_text(baseline="middle", fontSize=text_size or self.text_size(cells))
        return [
            base.mark_rect(cornerRadius=2).encode(x=x, y=y, color=FILL),
            texts.encode(x=x, y=y, text="text:N", color=INK),
        ]

    def labels(self, side: Literal["row", "column"], labels: Mapping[str, tuple[str, str]], **style: Any) -> alt.Chart:  # noqa: ANN401 - Altair's own fields
        """A text and its colour for keys of rows or columns, at a place of their own across."""
        place = {"y": self.y()} if side == "row" else {"x": self.x()}
        mark: dict[str, Any] = {"align": "center", "baseline": "middle", **style}
        values = [{side: key, "text": text, "ink": ink} for key, (text, ink) in labels.items()]
        chart: alt.Chart = records(values).mark_text(**mark).encode(**place, text="text:N", color=INK)
        return chart


def _band(keys: Sequence[str], start: float, length: float) -> alt.Scale:
    gap = CELL_GAP * len(keys) / length
    return alt.Scale(domain=list(keys), range=[start, start + length], paddingInner=gap, paddingOuter=gap / 2)
