"""Line charts of the index, its growth, its inflection and their unit scaling."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.legend import LEGEND_MAX, LineNames, name_room
from marketflows_pipeline.charts.market_caps.window import lone_points, thinned, visible_rows, without_flat_start
from marketflows_pipeline.charts.market_caps.wording import (
    MOSTLY_PRICE,
    Standing,
    chart_subtitle,
    chart_title,
    start_text,
    value_axis_title,
)
from marketflows_pipeline.charts.spec import ChartSpec
from marketflows_pipeline.charts.style.axes import signed, value_axis, value_y
from marketflows_pipeline.charts.style.end_labels import LABEL_SIZE
from marketflows_pipeline.charts.style.frame import Frame, framed
from marketflows_pipeline.charts.style.layout import reach, roomy, shorten, text_width
from marketflows_pipeline.charts.style.marks import csv_chart, reference_line
from marketflows_pipeline.charts.style.time_axis import first_and_last, first_and_last_time, time_x
from marketflows_pipeline.charts.style.wording import (
    footer_parts,
    note_of,
    percent_text,
    short_day,
    value_decimals,
    value_text,
)

# A bucket this wide holds at most four points, about as dense as a 1.5 px stroke can show.
PIXELS_PER_BUCKET = 3

_MARKERS_UP_TO = 16
_DENSE_FROM = 400
# From here on the hour of a time says nothing.
LONG_SPAN = timedelta(days=6)
_NAMED = 8
_DWARFS_FROM = 10


@framed
def line_chart(frame: pl.DataFrame, spec: ChartSpec) -> alt.LayerChart:
    """Draw lines that are straight between points and broken at nulls.

    Values are shown in percent of the value at the start: ``100 (v - 1)`` for an index that starts at 1, ``100 v`` for
    its growth and inflection, which stay per grid step. Unit-scaled values are shown as they are.
    """
    rows = shown_rows(frame, spec)
    first, last = first_and_last_time(rows)
    is_long = last - first >= LONG_SPAN
    start = start_text(first, is_long=is_long)
    ends = last_values(rows, spec)
    names = LineNames(ends, spec.series)
    page = Frame(
        title=chart_title(spec, standings(ends, spec, first, last), start),
        subtitle=chart_subtitle(spec, last - first),
        footer=footer_parts(spec.source, spec.as_of, [*spec.notes, *caveats(rows, ends, spec)]),
        left=64,
        right=names.width,
        below=34,
    )
    plot = page.plot(*value_domain(rows.get_column("value"), spec))
    x = time_x("ts", first, last, clock_axis(is_long=is_long))
    y = value_y(plot, value_axis("datum.label" if spec.is_unit else signed("datum.label"), ticks=7))
    return page.draw(
        [
            *line_layers(rows, ends, x, y, width=plot.width, **names.channels),
            page.value_title(value_axis_title(spec, start)),
            *names.labels(plot, y),
        ]
    )


def line_layers(
    rows: pl.DataFrame,
    ends: pl.DataFrame,
    x: alt.X,
    y: alt.Y,
    *,
    width: float,
    **channels: Any,  # noqa: ANN401 (what Altair takes)
) -> list[alt.Chart]:
    """The line at zero, the lines, and dots at their ends and where a line could show nothing.

    Args:
        rows: as `shown_rows` gives them.
        ends: as `last_values` gives them.
        x: the time axis.
        y: the value axis.
        width: of the plot in pixels, for which the lines are thinned.
        channels: colour and dash of a series.
    """
    drawn = thinned(rows, round(width / PIXELS_PER_BUCKET))
    is_dense = drawn.height / ends.height > _DENSE_FROM
    lines = _csv(drawn).mark_line(
        interpolate="linear",
        strokeWidth=1.5 if is_dense else 2,
        strokeJoin="bevel" if is_dense else "round",
        invalid="break-paths-show-domains",
    )
    dots = _csv(_dots(rows, ends)).mark_point(size=26, filled=True, opacity=1)
    return [
        reference_line("value", 0).encode(y=y),
        lines.encode(x=x, y=y, **channels),
        dots.encode(x=x, y=y, color=channels["color"]),
    ]


def shown_rows(frame: pl.DataFrame, spec: ChartSpec) -> pl.DataFrame:
    """The rows of the visible window, in percent unless unit-scaled."""
    known = frame.filter(pl.col("series").is_in([style.series for style in spec.series]))
    rows = visible_rows(known, spec.visible_steps, spec.step)
    if spec.is_unit:
        return rows
    if spec.diff_order > 0:
        return rows.with_columns(pl.col("value") * 100)
    return without_flat_start(rows).with_columns((pl.col("value") - 1) * 100)


def last_values(rows: pl.DataFrame, spec: ChartSpec) -> pl.DataFrame:
    """Last value of each series that has one, and the texts that show it, in the spec's order.

    Figures have the decimals that tell the last values apart from each other and from zero.

    Returns:
        series, ts, value, start (time of the first value), label, figure, text (label and figure; where the series
        ended early also when).
    """
    first, last = first_and_last(rows, "ts")
    hours = "" if last - first >= LONG_SPAN else " %H:%M"
    ends = rows.drop_nulls("value").group_by("series").agg(pl.all().last(), start=pl.col("ts").first())
    known = {series: place for series, *place in ends.iter_rows()}
    low, high = reach(ends["value"], 0.0)
    decimals = max(1, value_decimals(high - low))
    records = []
    for style in spec.series:
        if style.series not in known:
            continue
        ts, value, start = known[style.series]
        figure = value_text(value, 2, signed=False) if spec.is_unit else percent_text(value, decimals)
        ended = "" if ts == last else f" ({short_day(ts)}{ts:{hours}})"
        room = name_room(len(known)) - text_width(f" {figure}{ended}", LABEL_SIZE, bold=True)
        text = f"{shorten(style.label, LABEL_SIZE, room)} {figure}{ended}"
        records.append((style.series, ts, value, start, style.label, figure, text))
    texts = dict.fromkeys(("label", "figure", "text"), pl.String)
    return pl.DataFrame(records, schema={**ends.schema, **texts}, orient="row")


def standings(ends: pl.DataFrame, spec: ChartSpec, first: date, last: date) -> list[Standing]:
    """Where each series stands that reaches the last time; of levels, of those that began at the first."""
    comparable = ends.filter(ts=last) if spec.diff_order else ends.filter(ts=last, start=first)
    return [Standing(*row) for row in comparable.select(Standing._fields).iter_rows()]


def caveats(rows: pl.DataFrame, ends: pl.DataFrame, spec: ChartSpec) -> list[str]:
    """What the reader must be told: names left out, other starts, one series that dwarfs the others, mostly price."""
    shown = set(ends.get_column("series"))
    absent = [style.label for style in spec.series if style.series not in shown]
    late = ends.filter(pl.col("start") > rows.get_column("ts").min()).select("label", "start")
    notes = [MOSTLY_PRICE] if spec.diff_order > 0 else []
    notes += note_of("no value in this window", absent, _NAMED)
    if not spec.diff_order:
        starts = [f"{label} ({short_day(start)})" for label, start in late.iter_rows()]
        notes += note_of("change since a later start", starts, _NAMED)
    if ends.height > LEGEND_MAX:
        notes.append(f"the legend names the {LEGEND_MAX} highest of {ends.height} series")
    farthest = rows.group_by("series").agg(pl.col("value").abs().max()).drop_nulls().sort("value", descending=True)
    if farthest.height > 1 and farthest["value"][0] >= _DWARFS_FROM * farthest["value"][1] > 0:
        label = ends.filter(series=farthest["series"][0])["label"][0]
        times = farthest["value"][0] / farthest["value"][1]
        notes.append(f"{label} moves {times:,.0f} times as far as any other series")
    return notes


def _dots(rows: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    """Line ends, values between two gaps, and every value of a short window."""
    is_short = rows.get_column("ts").n_unique() <= _MARKERS_UP_TO
    others = rows.drop_nulls() if is_short else lone_points(rows)
    return pl.concat([ends.select("series", "ts", "value"), others]).unique().sort("series", "ts")


def clock_axis(*, is_long: bool) -> alt.Axis:
    """The time axis: days, and hours where the window is short."""
    day = "utcFormat(datum.value, '%-d %b')"
    clock = "utchours(datum.value) + utcminutes(datum.value) == 0 ? " + day + " : utcFormat(datum.value, '%H:%M')"
    return alt.Axis(
        title=None,
        grid=False,
        tickCount=8,
        labelExpr=day if is_long else clock,
        labelFlush=False,
        labelOverlap=True,
    )


def value_domain(values: pl.Series, spec: ChartSpec) -> tuple[float, float]:
    """Range of the y axis: the values and zero, with a little room; 0..1 for unit scaling."""
    return (-0.02, 1.02) if spec.is_unit else roomy(values, 0.04, 0.0)


def _csv(rows: pl.DataFrame) -> alt.Chart:
    return csv_chart(rows.select("series", pl.col("ts").dt.epoch("ms"), pl.col("value").round_sig_figs(7)))
