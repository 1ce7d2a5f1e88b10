"""Lines over time that break where a value is missing."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.style.marks import csv_chart, records
from marketflows_pipeline.charts.style.theme import INK
from marketflows_pipeline.charts.style.time_axis import is_alone

LABEL_SIZE = 12.5


def broken_lines(
    rows: pl.DataFrame,
    x: alt.X,
    y: alt.Y,
    *,
    width: float = 2,
    **channels: Any,  # noqa: ANN401 (what Altair takes)
) -> list[alt.Chart]:
    """Lines with a dot at each line's last value, and at each value between two gaps, which no line could show.

    Args:
        rows: at (ms), value, series, run (see `time_axis`): by series and time, without missing values.
        x: the time axis, of the field at.
        y: the value axis, of the field value.
        width: of the lines.
        channels: colour and dash of a series; without them lines are black.
    """
    ends = rows.filter(is_alone("series", "run") | (pl.col("at") == pl.col("at").max().over("series")))
    look: dict[str, Any] = {} if channels else {"color": INK}
    lines = csv_chart(rows.select("series", "run", "at", pl.col("value").round_sig_figs(7))).mark_line(
        strokeWidth=width, interpolate="linear", strokeJoin="round", **look
    )
    points = csv_chart(ends.select("series", "at", "value")).mark_point(size=26, filled=True, opacity=1, **look)
    color = {name: channel for name, channel in channels.items() if name == "color"}
    return [lines.encode(x=x, y=y, detail="run:N", **channels), points.encode(x=x, y=y, **color)]


def lone_dots(rows: pl.DataFrame, *over: str, **channels: Any) -> list[alt.Chart]:  # noqa: ANN401 (what Altair takes)
    """A dot for each value that stands between two gaps, which no line could show; no layer where there is none.

    Args:
        rows: those of the lines.
        over: columns that tell runs apart.
        channels: position and colour.
    """
    lone = rows.filter(is_alone(*over))
    return [] if lone.is_empty() else [csv_chart(lone).mark_point(size=26, filled=True, opacity=1).encode(**channels)]


def value_label(rows: pl.DataFrame, text: str, x: alt.X, y: alt.Y) -> alt.Chart:
    """Text to the right of the last value of the only line."""
    last = records(rows.select("at", "value").tail(1).to_dicts())
    chart: alt.Chart = last.mark_text(
        text=text, align="left", baseline="middle", dx=8, fontSize=LABEL_SIZE, fontWeight="bold", color=INK
    ).encode(x=x, y=y)
    return chart
