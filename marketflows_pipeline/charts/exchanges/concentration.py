"""Concentration over time: the Herfindahl-Hirschman index between its thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.spec import ConcentrationSpec
from marketflows_pipeline.charts.exchanges.wording import MEASURES, fixed_set_notes
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import LegendEntry, value_axis, value_y
from marketflows_pipeline.charts.style.broken_lines import broken_lines
from marketflows_pipeline.charts.style.colours import var
from marketflows_pipeline.charts.style.end_labels import end_labels, line_ends, names_width
from marketflows_pipeline.charts.style.frame import Frame, framed
from marketflows_pipeline.charts.style.layout import reach
from marketflows_pipeline.charts.style.marks import FILL, blend, csv_chart, records, reference_line, series_channels
from marketflows_pipeline.charts.style.theme import OUTLINE
from marketflows_pipeline.charts.style.time_axis import as_of, first_and_last, on_time_axis, time_x, unbroken_run
from marketflows_pipeline.charts.style.wording import counted, day_text, short_day, value_text

# From free competition to high concentration: no colour, since a high index is neither good nor bad news.
BAND_FILLS = (var("band1"), var("band2"), var("band3"))
MONOPOLY = 10_000


@framed
def concentration_chart(frame: pl.DataFrame, spec: ConcentrationSpec) -> alt.LayerChart:
    """Draw the index of each segment on an axis that starts at zero, between bands of a legend.

    Bounds are light areas; lines and areas break where a day is missing.
    """
    rows = _rows(frame, spec)
    first, last = first_and_last(rows)

    def label(style: SeriesStyle, row: Mapping[str, Any]) -> str:
        ended = "" if row["day"] == last else f" ({short_day(row['day'])})"
        return f"{style.label} {value_text(row['value'], 0, signed=False)}{ended}"

    ends = line_ends(rows, spec.series, label)
    bounded = rows.filter(pl.col("lower").is_finite(), pl.col("upper").is_finite())
    page = Frame(
        title=_title(rows, spec),
        subtitle=[
            "Herfindahl-Hirschman index (HHI): the sum of squared shares in percent; 10,000 is a monopoly",
            f"daily, {counted((last - first).days + 1, 'day')} to {day_text(last)}",
        ],
        footer=spec.footer(as_of(rows, "ts"), _notes(bounded, spec)),
        left=64,
        right=names_width(ends),
        below=32,
    )
    # Far enough above the upper threshold to show its band.
    _, largest = reach(rows["value"], 1.25 * spec.thresholds[1] / 1.08, *bounded["upper"])
    plot = page.plot(0, min(MONOPOLY * 1.02, 1.08 * largest))
    x, axis = time_x("at", first, last), value_axis("format(datum.value, ',.0f')", 7)
    y, lower, low = (value_y(plot, axis, field) for field in ("value", "lower", "low"))
    color = series_channels([style for style in spec.series if style.series in set(rows["series"])])["color"]
    bands: list[dict[str, Any]] = [
        {"text": text, "low": start, "high": end, "fill": fill}
        for (text, start, end), fill in zip(band_edges(spec.thresholds, plot.high), BAND_FILLS, strict=False)
    ]
    area = csv_chart(bounded.select("series", "at", "run", "lower", "upper")).mark_area(
        opacity=0.18, interpolate="linear", line=False
    )
    symbols = [LegendEntry(band["text"], band["fill"], stroke=OUTLINE) for band in bands]
    return page.draw(
        [
            # Multiplied, so that the grid lines below stay visible.
            records(bands).mark_rect(x=0, x2=plot.width, blend=blend()).encode(y=low, y2="high", color=FILL),
            *(reference_line("low", edge, strokeWidth=1, strokeDash=[4, 3]).encode(y=low) for edge in spec.thresholds),
            *([] if bounded.is_empty() else [area.encode(x=x, y=lower, y2="upper", color=color, detail="run:N")]),
            *broken_lines(rows, x, y, color=color),
            *end_labels(ends, plot, y, color),
            page.value_title("Index"),
            *page.legend(symbols),
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


def _title(rows: pl.DataFrame, spec: ConcentrationSpec) -> str:
    """The finding for the segment with the longest history, the first of those with equally many days."""
    values = {style: rows.filter(series=style.series)["value"] for style in spec.series}
    style = max(values, key=lambda each: values[each].len())
    value = values[style].item(-1)
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


def _notes(bounded: pl.DataFrame, spec: ConcentrationSpec) -> list[str]:
    notes = ["volume as the exchanges report it"]
    if spec.measure == "reserves":
        notes = ["tracked wallets only: exchanges whose reserves are not known are not in it, and no bound is claimed"]
    if not bounded.is_empty():
        notes.append("light band: where the index can lie, given the volume that is not in it")
    return [*notes, *fixed_set_notes(spec.left_out)]
