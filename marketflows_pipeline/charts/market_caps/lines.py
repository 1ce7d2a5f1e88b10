"""Line charts of the index, its growth, its inflection and their unit scaling."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.legend import LEGEND_MAX, legend, legend_order, legend_width, name_room
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
from marketflows_pipeline.charts.style.axes import axis_title, signed, value_axis
from marketflows_pipeline.charts.style.end_labels import DIRECT_LABELS_MAX, LABEL_SIZE, end_labels, names_width
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.theme import REFERENCE
from marketflows_pipeline.charts.style.wording import footer_parts, percent_text, value_decimals, value_text

# A bucket this wide holds at most four points, about as dense as a 1.5 px stroke can show.
PIXELS_PER_BUCKET = 3

_LEFT = 64
_MARKERS_UP_TO = 16
_DENSE_FROM = 400
# From here on the hour of a time says nothing.
_LONG_SPAN = timedelta(days=6)
_ABSENT_NAMED = 8
_DWARFS_FROM = 10


@framed
def line_chart(frame: pl.DataFrame, spec: ChartSpec) -> alt.LayerChart:
    """Draw one chart of 960 x 720 pixels.

    Values are shown in percent of the value at the start: ``100 (v - 1)`` for an index that starts at 1, ``100 v`` for
    its growth and inflection, which stay per grid step. Unit-scaled values are shown as they are.

    Args:
        frame: series, ts (UTC), value on the grid, as ``mart.metrics`` has it; null where missing.
        spec: what the chart says.

    Returns:
        A layered chart: reference line, lines (straight between points, broken at nulls), dots, labels, footer.
    """
    rows = _shown(frame, spec)
    times = rows.get_column("ts")
    first, last = cast("datetime", times.min()), cast("datetime", times.max())
    start = start_text(first, is_long=last - first >= _LONG_SPAN)
    ends = _line_ends(rows, spec)
    has_legend = ends.height > DIRECT_LABELS_MAX
    page = Frame(
        title=chart_title(spec, _standings(ends.filter(ts=last)), start),
        subtitle=chart_subtitle(spec, last - first),
        footer=footer_parts(spec.source, spec.as_of, [*spec.notes, *_caveats(rows, ends, spec)]),
        left=_LEFT,
        right=legend_width(ends) if has_legend else names_width(ends),
        below=34,
    )
    plot = page.plot(*_value_domain(rows.get_column("value"), spec))
    x = alt.X(
        "ts:T",
        scale=alt.Scale(type="utc", domain=[_epoch_ms(first), _epoch_ms(last)], nice=False),
        axis=_time_axis(last - first),
    )
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=[plot.low, plot.high], nice=False, zero=False),
        axis=value_axis("datum.label" if spec.is_unit else signed("datum.label"), ticks=7),
    )
    color, dash = _encodings(spec, ends, has_legend)
    drawn = thinned(rows, round(plot.width / PIXELS_PER_BUCKET))
    is_dense = drawn.height / ends.height > _DENSE_FROM
    lines = alt.Chart(_csv(drawn)).mark_line(
        interpolate="linear",
        strokeWidth=1.5 if is_dense else 2,
        strokeJoin="bevel" if is_dense else "round",
        invalid="break-paths-show-domains",
    )
    return page.draw(
        [
            alt.Chart(alt.InlineData(values=[{"value": 0}])).mark_rule(color=REFERENCE, strokeWidth=1.2).encode(y=y),
            lines.encode(x=x, y=y, color=color, **dash),
            _dots(rows, ends).encode(x=x, y=y, color=color),
            axis_title(value_axis_title(spec, start), x=EDGE - _LEFT),
            *([] if has_legend else end_labels(ends, plot, y, color)),
        ]
    )


def _shown(frame: pl.DataFrame, spec: ChartSpec) -> pl.DataFrame:
    """The rows of the visible window, in percent unless unit-scaled."""
    known = frame.filter(pl.col("series").is_in([style.series for style in spec.series]))
    rows = visible_rows(known, spec.visible_steps, spec.step)
    if spec.is_unit:
        return rows
    if spec.diff_order > 0:
        return rows.with_columns(pl.col("value") * 100)
    return without_flat_start(rows).with_columns((pl.col("value") - 1) * 100)


def _line_ends(rows: pl.DataFrame, spec: ChartSpec) -> pl.DataFrame:
    """Last value of each series that has one, and the texts that show it, in the spec's order.

    Figures have the decimals that tell the last values apart from each other and from zero.

    Args:
        rows: series, ts, value: the visible window.
        spec: what the chart says.

    Returns:
        series, ts, value, label, figure, text (label and figure; where the series ended early also when).
    """
    times = rows.get_column("ts")
    last, is_long = times.max(), times.max() - times.min() >= _LONG_SPAN  # type: ignore[operator]
    ends = rows.drop_nulls("value").group_by("series").last()
    known = {series: (ts, value) for series, ts, value in ends.iter_rows()}
    values = [0.0, *ends.get_column("value")]
    decimals = max(1, value_decimals(max(values) - min(values)))
    records = []
    for style in spec.series:
        if style.series not in known:
            continue
        ts, value = known[style.series]
        figure = value_text(value, 2, signed=False) if spec.is_unit else percent_text(value, decimals)
        ended = "" if ts == last else f" ({ts.day} {ts:{'%b' if is_long else '%b %H:%M'}})"
        room = name_room(len(known)) - text_width(f" {figure}{ended}", LABEL_SIZE, bold=True)
        text = f"{shorten(style.label, LABEL_SIZE, room)} {figure}{ended}"
        records.append((style.series, ts, value, style.label, figure, text))
    columns = ("label", "figure", "text")
    return pl.DataFrame(records, schema=rows.schema | dict.fromkeys(columns, pl.String), orient="row")


def _standings(ends: pl.DataFrame) -> list[Standing]:
    return [Standing(*row) for row in ends.select(Standing._fields).iter_rows()]


def _caveats(rows: pl.DataFrame, ends: pl.DataFrame, spec: ChartSpec) -> list[str]:
    """What the reader must be told: names left out, a series that dwarfs the others, changes that are mostly price."""
    shown = set(ends.get_column("series"))
    absent = [style.label for style in spec.series if style.series not in shown]
    notes = [MOSTLY_PRICE] if spec.diff_order > 0 else []
    if absent:
        more = f" and {len(absent) - _ABSENT_NAMED} more" if len(absent) > _ABSENT_NAMED else ""
        notes.append(f"no value in this window: {', '.join(absent[:_ABSENT_NAMED])}{more}")
    if ends.height > LEGEND_MAX:
        notes.append(f"the legend names the {LEGEND_MAX} highest of {ends.height} series")
    reach = rows.group_by("series").agg(pl.col("value").abs().max()).drop_nulls().sort("value", descending=True)
    if reach.height > 1 and reach["value"][0] >= _DWARFS_FROM * reach["value"][1] > 0:
        label = ends.filter(series=reach["series"][0])["label"][0]
        notes.append(f"{label} moves {reach['value'][0] / reach['value'][1]:,.0f} times as far as any other series")
    return notes


def _dots(rows: pl.DataFrame, ends: pl.DataFrame) -> alt.Chart:
    """Dots at line ends, at values between two gaps, and at every value of a short window."""
    few = rows.get_column("ts").n_unique() <= _MARKERS_UP_TO
    dots = pl.concat([ends.select("series", "ts", "value"), rows.drop_nulls() if few else lone_points(rows)]).unique()
    chart: alt.Chart = alt.Chart(_csv(dots.sort("series", "ts"))).mark_point(size=26, filled=True, opacity=1)
    return chart


def _time_axis(span: timedelta) -> alt.Axis:
    day = "utcFormat(datum.value, '%-d %b')"
    clock = "utchours(datum.value) + utcminutes(datum.value) == 0 ? " + day + " : utcFormat(datum.value, '%H:%M')"
    return alt.Axis(
        title=None,
        grid=False,
        tickCount=8,
        labelExpr=clock if span < _LONG_SPAN else day,
        labelFlush=False,
        labelOverlap=True,
    )


def _encodings(spec: ChartSpec, ends: pl.DataFrame, has_legend: bool) -> tuple[alt.Color, dict[str, alt.StrokeDash]]:
    styles = {style.series: style for style in spec.series}
    names = legend_order(ends) if has_legend else ends.get_column("series").to_list()
    shown_legend = legend(ends) if has_legend else None
    colors = alt.Scale(domain=names, range=[styles[name].color for name in names])
    color = alt.Color("series:N", scale=colors, legend=shown_legend)
    if not any(styles[name].dash for name in names):
        return color, {}
    dashes = alt.Scale(domain=names, range=[list(styles[name].dash) or [1, 0] for name in names])
    return color, {"strokeDash": alt.StrokeDash("series:N", scale=dashes, legend=shown_legend)}


def _value_domain(values: pl.Series, spec: ChartSpec) -> tuple[float, float]:
    """Range of the y axis: the values and zero, with a little room; 0..1 for unit scaling."""
    if spec.is_unit:
        return -0.02, 1.02
    low, high = min(0.0, cast("float", values.min())), max(0.0, cast("float", values.max()))
    room = 0.04 * (high - low) or 1
    return low - room, high + room


def _csv(rows: pl.DataFrame) -> alt.InlineData:
    """Rows as inline CSV with epoch milliseconds: half the cost of JSON records, in Altair and in Vega."""
    text = rows.select("series", ts=pl.col("ts").dt.epoch("ms"), value=pl.col("value").round_sig_figs(7)).write_csv()
    return alt.InlineData(
        values=text, format=alt.CsvDataFormat(type="csv", parse={"series": "string", "ts": "number", "value": "number"})
    )


def _epoch_ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)
