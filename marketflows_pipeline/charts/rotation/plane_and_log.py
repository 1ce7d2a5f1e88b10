"""Rotation: the last steps of each series on the plane, and beside it the log of its quadrants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.rotation.log_panel import log_layers
from marketflows_pipeline.charts.rotation.path_labels import label_layers
from marketflows_pipeline.charts.rotation.spec import RotationSpec
from marketflows_pipeline.charts.rotation.wording import EACH_ITS_OWN, QUADRANTS, TURNS_BY_ITSELF
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import value_axis, value_x, value_y
from marketflows_pipeline.charts.style.colours import var
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import PlotArea, roomy
from marketflows_pipeline.charts.style.marks import note, records, rules, series_channels
from marketflows_pipeline.charts.style.theme import REFERENCE
from marketflows_pipeline.charts.style.time_axis import unbroken_run

CENTRE = 100.0
# Behind the paths: rising is blue, falling orange, strong the darker; see the log's colours.
TINTS = {name: var(name) for name in ("leading", "weakening", "lagging", "improving")}

_LOG_WIDTH, _BETWEEN = 330, 30
_NAMED = 3


@framed
def rotation_chart(frame: pl.DataFrame, spec: RotationSpec) -> alt.LayerChart:
    """Draw the paths of all series over the quadrants, and the log of their quadrants beside.

    A path ends with a filled dot and its name; its parts before the first stored members are dashed. In the log a bar
    is a stay in a quadrant, with the return since the last entry. The frame holds the last steps of each series, and of
    its open stay entered_at, is_seen_to_begin, return_pct.
    """
    newest = frame.filter(pl.col("ts") == spec.as_of, pl.col("quadrant").is_not_null())
    styles = [style for style in spec.series if style.series in newest["series"]]
    page = Frame(
        title=_title(newest, styles, spec),
        subtitle=[*spec.chance, *_method(spec)],
        footer=spec.footer(spec.as_of, _notes(frame, spec)),
        left=58,
        right=_BETWEEN + _LOG_WIDTH + EDGE,
        above=34,
        below=48,
    )
    times = frame.get_column("ts").unique().sort().tail(spec.tail)
    paths = frame.filter(pl.col("ts").is_in(times.implode())).drop_nulls(["ratio", "momentum"])
    # The centre stays well inside, and labels have room.
    across, up = (roomy(paths[column], 0.1, CENTRE - 0.5, CENTRE + 0.5) for column in ("ratio", "momentum"))
    plot = page.plot(*up, across=across)
    strength = alt.Axis(
        title="Relative strength: 100 + z-score", titleAnchor="end", titlePadding=4, grid=False, tickCount=6
    )
    x, y = value_x(plot, strength, "ratio"), value_y(plot, value_axis("datum.value", 6, grid=False), "momentum")
    placed = paths.with_columns(x=plot.pixel_x(pl.col("ratio")), y=plot.pixel(pl.col("momentum")))
    return page.draw(
        [
            *_quadrants(plot),
            *_paths(paths, styles, x, y, timedelta(days=1 if spec.step == "close" else 7)),
            *label_layers(placed, styles, (plot.width, plot.height)),
            page.value_title("Momentum of it: 100 + z-score"),
            *log_layers(frame, styles, left=page.plot_width + _BETWEEN, width=_LOG_WIDTH, height=page.plot_height),
        ]
    )


def _title(newest: pl.DataFrame, styles: Sequence[SeriesStyle], spec: RotationSpec) -> str:
    """Who leads, and how many stand elsewhere."""
    inside = {name: set(newest.filter(pl.col("quadrant") == name)["series"]) for name in QUADRANTS}
    leaders = [style.label for style in styles if style.series in inside["leading"]]
    if len(leaders) > _NAMED:
        first = f"{len(leaders)} lead"
    elif leaders:
        joined = " and ".join(filter(None, (", ".join(leaders[:-1]), leaders[-1])))
        first = f"{joined} {'lead' if len(leaders) > 1 else 'leads'}"
    else:
        first = "none leads"
    others = [f"{len(inside[name])} {name}" for name in ("improving", "weakening", "lagging") if inside[name]]
    return f"{spec.subject} against {spec.benchmark_label}: {', '.join([first, *others])}"


def _method(spec: RotationSpec) -> list[str]:
    level = "price index" if spec.step == "close" else "last close of the week"
    return [
        f"Strength: EMA 10 of the {level} over {spec.benchmark_label}, z-score over {spec.window} {spec.step}s",
        "momentum: the same of its change",
    ]


def _notes(frame: pl.DataFrame, spec: RotationSpec) -> list[str]:
    notes = [f"paths: the last {spec.tail} {spec.step}s", TURNS_BY_ITSELF, EACH_ITS_OWN]
    if frame.get_column("is_backfilled").any():
        notes.append("dashed and pale: before the first stored members, counted with those of later on")
    return notes


def _quadrants(plot: PlotArea) -> list[alt.Chart]:
    width, height, middle_x, middle_y = plot.width, plot.height, plot.pixel_x(CENTRE), plot.pixel(CENTRE)
    corners = {
        "leading": (middle_x, width, 0, middle_y, "right", width - 8, 16),
        "weakening": (middle_x, width, middle_y, height, "right", width - 8, height - 10),
        "lagging": (0, middle_x, middle_y, height, "left", 8, height - 10),
        "improving": (0, middle_x, 0, middle_y, "left", 8, 16),
    }
    layers = []
    for name, (left, right, top, bottom, align, at, line) in corners.items():
        layers.append(records().mark_rect(x=left, x2=right, y=top, y2=bottom, color=TINTS[name], opacity=1))
        layers.append(note(name, align=align, x=at, y=line, fontSize=13))
    arms = [
        {"x": middle_x, "x2": middle_x, "y": 0, "y2": height},
        {"x": 0, "x2": width, "y": middle_y, "y2": middle_y},
    ]
    return [*layers, rules(arms, color=REFERENCE, strokeWidth=1)]


def _paths(paths: pl.DataFrame, styles: Sequence[SeriesStyle], x: alt.X, y: alt.Y, step: timedelta) -> list[alt.Chart]:
    color = series_channels(styles)["color"]
    shown = paths.filter(pl.col("series").is_in([style.series for style in styles])).sort("series", "ts")
    shown = shown.with_columns(run=unbroken_run("series", time="ts", step=step))
    layers = []
    for is_dashed, rows in _stretches(shown):
        dash: dict[str, Any] = {"strokeDash": [3, 3]} if is_dashed else {}
        lines = records(rows).mark_line(strokeWidth=1.8, opacity=0.75, **dash)
        layers.append(lines.encode(x=x, y=y, color=color, order=alt.Order("step:Q"), detail=["series:N", "run:N"]))
    dots = shown.with_columns(is_end=pl.col("ts") == pl.col("ts").max()).select("series", "ratio", "momentum", "is_end")
    for is_end, area in ((False, 10), (True, 90)):
        values = dots.filter(pl.col("is_end") == is_end).drop("is_end").to_dicts()
        layers.append(records(values).mark_point(filled=True, size=area, opacity=1).encode(x=x, y=y, color=color))
    return layers


def _stretches(paths: pl.DataFrame) -> list[tuple[bool, list[dict[str, Any]]]]:
    """The paths as they are drawn: what is back-filled dashed, up to the first close that is not."""
    numbered = paths.with_columns(step=pl.col("ts").rank("dense"))
    known_from = pl.col("step").filter(~pl.col("is_backfilled")).min().over("series")
    parts = ((True, known_from.is_null() | (pl.col("step") <= known_from)), (False, ~pl.col("is_backfilled")))
    columns = ("series", "ratio", "momentum", "step", "run")
    return [(is_dashed, numbered.filter(chosen).select(columns).to_dicts()) for is_dashed, chosen in parts]
