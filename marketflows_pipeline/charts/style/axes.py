"""Value axes, axis titles and legends, which several charts share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from marketflows_pipeline.charts.style.layout import PlotArea, text_width
from marketflows_pipeline.charts.style.marks import note, pixel_x, records
from marketflows_pipeline.charts.style.theme import GREY, GRID, INK
from marketflows_pipeline.system.printable import boxed

# Vega's number format writes G for 10^9; people write B.
USD_LABEL = "replace(replace(format(datum.value, '$.3~s'), 'G', 'B'), 'k', 'K')"
PERCENT_LABEL = "format(datum.value, ',~f') + '%'"

LEGEND_SIZE = 12
_ENTRY_GAP = 16


@dataclass(frozen=True)
class LegendEntry:
    """One symbol of a legend and what it means; the size is its area in square pixels."""

    text: str
    fill: str
    stroke: str = "transparent"
    shape: str = "square"
    size: float = 110

    @property
    def width(self) -> float:
        """Room of symbol and text."""
        return float(self.size**0.5) + 5 + text_width(self.text, LEGEND_SIZE)


def signed(label: str) -> str:
    """The label expression with a plus sign before what is above zero."""
    return f"(datum.value > 0 ? '+' : '') + {label}"


def value_axis(label: str, ticks: int = 6, **more: Any) -> alt.Axis:  # noqa: ANN401 - Altair's own fields
    """Quiet vertical axis: labels and grid lines; its title is an `axis_title` above the plot.

    Args:
        label: Vega expression of a label from ``datum.value``.
        ticks: wished number of ticks.
        more: other properties of the axis.
    """
    quiet: dict[str, Any] = {"domain": False, "ticks": False, "labelPadding": 6, "gridColor": GRID}
    # In a lower panel the axis would stand on the right.
    return alt.Axis(title=None, orient="left", labelExpr=label, tickCount=ticks, **(quiet | more))


def value_y(plot: PlotArea, axis: alt.Axis | None, field: str = "value") -> alt.Y:
    """A field on the vertical axis of a plot, which ends at just these values."""
    pixels = [plot.top + plot.height, plot.top]
    scale = alt.Scale(domain=[plot.low, plot.high], range=pixels, nice=False, zero=False)
    return alt.Y(f"{field}:Q", scale=scale, axis=axis)


def value_x(plot: PlotArea, axis: alt.Axis, field: str) -> alt.X:
    """A field across a plot, on an axis that ends at just these values."""
    return alt.X(f"{field}:Q", scale=alt.Scale(domain=list(plot.across), nice=False, zero=False), axis=axis)


def name_axis(**more: Any) -> alt.Axis:  # noqa: ANN401 - Altair's own fields
    """Axis of nothing but the names of rows or columns."""
    quiet: dict[str, Any] = {"title": None, "domain": False, "ticks": False, "labelAngle": 0, "labelPadding": 8}
    return alt.Axis(**({**quiet, "labelColor": INK} | more))


def axis_title(text: str, *, x: float, y: float = -10) -> alt.Chart:
    """One line of small grey text that ends ``-y`` pixels above the plot."""
    return note(text, x=x, y=y, baseline="bottom")


def legend(entries: Sequence[LegendEntry], *, right: float, y: float = -17) -> list[alt.Chart]:
    """Symbols with their meaning in one row that ends at ``right`` and has its middle at ``y``, in pixels."""
    values = []
    x = right - sum(entry.width for entry in entries) - _ENTRY_GAP * (len(entries) - 1)
    for entry in entries:
        symbol = entry.size**0.5
        look = {"fill": entry.fill, "stroke": entry.stroke, "shape": entry.shape, "size": entry.size}
        values.append({"symbol_x": x + symbol / 2, "text_x": x + symbol + 5, "text": entry.text, **look})
        x += entry.width + _ENTRY_GAP
    base = records(values)
    return [
        base.mark_point(strokeWidth=1.4, opacity=1, y=y).encode(
            x=pixel_x("symbol_x"),
            fill=alt.Fill("fill:N", scale=None),
            stroke=alt.Stroke("stroke:N", scale=None),
            shape=alt.Shape("shape:N", scale=None),
            size=alt.Size("size:Q", scale=None),
        ),
        base.mark_text(align="left", baseline="middle", fontSize=LEGEND_SIZE, color=GREY, y=y).encode(
            x=pixel_x("text_x"), text="text:N"
        ),
    ]


def label_expression(labels: Mapping[str, str]) -> str:
    """Vega's expression for the label that stands for each value of an axis or a legend."""
    # Escaped as JSON, a control character is plain text to the pool, which replaces the others.
    shown = {boxed(value): boxed(label) for value, label in labels.items()}
    return f"{json.dumps(shown)}[datum.value]"
