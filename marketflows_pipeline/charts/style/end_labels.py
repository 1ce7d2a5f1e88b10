"""Labels at the ends of lines, spread so that none overlaps another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.frame import EDGE
from marketflows_pipeline.charts.style.layout import PlotArea, spread, text_width
from marketflows_pipeline.charts.style.marks import records

DIRECT_LABELS_MAX = 12
LABEL_SIZE = 12.5
LABEL_HEIGHT = 16

_LEADER_START, _LEADER_END = 5, 18
_LABEL_LEFT = _LEADER_END + 4


def line_ends(
    rows: pl.DataFrame, styles: Sequence[SeriesStyle], text: Callable[[SeriesStyle, Mapping[str, Any]], str]
) -> pl.DataFrame:
    """Series, text, value of each line's last row, in the order of the styles; a line without rows has no end.

    The text is made from the style and the last of a line's rows (series, value and whatever else it is made of).
    """
    last = {row["series"]: row for row in rows.group_by("series").last().iter_rows(named=True)}
    shown = [(style, last[style.series]) for style in styles if style.series in last]
    ends = [(style.series, text(style, row), row["value"]) for style, row in shown]
    return pl.DataFrame(ends, schema={"series": pl.String, "text": pl.String, "value": pl.Float64}, orient="row")


def end_labels(ends: pl.DataFrame, plot: PlotArea, y: alt.Y, color: alt.Color) -> list[alt.Chart]:
    """Label of each line beside its end (series, value, text), with a thin leader to the end.

    The lines are drawn in the plot with these encodings of ``value`` and ``series``.
    """
    moved = spread([plot.pixel(value) for value in ends.get_column("value")], LABEL_HEIGHT, 0, plot.height)
    labels = ends.select("series", "text", "value", label_y=pl.Series([plot.value(pixel) for pixel in moved]))
    base = records(labels.to_dicts())
    leaders = base.mark_rule(strokeWidth=1, opacity=0.6).encode(
        # `alt.value` costs Altair 4 ms to recognise.
        x=alt.XValue(plot.width + _LEADER_START),  # type: ignore[no-untyped-call] # Altair's has no types
        x2=alt.X2Value(plot.width + _LEADER_END),  # type: ignore[no-untyped-call] # Altair's has no types
        y=y,
        y2=alt.Y2("label_y"),
        color=color,
    )
    texts = base.mark_text(
        align="left", baseline="middle", fontSize=LABEL_SIZE, fontWeight="bold", x=plot.width + _LABEL_LEFT
    ).encode(y=alt.Y("label_y:Q"), text=alt.Text("text:N"), color=color)
    return [leaders, texts]


def names_width(ends: pl.DataFrame) -> float:
    """Room that the labels (column text) need to the right of the plot."""
    return _LABEL_LEFT + max(text_width(text, LABEL_SIZE, bold=True) for text in ends.get_column("text")) + EDGE
