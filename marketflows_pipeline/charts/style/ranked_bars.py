"""Ranked horizontal bars: rows of a name, bars with their values at the ends, and columns of figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from marketflows_pipeline.charts.style.frame import EDGE
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.row_names import RowName, names_margin, row_names
from marketflows_pipeline.charts.style.theme import BACKGROUND, GREY, GRID, REFERENCE

TEXT_SIZE, HEADER_SIZE = 12.5, 12
# Room above the bars for the names of columns.
HEADER = 24

_COLUMN_GAP = 24
# Between the end of a bar and its text.
_BESIDE = 6


@dataclass(frozen=True)
class Text:
    """A text and its colour."""

    text: str
    ink: str = GREY


@dataclass(frozen=True)
class Bar:
    """One bar, from zero through its parts to the last of their ends.

    Attributes:
        text: what stands at its end.
        parts: end and colour of each part, from zero outwards; none where there is no bar.
        is_bold: whether the text is.
        is_hollow: whether it is drawn as an outline.
    """

    text: Text
    parts: tuple[tuple[float, str], ...] = ()
    is_bold: bool = False
    is_hollow: bool = False

    @property
    def end(self) -> float:
        """Where the bar ends."""
        return self.parts[-1][0] if self.parts else 0.0


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        name: what it is of.
        bars: one below the other.
        columns: figures beside the bars.
        detail: a second, smaller line below the name, where rows are high enough.
        begins_group: whether a stronger line stands above it.
    """

    name: Text
    bars: tuple[Bar, ...]
    columns: tuple[Text, ...] = ()
    detail: str = ""
    begins_group: bool = False


@dataclass(frozen=True)
class RankedBars:
    """Rows in their order, with room for all that is written beside the bars.

    Attributes:
        rows: at least one.
        columns: header of each column of figures.
        name: header of the names.
        value: header of the bars: one at zero, or one on each side of it.
        row_most: height of a row at most.
    """

    rows: Sequence[Row]
    columns: tuple[str, ...] = ()
    name: str = ""
    value: tuple[str, ...] = ()
    row_most: float = 42

    @property
    def left(self) -> float:
        """Margin to the left of the bars."""
        return max(names_margin(self._names), EDGE + text_width(self.name, HEADER_SIZE) + 12)

    @property
    def right(self) -> float:
        """Margin to the right of the bars."""
        return EDGE + sum(self._column_widths)

    def draw(self, width: float, height: float) -> list[alt.Chart]:
        """All layers in a plot of this size."""
        x, y = self._x(width), self._y(height)
        bars = [
            {"row": str(place), "bar": str(number), "end": bar.end, **_written(bar.text), "is_bold": bar.is_bold}
            for place, row in enumerate(self.rows)
            for number, bar in enumerate(row.bars)
        ]
        return [
            *self._lines(y, width, height),
            *self._bars(x, y),
            *_end_texts(bars, x, y),
            *row_names(self._names, y, left=self.left, row_height=self._row_height(height)),
            *self._figures(y, width),
            *self._headers(width),
        ]

    @property
    def is_two_sided(self) -> bool:
        """Whether any bar goes to the left."""
        return len(self.value) > 1

    def domain(self, width: float) -> tuple[float, float]:
        """Values at the sides of the plot: as near as they leave room for the text at the end of every bar."""
        room = (width / 2 if self.is_two_sided else width) - _BESIDE - 4
        limits = [
            abs(bar.end) * (room + _BESIDE + 4) / max(20.0, room - text_width(bar.text.text, TEXT_SIZE, bold=True))
            for row in self.rows
            for bar in row.bars
        ]
        limit = max(limits) or 1.0
        return (-limit if self.is_two_sided else 0.0), limit

    @property
    def _names(self) -> list[RowName]:
        return [RowName(str(place), row.name.text, row.detail, row.name.ink) for place, row in enumerate(self.rows)]

    @property
    def _column_widths(self) -> list[float]:
        return [
            _COLUMN_GAP
            + max(
                text_width(header, HEADER_SIZE),
                *(text_width(row.columns[place].text, TEXT_SIZE) for row in self.rows),
            )
            for place, header in enumerate(self.columns)
        ]

    def _row_height(self, height: float) -> float:
        return min(self.row_most, height / len(self.rows))

    def _x(self, width: float) -> alt.X:
        return alt.X("end:Q", scale=alt.Scale(domain=list(self.domain(width)), nice=False), axis=None)

    def _y(self, height: float) -> alt.Y:
        rows = [str(place) for place in range(len(self.rows))]
        used = self._row_height(height) * len(rows)
        return alt.Y("row:N", sort=None, axis=None, scale=alt.Scale(domain=rows, range=[0, used], padding=0))

    def _lines(self, y: alt.Y, width: float, height: float) -> list[alt.Chart]:
        """Thin lines between the rows, stronger ones where a group begins, and the line of zero."""
        below = [*(row.begins_group for row in self.rows[1:]), False]
        lines = [
            {"row": str(place), "stroke": REFERENCE if is_strong else GRID} for place, is_strong in enumerate(below)
        ]
        span: dict[str, Any] = {"strokeWidth": 1, "x": EDGE - self.left, "x2": width + self.right - EDGE}
        color = alt.Color("stroke:N", scale=None)
        zero = alt.Chart(alt.InlineData(values=[{"end": 0}]))
        layers = [
            alt.Chart(alt.InlineData(values=lines)).mark_rule(**span).encode(y=_at(y, 1), color=color),
            alt.Chart(alt.InlineData(values=[{"row": "0"}])).mark_rule(color=GRID, **span).encode(y=_at(y, 0)),
        ]
        if self.is_two_sided:
            bottom = self._row_height(height) * len(self.rows)
            layers.append(zero.mark_rule(color=REFERENCE, strokeWidth=1.2, y=0, y2=bottom).encode(x=self._x(width)))
        return layers

    def _bars(self, x: alt.X, y: alt.Y) -> list[alt.Chart]:
        parts: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
        for place, row in enumerate(self.rows):
            for number, bar in enumerate(row.bars):
                start = 0.0
                for end, fill in bar.parts:
                    if end != start:
                        part = {"row": str(place), "bar": str(number), "start": start, "end": end, "fill": fill}
                        parts[bar.is_hollow].append(part)
                    start = end
        layers = []
        for is_hollow, some in parts.items():
            if some:
                base = alt.Chart(alt.InlineData(values=some))
                mark = base.mark_bar(fill=BACKGROUND, strokeWidth=1.4) if is_hollow else base.mark_bar()
                channel = (alt.Stroke if is_hollow else alt.Fill)("fill:N", scale=None)
                layers.append(mark.encode(channel, x=x, x2="start", y=y, yOffset=_bar_offset()))
        return layers

    def _figures(self, y: alt.Y, width: float) -> list[alt.Chart]:
        layers, right = [], width
        for column, room in enumerate(self._column_widths):
            right += room
            rows = [{"row": str(place), **_written(row.columns[column])} for place, row in enumerate(self.rows)]
            mark = alt.Chart(alt.InlineData(values=rows)).mark_text(
                align="right", baseline="middle", fontSize=TEXT_SIZE, x=right
            )
            layers.append(mark.encode(y=y, text="text:N", color=alt.Color("ink:N", scale=None)))
        return layers

    def _headers(self, width: float) -> list[alt.Chart]:
        texts: list[tuple[str, float, Any]] = [(self.name, EDGE - self.left, "left")]
        if self.is_two_sided:
            texts += [(self.value[0], width / 2 - 10, "right"), (self.value[1], width / 2 + 10, "left")]
        else:
            texts += [(text, 0, "left") for text in self.value]
        right = width
        for header, room in zip(self.columns, self._column_widths, strict=True):
            right += room
            texts.append((header, right, "right"))
        return [
            alt.Chart(alt.InlineData(values=[{}])).mark_text(
                text=text, x=x, align=align, y=-11, baseline="middle", fontSize=HEADER_SIZE, color=GREY
            )
            for text, x, align in texts
            if text
        ]


def _end_texts(bars: list[dict[str, Any]], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Texts at the ends of bars, to the right of those that go right."""
    layers = []
    for is_right in (True, False):
        for is_bold in (True, False):
            some = [bar for bar in bars if (bar["end"] >= 0) is is_right and bar["is_bold"] is is_bold]
            if some:
                mark = alt.Chart(alt.InlineData(values=some)).mark_text(
                    align="left" if is_right else "right",
                    dx=_BESIDE if is_right else -_BESIDE,
                    baseline="middle",
                    fontSize=TEXT_SIZE,
                    fontWeight="bold" if is_bold else "normal",
                )
                ink = alt.Color("ink:N", scale=None)
                layers.append(mark.encode(x=x, y=y, yOffset=_bar_offset(), text="text:N", color=ink))
    return layers


def _bar_offset() -> alt.YOffset:
    """Bars of a row share its height, with room between them and to the next row."""
    return alt.YOffset("bar:N", sort=None, scale=alt.Scale(paddingOuter=0.28, paddingInner=0.2))


def _at(y: alt.Y, band: float) -> alt.Y:
    """The same position at another place of its band: 0 for its top, 1 for its bottom."""
    moved: alt.Y = y.bandPosition(band)
    return moved


def _written(text: Text) -> dict[str, Any]:
    return {"text": text.text, "ink": text.ink}
