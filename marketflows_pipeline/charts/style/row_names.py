"""Names of rows at the page's left edge: bold, with a smaller second line where rows are high enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from marketflows_pipeline.charts.style.frame import EDGE
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.marks import INK as OWN_INK
from marketflows_pipeline.charts.style.marks import records
from marketflows_pipeline.charts.style.theme import GREY, INK

NAME_SIZE, DETAIL_SIZE = 12.5, 11.0
NAME_MAX = 190

_GAP = 12
# A row must be this high for a name of two lines.
_TWO_LINES = 28


@dataclass(frozen=True)
class RowName:
    """Name of a row by the row's key on the axis, with a second line where there is a detail."""

    row: str
    text: str
    detail: str = ""
    ink: str = INK

    @property
    def width(self) -> float:
        """Room of the longer line."""
        return max(
            text_width(shorten(self.text, NAME_SIZE, NAME_MAX), NAME_SIZE, bold=True),
            text_width(shorten(self.detail, DETAIL_SIZE, NAME_MAX), DETAIL_SIZE),
        )


def names_margin(names: Sequence[RowName]) -> float:
    """Margin to the left of the plot that the names need."""
    return EDGE + max(name.width for name in names) + _GAP


def row_names(names: Sequence[RowName], y: alt.Y, *, left: float, row_height: float) -> list[alt.Chart]:
    """The names beside their rows on the axis of the field row, with the plot ``left`` pixels from the page's edge."""
    style: dict[str, Any] = {"align": "left", "baseline": "middle", "x": EDGE - left}
    base = records(
        {
            "row": name.row,
            "text": shorten(name.text, NAME_SIZE, NAME_MAX),
            "detail": shorten(name.detail, DETAIL_SIZE, NAME_MAX) if row_height >= _TWO_LINES else "",
            "ink": name.ink,
        }
        for name in names
    )
    bold = base.mark_text(**style, dy=alt.ExprRef("datum.detail ? -7 : 0"), fontSize=NAME_SIZE, fontWeight="bold")
    quiet = base.mark_text(**style, dy=7, fontSize=DETAIL_SIZE, color=GREY)
    return [bold.encode(y=y, text="text:N", color=OWN_INK), quiet.encode(y=y, text="detail:N")]
