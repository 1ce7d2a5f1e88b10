"""Line charts of the index, its growth, its inflection and their unit scaling."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.window import lone_points, thinned, visible_rows
from marketflows_pipeline.charts.spec import ChartSpec
from marketflows_pipeline.charts.style.end_labels import (
    DIRECT_LABELS_MAX,
    LONG_SPAN,
    end_labels,
    legend,
    legend_order,
    line_ends,
    name_caveats,
    names_width,
)
from marketflows_pipeline.charts.style.layout import PlotArea
from marketflows_pipeline.charts.style.page import (
    EDGE,
    footer_height,
    footer_lines,
    page,
    page_footer,
    page_title,
    subtitle_lines,
    title_height,
)
from marketflows_pipeline.charts.style.theme import GRID, REFERENCE, use_theme
from marketflows_pipeline.charts.style.wording import (
    chart_subtitle,
    chart_title,
    footer_parts,
    scale_exponent,
    value_axis_title,
)

WIDTH, HEIGHT = 960, 720
# A bucket this wide holds at most four points, about as dense as a 1.5 px stroke can show.
PIXELS_PER_BUCKET = 3

_LEFT = 64
_MARKERS_UP_TO = 16
_DENSE_FROM = 400


def line_chart(frame: pl.DataFrame, spec: ChartSpec) -> alt.LayerChart:
    """Draw one chart of 960 x 720 pixels.

    Args:
        frame: series, ts (UTC), value on the grid; null where missing.
        spec: what the chart says.

    Returns:
        A layered chart: reference line, lines (straight between points, broken at nulls), dots, labels, footer.

    Raises:
        ValueError: the frame lacks a column, or holds nothing to show (see ``ChartSpec.reason_to_skip``).
    """
    reason = spec.reason_to_skip(frame)
    if reason is not None:
        raise ValueError(reason)
    use_theme()
    styles = {style.series: style for style in spec.series}
    rows = visible_rows(frame.filter(pl.col("series").is_in(list(styles))), spec.visible_steps, spec.step)
    _, largest = _value_range(rows.get_column("value").abs(), 0)
    exponent = 0 if spec.is_unit or spec.diff_order == 0 else scale_exponent(largest)
    rows = rows.with_columns(pl.col("value") * 10**exponent)
    ends = line_ends(rows, spec)

    first, last = _time_span(rows)
    subtitle = subtitle_lines(chart_subtitle(spec, last), WIDTH)
    footer = footer_lines(footer_parts(spec.source, spec.as_of, [*spec.notes, *name_caveats(ends, spec)]), WIDTH)
    has_legend = ends.height > DIRECT_LABELS_MAX
    right = names_width(ends)
    low, high = _value_domain(rows, spec)
    top = title_height(subtitle) + 30
    bottom = 52 + footer_height(footer)
    plot = PlotArea(WIDTH - _LEFT - right, HEIGHT - top - bottom, low, high)

    x = alt.X(
        "ts:T",
        scale=alt.Scale(type="utc", domain=[_epoch_ms(first), _epoch_ms(last)], nice=False),
        axis=_time_axis(last - first),
    )
    y = alt.Y("value:Q", scale=alt.Scale(domain=[low, high], nice=False, zero=False), axis=_value_axis(spec, exponent))
    color, dash = _encodings(spec, ends, has_legend)
    drawn = thinned(rows, round(plot.width / PIXELS_PER_BUCKET))
    lines = alt.Chart(_csv(drawn)).mark_line(
        interpolate="linear",
        strokeWidth=1.5 if _points_per_series(drawn) > _DENSE_FROM else 2,
        strokeJoin="bevel" if _points_per_series(drawn) > _DENSE_FROM else "round",
        invalid="break-paths-show-domains",
    )
    layers: list[alt.Chart] = [
        _reference(spec).encode(y=y),
        lines.encode(x=x, y=y, color=color, **dash),
        _dots(rows, ends).encode(x=x, y=y, color=color),
        page_footer(footer, left=_LEFT, y=plot.height + 42),
    ]
    if not has_legend:
        layers += end_labels(ends, plot, y, color)
    return page(
        layers,
        title=page_title(chart_title(spec), subtitle, width=WIDTH, left=_LEFT, offset=8),
        size=(WIDTH, HEIGHT),
        margins=(_LEFT, top, right, bottom),
    )


def _dots(rows: pl.DataFrame, ends: pl.DataFrame) -> alt.Chart:
    """Dots at line ends, at values between two gaps, and at every value of a short window."""
    lone = lone_points(rows)
    few = rows.get_column("ts").n_unique() <= _MARKERS_UP_TO
    dots = pl.concat([ends.select("series", "ts", "value"), rows.drop_nulls() if few else lone]).unique()
    chart: alt.Chart = alt.Chart(_csv(dots.sort("series", "ts"))).mark_point(size=26, filled=True, opacity=1)
    return chart


def _reference(spec: ChartSpec) -> alt.Chart:
    """The start value of an index, the zero of a change, the floor of a unit scale."""
    level = spec.reference_level
    dash = [4, 3] if level else [1, 0]
    level_data = alt.InlineData(values=[{"value": level}])
    chart: alt.Chart = alt.Chart(level_data).mark_rule(color=REFERENCE, strokeWidth=1.2, strokeDash=dash)
    return chart


def _time_axis(span: timedelta) -> alt.Axis:
    day = "utcFormat(datum.value, '%-d %b')"
    clock = "utchours(datum.value) + utcminutes(datum.value) == 0 ? " + day + " : utcFormat(datum.value, '%H:%M')"
    return alt.Axis(
        title="UTC",
        titleAnchor="end",
        titlePadding=2,
        grid=False,
        tickCount=8,
        labelExpr=clock if span < LONG_SPAN else day,
        labelFlush=False,
        labelOverlap=True,
    )


def _value_axis(spec: ChartSpec, exponent: int) -> alt.Axis:
    return alt.Axis(
        title=value_axis_title(spec, exponent),
        titleAngle=0,
        titleAlign="left",
        titleBaseline="bottom",
        titleX=EDGE - _LEFT,
        titleY=-12,
        domain=False,
        ticks=False,
        labelPadding=6,
        gridColor=GRID,
        tickCount=7,
    )


def _encodings(spec: ChartSpec, ends: pl.DataFrame, has_legend: bool) -> tuple[alt.Color, dict[str, alt.StrokeDash]]:
    shown = set(ends.get_column("series"))
    styles = [style for style in spec.series if style.series in shown]
    if has_legend:
        rank = {series: place for place, series in enumerate(legend_order(ends))}
        styles.sort(key=lambda style: rank[style.series])
    names = [style.series for style in styles]
    shown_legend = legend(ends) if has_legend else None
    color = alt.Color(
        "series:N",
        scale=alt.Scale(domain=names, range=[style.color for style in styles]),
        legend=shown_legend,
    )
    if not any(style.dash for style in styles):
        return color, {}
    dashes = [list(style.dash) or [1, 0] for style in styles]
    return color, {
        "strokeDash": alt.StrokeDash("series:N", scale=alt.Scale(domain=names, range=dashes), legend=shown_legend)
    }


def _value_domain(rows: pl.DataFrame, spec: ChartSpec) -> tuple[float, float]:
    """Range of the y axis: the values and the reference, with a little room; 0..1 for unit scaling."""
    if spec.is_unit:
        return -0.02, 1.02
    low, high = _value_range(rows.get_column("value"), spec.reference_level)
    room = 0.04 * (high - low) or 0.05
    return low - room, high + room


def _time_span(rows: pl.DataFrame) -> tuple[datetime, datetime]:
    times = rows.get_column("ts")
    return cast("datetime", times.min()), cast("datetime", times.max())


def _value_range(values: pl.Series, level: float) -> tuple[float, float]:
    """Smallest and largest of the values and a level."""
    return min(level, cast("float", values.min())), max(level, cast("float", values.max()))


def _points_per_series(rows: pl.DataFrame) -> float:
    return rows.height / max(1, rows.get_column("series").n_unique())


def _csv(rows: pl.DataFrame) -> alt.InlineData:
    """Rows as inline CSV with epoch milliseconds: half the cost of JSON records, in Altair and in Vega."""
    text = rows.select("series", ts=pl.col("ts").dt.epoch("ms"), value=pl.col("value").round_sig_figs(7)).write_csv()
    return alt.InlineData(
        values=text, format=alt.CsvDataFormat(type="csv", parse={"series": "string", "ts": "number", "value": "number"})
    )


def _epoch_ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)
