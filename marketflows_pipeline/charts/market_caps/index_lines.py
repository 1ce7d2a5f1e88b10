"""The chained index: a line a series in percent since its base, its back-filled part dashed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.legend import LineNames, name_room
from marketflows_pipeline.charts.market_caps.spec import IndexSpec
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import PERCENT_LABEL, signed, value_axis, value_y
from marketflows_pipeline.charts.style.broken_lines import lone_dots
from marketflows_pipeline.charts.style.end_labels import LABEL_SIZE, line_ends
from marketflows_pipeline.charts.style.frame import Frame, framed
from marketflows_pipeline.charts.style.layout import roomy, shorten, text_width
from marketflows_pipeline.charts.style.marks import records, reference_line
from marketflows_pipeline.charts.style.time_axis import first_and_last_time, on_time_axis, time_x, unbroken_run
from marketflows_pipeline.charts.style.wording import day_text, percent_text

_BASE = 1000.0


@framed
def index_chart(frame: pl.DataFrame, spec: IndexSpec) -> alt.LayerChart:
    """Draw the price index of each series, in percent of its base; what is back-filled is dashed.

    The frame holds rows of ``mart.narrative_index`` of one category and base.
    """
    rows = frame.sort("series", "ts").with_columns(value=100 * (pl.col("price_index") / _BASE - 1))
    first, last = first_and_last_time(rows)
    count = rows["series"].n_unique()

    def label(style: SeriesStyle, row: Mapping[str, Any]) -> str:
        figure = percent_text(row["value"], 1)
        room = name_room(count) - text_width(f" {figure}", LABEL_SIZE, bold=True)
        return f"{shorten(style.label, LABEL_SIZE, room)} {figure}"

    ends = line_ends(rows, spec.series, label)
    names = LineNames(ends, spec.series)
    page = Frame(
        title=_title(rows, spec),
        subtitle=[
            f"Chained index on prices in {spec.base_label}, in percent since {day_text(first.date())}",
            spec.rule,
        ],
        footer=spec.footer(spec.as_of, _notes(rows, spec)),
        left=64,
        right=names.width,
        below=34,
    )
    plot = page.plot(*roomy(rows["value"], 0.04, 0.0))
    # The latest time lies within a day: its end is the end of the axis.
    end = last.date() if last == spec.last_close else last.date() + timedelta(days=1)
    x = time_x("at", first.date(), end)
    y = value_y(plot, value_axis(signed(PERCENT_LABEL), 7))
    parts = _parts(rows.join(ends, on="series", how="semi", maintain_order="left"))
    drawn = parts.select("series", "value", "part", "run", at=on_time_axis("ts"))
    dash = alt.StrokeDash(
        "part:N", scale=alt.Scale(domain=["known", "back-filled"], range=[[1, 0], [4, 4]]), legend=None
    )
    lines = records(drawn.to_dicts()).mark_line(strokeWidth=2, strokeJoin="round")
    return page.draw(
        [
            reference_line("value", 0).encode(y=y),
            lines.encode(x=x, y=y, color=names.channels["color"], strokeDash=dash, detail="run:N"),
            *lone_dots(drawn.drop("part"), "series", "run", x=x, y=y, color=names.channels["color"]),
            page.value_title(f"Price index in {spec.base_label}, % since the base"),
            *names.labels(plot, y),
        ]
    )


def _parts(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with ``part`` and ``run``; the first known close ends the dashed line too, so that no gap is left."""
    back = pl.col("is_backfilled")
    parted = rows.with_columns(
        part=pl.when(back).then(pl.lit("back-filled")).otherwise(pl.lit("known")),
        run=unbroken_run("series", time="ts"),
    )
    joint = parted.filter((~back & back.shift(1)).over("series", "run")).with_columns(part=pl.lit("back-filled"))
    return pl.concat([parted, joint]).sort("series", "ts", "part")


def _title(rows: pl.DataFrame, spec: IndexSpec) -> str:
    """Best and worst since members are on record; by hindsight, and said so, where they are not."""
    known = rows.filter(~pl.col("is_backfilled"))
    is_known = known["ts"].n_unique() > 1
    shown = known if is_known else rows
    gains = (
        shown.group_by("series", maintain_order=True)
        .agg(gain=100 * (pl.col("price_index").last() / pl.col("price_index").first() - 1))
        .sort("gain", descending=True)
    )
    labels = {style.series: style.label for style in spec.series}
    best, *_, worst = [f"{labels[series]} {percent_text(gain, 1)}" for series, gain in [*gains.rows(), *gains.rows()]]
    since = day_text(cast("datetime", shown["ts"].min()).date())
    found = f"Best since {since}: {best}" + ("" if gains.height == 1 else f", worst: {worst}")
    return found if is_known else f"With today's members {found[0].lower()}{found[1:]}"


def _notes(rows: pl.DataFrame, spec: IndexSpec) -> list[str]:
    notes = ["returns of prices, no measure of money that came in"]
    if rows["is_backfilled"].any():
        ends = rows.filter(~pl.col("is_backfilled"))["ts"].min()
        until = f"before {day_text(ends.date())}" if isinstance(ends, datetime) else "all of it"
        notes.append(f"dashed: back-filled with later members, by hindsight ({until})")
    if rows["is_provisional"].any():
        notes.append(f"provisional after {day_text(spec.last_close.date())} 00:00 UTC")
    least = rows.group_by("series").agg(pl.col("coverage_pct").last()).sort("coverage_pct").row(0)
    if least[1] < 99.5:
        notes.append(f"price of {100 - least[1]:.0f} % of {least[0]} held at the last one known")
    return notes
