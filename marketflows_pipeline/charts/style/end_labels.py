"""The names of the lines: labels at their ends, or a legend where there are too many."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import altair as alt
import polars as pl

from marketflows_pipeline.charts.spec import ChartSpec
from marketflows_pipeline.charts.style.axes import label_expression
from marketflows_pipeline.charts.style.layout import PlotArea, shorten, spread, text_width
from marketflows_pipeline.charts.style.page import EDGE
from marketflows_pipeline.charts.style.wording import value_decimals, value_text

DIRECT_LABELS_MAX = 12
LABEL_SIZE = 12.5
LABEL_HEIGHT = 16
LEGEND_MAX = 87

_LEGEND_SIZE = 12
_LABEL_GAP = 14
# Room for one name by the number of legend columns; direct labels have the first.
_LABEL_MAX = {1: 210, 2: 150, 3: 110}
_LEGEND_ROWS = 29
# From here on the hour of an end says nothing.
LONG_SPAN = timedelta(days=6)
_ABSENT_NAMED = 8

_Channel = TypeVar("_Channel")


def line_ends(rows: pl.DataFrame, spec: ChartSpec) -> pl.DataFrame:
    """Last value and label text of each series that has a value.

    Labels have the decimals that tell the last values apart from each other and from the reference line.

    Args:
        rows: series, ts, value: the visible window.
        spec: what the chart says.

    Returns:
        series, ts, value, text in the spec's order.
    """
    styles = {style.series: style for style in spec.series}
    window = rows.get_column("ts")
    is_long = window.max() - window.min() >= LONG_SPAN  # type: ignore[operator]
    ends = rows.filter(pl.col("value").is_not_null()).group_by("series", maintain_order=True).last()
    values = [*ends.get_column("value"), spec.reference_level]
    decimals = 2 if spec.is_unit else value_decimals(max(values) - min(values))
    most = _LABEL_MAX[legend_columns(ends.height)]
    texts = []
    for series, ts, value in ends.iter_rows():
        ended = "" if ts == window.max() else f" ({ts.day} {ts:{'%b' if is_long else '%b %H:%M'}})"
        figure = value_text(value, decimals, signed=spec.diff_order > 0 and not spec.is_unit) + ended
        room = most - text_width(f" {figure}", LABEL_SIZE, bold=True)
        texts.append(f"{shorten(styles[series].label, LABEL_SIZE, room)} {figure}")
    order = {series: rank for rank, series in enumerate(styles)}
    return ends.with_columns(text=pl.Series(texts, dtype=pl.String)).sort(
        pl.col("series").replace_strict(order, return_dtype=pl.Int32)
    )


def name_caveats(ends: pl.DataFrame, spec: ChartSpec) -> list[str]:
    """Notes that name the series without a value in the window, and say where a legend leaves some out."""
    shown = set(ends.get_column("series"))
    absent = [style.label for style in spec.series if style.series not in shown]
    notes = []
    if absent:
        more = f" and {len(absent) - _ABSENT_NAMED} more" if len(absent) > _ABSENT_NAMED else ""
        notes.append(f"no value in this window: {', '.join(absent[:_ABSENT_NAMED])}{more}")
    if ends.height > LEGEND_MAX:
        notes.append(f"the legend names the {LEGEND_MAX} highest of {ends.height} series")
    return notes


def end_labels(ends: pl.DataFrame, plot: PlotArea, y: alt.Y, color: alt.Color) -> list[alt.Chart]:
    """Label of each line at its end, spread so that none overlaps, with a thin connector to the line's end."""
    wished = [plot.pixel(value) for value in ends.get_column("value")]
    moved = spread(wished, LABEL_HEIGHT, 0, plot.height)
    labels = ends.select("series", "text", "value", label_y=pl.Series([plot.value(pixel) for pixel in moved]))
    data = alt.InlineData(values=labels.to_dicts())
    connectors: alt.Chart = (
        alt.Chart(data)
        .mark_rule(strokeWidth=1, opacity=0.6)
        .encode(
            x=_fixed(alt.XValue, plot.width + 5),
            x2=_fixed(alt.X2Value, plot.width + _LABEL_GAP - 2),
            y=y,
            y2=alt.Y2("label_y"),
            color=color,
        )
    )
    texts: alt.Chart = (
        alt.Chart(data)
        .mark_text(
            align="left",
            baseline="middle",
            fontSize=LABEL_SIZE,
            fontWeight="bold",
        )
        .encode(
            x=_fixed(alt.XValue, plot.width + _LABEL_GAP + 2),
            y=alt.Y("label_y:Q"),
            text=alt.Text("text:N"),
            color=color,
        )
    )
    return [connectors, texts]


def legend_order(ends: pl.DataFrame) -> list[str]:
    """Series from the highest last value to the lowest."""
    return ends.sort("value", descending=True, maintain_order=True).get_column("series").to_list()


def legend(ends: pl.DataFrame) -> alt.Legend:
    """Names with latest values, in the order of the lines' ends."""
    texts = dict(ends.select("series", "text").iter_rows())
    columns = legend_columns(ends.height)
    return alt.Legend(
        title=None,
        orient="right",
        offset=16,
        symbolType="stroke",
        symbolSize=360,
        values=legend_order(ends)[:LEGEND_MAX],
        # Vega would leave out all after the thirtieth.
        symbolLimit=0,
        labelExpr=label_expression(texts),
        labelLimit=_LABEL_MAX[columns],
        columns=columns,
        rowPadding=1,
    )


def legend_columns(names: int) -> int:
    """Columns of a legend with so many names."""
    return min(len(_LABEL_MAX), -(-names // _LEGEND_ROWS))


def names_width(ends: pl.DataFrame) -> float:
    """Room that the names need to the right of the plot."""
    if ends.height <= DIRECT_LABELS_MAX:
        widest = max(text_width(text, LABEL_SIZE, bold=True) for text in ends.get_column("text"))
        return _LABEL_GAP + 2 + widest + EDGE
    widest = max(text_width(text, _LEGEND_SIZE) for text in ends.get_column("text"))
    return 16 + legend_columns(ends.height) * (widest + 44) + EDGE


def _fixed(channel: Callable[..., _Channel], pixels: float) -> _Channel:
    """A position in pixels; `alt.value` would do the same, but costs Altair 4 ms to recognise."""
    return channel(pixels)
