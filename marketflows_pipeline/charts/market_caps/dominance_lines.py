"""Dominance: shares of bitcoin, ether, stablecoins and all other coins over time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.backfilled import NOTE, broken_runs, dashed_lines, with_joints
from marketflows_pipeline.charts.market_caps.spec import DominanceSpec
from marketflows_pipeline.charts.style.axes import PERCENT_LABEL, value_axis, value_y
from marketflows_pipeline.charts.style.end_labels import end_labels, line_ends, names_width
from marketflows_pipeline.charts.style.frame import Frame, framed
from marketflows_pipeline.charts.style.marks import series_channels
from marketflows_pipeline.charts.style.time_axis import as_of, first_and_last, on_time_axis, time_x
from marketflows_pipeline.charts.style.wording import counted, day_text, share_text, value_text


@framed
def dominance_chart(frame: pl.DataFrame, spec: DominanceSpec) -> alt.LayerChart:
    """Draw each share as a line from zero that breaks where a day is missing, back-filled days dashed.

    The frame holds rows of ``mart.dominance``.
    """
    rows = _rows(frame, spec)
    first, last = first_and_last(rows)
    newest = as_of(frame.filter(pl.col("bitcoin_pct").is_finite()), "ts")
    ends = line_ends(rows, spec.series, lambda style, row: f"{style.label} {share_text(row['value'])}")
    shown = [style for style in spec.series if style.series in set(ends.get_column("series"))]
    page = Frame(
        title=_title(rows, spec),
        subtitle=[
            "Share of the market cap of the followed coins above the smallest range limit, in percent",
            f"daily closes, {counted((last - first).days + 1, 'day')} to {day_text(last)}",
        ],
        footer=spec.footer(newest, _notes(frame, rows, newest)),
        left=56,
        right=names_width(ends),
        below=32,
    )
    plot = page.plot(0, min(100.0, 1.08 * cast("float", rows.get_column("value").max())))
    y = value_y(plot, value_axis(PERCENT_LABEL))
    color = series_channels(shown)["color"]
    x = time_x("at", first, last)
    lines = with_joints(rows.with_columns(pl.col("value").round_sig_figs(7), at=on_time_axis("day")))
    return page.draw(
        [
            *dashed_lines(lines, x=x, y=y, color=color, detail="run:N"),
            *end_labels(ends, plot, y, color),
            page.value_title("Share"),
        ]
    )


def _rows(frame: pl.DataFrame, spec: DominanceSpec) -> pl.DataFrame:
    """Series, day, run, is_backfilled, value of the window, by series and day."""
    return (
        frame.filter(pl.col("ts") > as_of(frame, "ts") - timedelta(days=spec.days))
        .unpivot([style.series for style in spec.series], index=["ts", "is_backfilled"], variable_name="series")
        .filter(pl.col("value").is_finite())
        .with_columns(day=pl.col("ts").dt.date())
        .sort("series", "day")
        .with_columns(run=broken_runs())
        .select("series", "day", "run", "is_backfilled", "value")
    )


def _title(rows: pl.DataFrame, spec: DominanceSpec) -> str:
    """Bitcoin's share and how it changed over the window, in percentage points."""
    first_style = spec.series[0]
    line = rows.filter(pl.col("series") == first_style.series)
    value, start = float(line.item(-1, "value")), float(line.item(0, "value"))
    change = value_text(value - start, 1, signed=True)
    return f"{first_style.label} has {share_text(value)} of the followed market, {change} points since " + day_text(
        line.item(0, "day")
    )


def _notes(frame: pl.DataFrame, rows: pl.DataFrame, newest: datetime) -> list[str]:
    (n,) = frame.filter(pl.col("ts") == newest).get_column("n")
    notes = [f"{n:,} coins at the last close", "wrapped, staked and pegged coins left out; not the whole market"]
    if rows.get_column("is_backfilled").any():
        notes.append(NOTE)
    return notes
