"""Concentration over time: the Herfindahl-Hirschman index between its thresholds."""

from __future__ import annotations

from typing import Any, cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.spec import ConcentrationSpec
from marketflows_pipeline.charts.exchanges.wording import MEASURES, day_text, days_text, fixed_set_notes
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import axis_title, pixel_x, pixel_y, value_axis
from marketflows_pipeline.charts.style.broken_lines import broken_lines, csv_chart
from marketflows_pipeline.charts.style.end_labels import end_labels, names_width
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import Box, PlotArea, text_width
from marketflows_pipeline.charts.style.theme import GREY, REFERENCE
from marketflows_pipeline.charts.style.time_axis import as_of, first_and_last, on_time_axis, time_x, unbroken_run
from marketflows_pipeline.charts.style.wording import footer_parts, value_text

# From free competition to high concentration: no colour, since a high index is neither good nor bad news.
BAND_FILLS = ("#ffffff", "#f3f4f7", "#e7e9ee")
MONOPOLY = 10_000

_LEFT = 64
_BAND_TEXT_SIZE = 11.5


@framed
def concentration_chart(frame: pl.DataFrame, spec: ConcentrationSpec) -> alt.LayerChart:
    """Draw the index of each segment on an axis that starts at zero.

    Args:
        frame: rows of ``mart.exchange_dominance`` of one measure: segment, day, ts, fixed_hhi_index,
            fixed_hhi_lower_bound, fixed_hhi_upper_bound.
        spec: what the chart says.

    Returns:
        Bands between the thresholds, bounds as light areas, lines that break where a day is missing, labels with the
        last values, footer.
    """
    rows = _rows(frame, spec)
    first, last = first_and_last(rows)
    shown = set(rows.get_column("series"))
    styles = [style for style in spec.series if style.series in shown]
    ends = _ends(rows, styles)
    bounded = rows.filter(pl.col("lower").is_finite(), pl.col("upper").is_finite())
    page = Frame(
        title=_title(ends, styles, spec),
        subtitle=[
            "Herfindahl-Hirschman index (HHI): the sum of squared shares in percent; 10,000 is a monopoly",
            f"daily, {days_text((last - first).days + 1)} to {day_text(last)}",
        ],
        footer=footer_parts(spec.source, as_of(rows, "ts"), _notes(bounded, spec)),
        left=_LEFT,
        right=names_width(ends),
        below=32,
    )
    plot = page.plot(0, _highest(rows, spec))
    x, scale = time_x("at", first, last), alt.Scale(domain=[plot.low, plot.high], nice=False)
    axis = value_axis("format(datum.value, ',.0f')", 7)
    y = alt.Y("value:Q", scale=scale, axis=axis)
    colors = alt.Scale(domain=[style.series for style in styles], range=[style.color for style in styles])
    color = alt.Color("series:N", scale=colors, legend=None)
    layers = _bands(spec.thresholds, plot, alt.Y("low:Q", scale=scale, axis=axis))
    if not bounded.is_empty():
        layers.append(
            csv_chart(bounded.select("series", "at", "run", "lower", "upper"))
            .mark_area(opacity=0.18, interpolate="linear", line=False)
            .encode(x=x, y=alt.Y("lower:Q", scale=scale, axis=axis), y2="upper", color=color, detail="run:N")
        )
    return page.draw(
        [
            *layers,
            *broken_lines(rows, x, y, color=color),
            *_band_names(spec.thresholds, plot, _pixels(rows, plot)),
            *end_labels(ends, plot, y, color),
            axis_title("Index", x=EDGE - _LEFT),
        ]
    )


def band_edges(thresholds: tuple[float, float], highest: float) -> list[tuple[str, float, float]]:
    """Name, lower and upper edge of the bands that an axis from zero to ``highest`` shows."""
    moderate, high = thresholds
    bands = [
        (f"competitive: below {moderate:,.0f}", 0.0, moderate),
        (f"moderately concentrated: {moderate:,.0f} to {high:,.0f}", moderate, high),
        (f"highly concentrated: above {high:,.0f}", high, highest),
    ]
    return [(name, low, min(upper, highest)) for name, low, upper in bands if low < highest]


def _title(ends: pl.DataFrame, styles: list[SeriesStyle], spec: ConcentrationSpec) -> str:
    value, style = ends.item(0, "value"), styles[0]
    bands = band_edges(spec.thresholds, MONOPOLY + 1)
    band = next(name for name, low, high in bands if low <= value < high).partition(":")[0]
    measure = MEASURES.get(spec.measure, spec.measure)
    return f"Concentration of {measure}: {band}, HHI {value_text(value, 0, signed=False)} ({style.label.lower()})"


def _rows(frame: pl.DataFrame, spec: ConcentrationSpec) -> pl.DataFrame:
    """Rows with a value: series, day, ts, at (ms), run, value, lower, upper."""
    is_shown = pl.col("segment").is_in([style.series for style in spec.series])
    return (
        frame.filter(is_shown, pl.col("fixed_hhi_index").is_finite())
        .sort("segment", "day")
        .select(
            "day",
            "ts",
            series="segment",
            at=on_time_axis("day"),
            run=unbroken_run("segment"),
            value="fixed_hhi_index",
            lower="fixed_hhi_lower_bound",
            upper="fixed_hhi_upper_bound",
        )
    )


def _highest(rows: pl.DataFrame, spec: ConcentrationSpec) -> float:
    """Upper end of the axis: above all values, and far enough above the upper threshold to show its band."""
    largest = cast("float", rows.select(pl.max_horizontal(pl.col("value", "upper").max())).item())
    return min(MONOPOLY * 1.02, max(1.08 * largest, 1.25 * spec.thresholds[1]))


def _ends(rows: pl.DataFrame, styles: list[SeriesStyle]) -> pl.DataFrame:
    """Series, text, value of the last day of each segment."""
    last = rows.get_column("day").max()
    latest = {series: (value, day) for series, value, day in rows.select("series", "value", "day").iter_rows()}
    named = []
    for style in styles:
        value, day = latest[style.series]
        ended = "" if day == last else f" ({day.day} {day:%b})"
        named.append((style.series, f"{style.label} {value_text(value, 0, signed=False)}{ended}", value))
    return pl.DataFrame(named, schema={"series": pl.String, "text": pl.String, "value": pl.Float64}, orient="row")


def _bands(thresholds: tuple[float, float], plot: PlotArea, y: alt.Y) -> list[alt.Chart]:
    values = [
        {"low": low, "high": high, "fill": fill}
        for (_, low, high), fill in zip(band_edges(thresholds, plot.high), BAND_FILLS, strict=False)
    ]
    base = alt.Chart(alt.InlineData(values=values))
    edges = alt.Chart(alt.InlineData(values=[{"low": edge} for edge in thresholds]))
    return [
        # Multiplied, so that the grid lines below stay visible.
        base.mark_rect(x=0, x2=plot.width, blend="multiply").encode(
            y=y, y2="high", color=alt.Color("fill:N", scale=None)
        ),
        edges.mark_rule(color=REFERENCE, strokeWidth=1, strokeDash=[4, 3]).encode(y=y),
    ]


def _pixels(rows: pl.DataFrame, plot: PlotArea) -> list[Box]:
    """Where the lines and their bounds are: a box from each point to the next of its line, or around a lone one."""
    first, last = first_and_last(rows)
    days, values = (last - first).days, pl.concat_list("value", "lower", "upper")
    onward = ("series", "run")
    spans = rows.select(
        start=(pl.col("day") - first).dt.total_days(),
        end=(pl.col("day").shift(-1).over(onward).fill_null(pl.col("day")) - first).dt.total_days(),
        low=pl.min_horizontal(values.list.min(), values.list.min().shift(-1).over(onward)),
        high=pl.max_horizontal(values.list.max(), values.list.max().shift(-1).over(onward)),
    )
    return [
        Box(
            start / days * plot.width - 2,
            plot.pixel(high) - 3,
            end / days * plot.width + 2,
            plot.pixel(low) + 3,
        )
        for start, end, low, high in spans.iter_rows()
    ]


def _band_names(thresholds: tuple[float, float], plot: PlotArea, lines: list[Box]) -> list[alt.Chart]:
    """Names of the bands, each in the corner of its band that the fewest pieces of lines run through."""
    named = []
    for (name, low, high), fill in zip(band_edges(thresholds, plot.high), BAND_FILLS, strict=False):
        top, bottom = plot.pixel(high) + 4, plot.pixel(low) - 4
        if bottom - top < _BAND_TEXT_SIZE:
            continue
        wide = text_width(name, _BAND_TEXT_SIZE)
        corners = [
            Box(x, y, x + wide, y + _BAND_TEXT_SIZE)
            for x in (8, plot.width - 8 - wide)
            for y in (top, bottom - _BAND_TEXT_SIZE)
        ]
        place = min(corners, key=lambda corner: sum(corner.overlaps(line) for line in lines))
        named.append({"text": name, "x": place.left, "y": (place.top + place.bottom) / 2, "fill": fill})
    base = alt.Chart(alt.InlineData(values=named))
    at: dict[str, Any] = {"x": pixel_x("x"), "y": pixel_y("y"), "text": alt.Text("text:N")}
    quiet: dict[str, Any] = {"align": "left", "baseline": "middle", "fontSize": _BAND_TEXT_SIZE}
    # The outline keeps a name readable where a line crosses it all the same.
    return [
        base.mark_text(**quiet, strokeWidth=3).encode(**at, stroke=alt.Stroke("fill:N", scale=None)),
        base.mark_text(**quiet, color=GREY).encode(**at),
    ]


def _notes(bounded: pl.DataFrame, spec: ConcentrationSpec) -> list[str]:
    notes = []
    if spec.measure == "reserves":
        notes.append(
            "tracked wallets only: exchanges whose reserves are not known are not in it, and no bound is claimed"
        )
    else:
        notes.append("volume as the exchanges report it")
    if not bounded.is_empty():
        notes.append("light band: where the index can lie, given the volume that is not in it")
    return [*notes, *fixed_set_notes(spec.left_out), *spec.notes]
