"""Ranked horizontal bars: rows of a name, bars with their values at the ends, and columns of figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import altair as alt

from marketflows_pipeline.charts.style.axes import LegendEntry
from marketflows_pipeline.charts.style.frame import EDGE, Frame
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.marks import INK, note, pixel_x, pixel_y, records, reference_line
from marketflows_pipeline.charts.style.row_names import RowName, names_margin, row_names
from marketflows_pipeline.charts.style.theme import BACKGROUND, GREY, GRID, INTO, OUT_OF, REFERENCE, sign_ink

TEXT_SIZE, HEADER_SIZE = 12.5, 12
FLOW_SYMBOLS = (LegendEntry("net inflow", INTO), LegendEntry("net outflow", OUT_OF))
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
    """One bar with a text at its end, drawn as an outline where it is hollow.

    It goes from zero through its parts, each an end and a colour, from zero outwards; without parts there is no bar.
    """

    text: Text
    parts: tuple[tuple[float, str], ...] = ()
    is_bold: bool = False
    is_hollow: bool = False

    @property
    def end(self) -> float:
        """Where the bar ends."""
        return self.parts[-1][0] if self.parts else 0.0


def signed_part(value: float | None) -> tuple[tuple[float, str], ...]:
    """The part of a bar for a signed amount; none where it is zero or not known."""
    return ((value, INTO if value > 0 else OUT_OF),) if value else ()


def flow_bar(value: float | None, text: str) -> Bar:
    """The bar of a signed amount with a text in its colour, bold where the amount is known."""
    return Bar(Text(text, sign_ink(value)), signed_part(value), is_bold=value is not None)


def reference_bar(value: float | None, text: str) -> Bar:
    """The hollow grey bar of an amount that another one is read against."""
    return Bar(Text(text), ((value, REFERENCE),) if value else (), is_hollow=True)


@dataclass(frozen=True)
class Row:
    """One row: its name, bars one below the other, and figures beside them.

    The detail is a second, smaller line below the name, where rows are high enough. A stronger line stands above a row
    that begins a group.
    """

    name: Text
    bars: tuple[Bar, ...]
    columns: tuple[Text, ...] = ()
    detail: str = ""
    begins_group: bool = False


@dataclass(frozen=True)
class RankedBars:
    """At least one row, in their order, with room for all that is written beside the bars.

    Headers stand above the names, above each column of figures, and above the bars: one at zero, or one on each side of
    it. A row is at most ``row_most`` pixels high.
    """

    rows: Sequence[Row]
    columns: tuple[str, ...] = ()
    name: str = ""
    value: tuple[str, ...] = ()
    row_most: float = 42

    def page(
        self,
        title: str,
        subtitle: Sequence[str],
        footer: Sequence[str],
        symbols: Sequence[LegendEntry] = (),
        *,
        above: float = 32,
        is_fitted: bool = False,
    ) -> alt.LayerChart:
        """A page of nothing but these rows, their headers and a legend.

        Args:
            title: the finding.
            subtitle: the method.
            footer: source, as-of time and caveats.
            symbols: of the legend.
            above: room above the headers, where the legend stands.
            is_fitted: whether the page is as high as its rows at their full height need.
        """
        page = Frame(title, subtitle, footer, left=self.left, right=self.right, above=HEADER + above)
        if is_fitted:
            page = page.around(self.row_most * len(self.rows))
        key = page.legend(symbols, 16 - above - HEADER) if symbols else []
        return page.draw([*self.draw(page.plot_width, page.plot_height), *key])

    @property
    def left(self) -> float:
        """Margin to the left of the bars."""
        return max(names_margin(self._names), EDGE + text_width(self.name, HEADER_SIZE) + 12)

    @property
    def right(self) -> float:
        """Margin to the right of the bars."""
        return EDGE + sum(self._column_widths)

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

    def draw(self, width: float, height: float) -> list[alt.Chart]:
        """All layers in a plot of this size."""
        step = min(self.row_most, height / len(self.rows))
        keys = [str(place) for place in range(len(self.rows))]
        rows = alt.Scale(domain=keys, range=[0, step * len(keys)], padding=0)
        x = alt.X("end:Q", scale=alt.Scale(domain=list(self.domain(width)), nice=False), axis=None)
        y = alt.Y("row:N", sort=None, axis=None, scale=rows)
        ends = [width + room for room in accumulate(self._column_widths)]
        figures = [
            {"row": str(place), "text": text.text, "ink": text.ink, "x": end}
            for place, row in enumerate(self.rows)
            for text, end in zip(row.columns, ends, strict=True)
        ]
        columns = records(figures).mark_text(align="right", baseline="middle", fontSize=TEXT_SIZE)
        return [
            *self._lines(step, width),
            *([reference_line("end", 0, y=0, y2=step * len(keys)).encode(x=x)] if self.is_two_sided else []),
            *self._bars(x, y),
            *row_names(self._names, y, left=self.left, row_height=step),
            *([columns.encode(x=pixel_x("x"), y=y, text="text:N", color=INK)] if figures else []),
            *self._headers(width, ends),
        ]

    @property
    def _names(self) -> list[RowName]:
        return [RowName(str(place), row.name.text, row.detail, row.name.ink) for place, row in enumerate(self.rows)]

    @property
    def _column_widths(self) -> list[float]:
        figures = [
            [text_width(row.columns[place].text, TEXT_SIZE) for row in self.rows] for place in range(len(self.columns))
        ]
        headers = [text_width(header, HEADER_SIZE) for header in self.columns]
        return [_COLUMN_GAP + max(header, *widths) for header, widths in zip(headers, figures, strict=True)]

    def _lines(self, step: float, width: float) -> list[alt.Chart]:
        """Thin lines around the rows, stronger ones where a group begins."""
        groups = [False, *(row.begins_group for row in self.rows[1:]), False]
        lines = [{"y": step * place, "ink": REFERENCE if begins else GRID} for place, begins in enumerate(groups)]
        mark = records(lines).mark_rule(strokeWidth=1, x=EDGE - self.left, x2=width + self.right - EDGE)
        return [mark.encode(y=pixel_y("y"), color=INK)]

    def _bars(self, x: alt.X, y: alt.Y) -> list[alt.Chart]:
        """The bars, and the text at the end of each: to the right of those that go right."""
        parts, texts = [], []
        for place, row in enumerate(self.rows):
            for number, bar in enumerate(row.bars):
                key = {"row": str(place), "bar": str(number)}
                starts = (0.0, *(end for end, _ in bar.parts))
                parts += [
                    {**key, "start": start, "end": end, "fill": fill, "inside": BACKGROUND if bar.is_hollow else fill}
                    for start, (end, fill) in zip(starts, bar.parts, strict=False)
                    if end != start
                ]
                text = {"text": bar.text.text, "ink": bar.text.ink, "is_bold": bar.is_bold}
                texts.append({**key, "end": bar.end, **text})
        # Bars of a row share its height, with room between them and to the next row.
        offset = alt.YOffset("bar:N", sort=None, scale=alt.Scale(paddingOuter=0.28, paddingInner=0.2))
        bars = records(parts).mark_bar(
            fill=alt.ExprRef("datum.inside"),
            stroke=alt.ExprRef("datum.inside == datum.fill ? null : datum.fill"),
            strokeWidth=1.4,
        )
        labels = records(texts).mark_text(
            align=alt.ExprRef("datum.end < 0 ? 'right' : 'left'"),
            dx=alt.ExprRef(f"datum.end < 0 ? -{_BESIDE} : {_BESIDE}"),
            baseline="middle",
            fontSize=TEXT_SIZE,
            fontWeight=alt.ExprRef("datum.is_bold ? 'bold' : 'normal'"),
        )
        drawn = [bars.encode(x=x, x2="start", y=y, yOffset=offset)] if parts else []
        return [*drawn, labels.encode(x=x, y=y, yOffset=offset, text="text:N", color=INK)]

    def _headers(self, width: float, ends: Sequence[float]) -> list[alt.Chart]:
        texts: list[tuple[str, float, Any]] = [(self.name, EDGE - self.left, "left")]
        if self.is_two_sided:
            texts += [(self.value[0], width / 2 - 10, "right"), (self.value[1], width / 2 + 10, "left")]
        else:
            texts += [(text, 0, "left") for text in self.value]
        texts += [(header, end, "right") for header, end in zip(self.columns, ends, strict=True)]
        return [note(text, x=x, align=align, y=-11, fontSize=HEADER_SIZE) for text, x, align in texts if text]
