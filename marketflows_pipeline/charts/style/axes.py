"""Axes, keys and their labels, which several pictures share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import altair as alt

from marketflows_pipeline.charts.style.days import epoch_ms
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.theme import GREY, GRID
from marketflows_pipeline.system.printable import boxed

HEAD_SIZE = 12
KEY_SIZE = 12
_ENTRY_GAP = 16
_TICKS_MOST = 10
_TICK_DAYS = (1, 2, 3, 5, 7, 10, 14, 30, 60, 90, 180)


@dataclass(frozen=True)
class KeyEntry:
    """One symbol of a key and what it means.

    Attributes:
        text: what it means.
        fill: its colour.
        stroke: its outline.
        shape: Vega's name of the shape.
        size: its area in square pixels.
    """

    text: str
    fill: str
    stroke: str = "transparent"
    shape: str = "square"
    size: float = 110


def day_scale(first: date, last: date) -> alt.Scale:
    """Scale of the horizontal axis from one day to another."""
    return alt.Scale(type="utc", domain=[epoch_ms(first), epoch_ms(last)], nice=False)


def day_axis(first: date, last: date) -> alt.Axis:
    """Axis of days whose last tick is the last day."""
    span = (last - first).days
    step = next((days for days in _TICK_DAYS if span // days < _TICKS_MOST), 365)
    ticks = [epoch_ms(last - timedelta(days=back)) for back in range(0, span + 1, step)]
    return alt.Axis(
        title="UTC",
        titleAnchor="end",
        titlePadding=2,
        grid=False,
        values=ticks,
        labelExpr="utcFormat(datum.value, '%-d %b')",
        labelOverlap=True,
    )


def figure_axis(labels: str, ticks: int = 6, values: Sequence[float] | None = None) -> alt.Axis:
    """Quiet vertical axis: labels and grid lines; its title is a `axis_title` above the plot.

    Args:
        labels: Vega expression of a label from ``datum.value``.
        ticks: wished number of ticks.
        values: where they are, if they are not to be chosen.
    """
    places: dict[str, Any] = {"tickCount": ticks} if values is None else {"values": list(values), "labelOverlap": True}
    return alt.Axis(
        title=None,
        orient="left",
        domain=False,
        ticks=False,
        labelPadding=6,
        labelExpr=labels,
        grid=True,
        gridColor=GRID,
        **places,
    )


def axis_title(text: str, *, x: float, y: float) -> alt.Chart:
    """One line of small grey text that ends ``y`` pixels below the plot's top."""
    chart: alt.Chart = alt.Chart(alt.InlineData(values=[{}])).mark_text(
        text=text, align="left", baseline="bottom", fontSize=HEAD_SIZE, color=GREY, x=x, y=y
    )
    return chart


def legend(entries: Sequence[KeyEntry], *, right: float, y: float) -> list[alt.Chart]:
    """Symbols with their meaning in one row that ends at ``right`` and has its middle at ``y``, in pixels."""
    values = []
    x = right - key_width(entries)
    for entry in entries:
        symbol = entry.size**0.5
        values.append(
            {
                "symbol_x": x + symbol / 2,
                "text_x": x + symbol + 5,
                "text": entry.text,
                "fill": entry.fill,
                "stroke": entry.stroke,
                "shape": entry.shape,
                "size": entry.size,
            }
        )
        x += _entry_width(entry)
    base = alt.Chart(alt.InlineData(values=values))
    symbols: alt.Chart = base.mark_point(strokeWidth=1.4, opacity=1, y=y).encode(
        x=pixel_x("symbol_x"),
        fill=alt.Fill("fill:N", scale=None),
        stroke=alt.Stroke("stroke:N", scale=None),
        shape=alt.Shape("shape:N", scale=None),
        size=alt.Size("size:Q", scale=None),
    )
    texts: alt.Chart = base.mark_text(align="left", baseline="middle", fontSize=KEY_SIZE, color=GREY, y=y).encode(
        x=pixel_x("text_x"), text=alt.Text("text:N")
    )
    return [symbols, texts]


def key_width(entries: Sequence[KeyEntry]) -> float:
    """Room that a row of symbols needs."""
    return sum(map(_entry_width, entries)) - _ENTRY_GAP


def pixel_x(field: str) -> alt.X:
    """A field that holds a distance from the plot's left edge in pixels."""
    return alt.X(f"{field}:Q", scale=None, axis=None)


def pixel_y(field: str) -> alt.Y:
    """A field that holds a distance from the plot's top in pixels."""
    return alt.Y(f"{field}:Q", scale=None, axis=None)


def _entry_width(entry: KeyEntry) -> float:
    return float(entry.size**0.5) + 5 + text_width(entry.text, KEY_SIZE) + _ENTRY_GAP


def label_expression(labels: Mapping[str, str]) -> str:
    """Vega's expression for the label that stands for each value of an axis or a legend."""
    # Escaped as JSON, a control character is plain text to the pool, which replaces the others.
    shown = {boxed(value): boxed(label) for value, label in labels.items()}
    return f"{json.dumps(shown)}[datum.value]"
