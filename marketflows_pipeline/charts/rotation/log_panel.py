"""The log beside the plane: for each series its quadrant, since when, the return since, and its stays as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import axis_title
from marketflows_pipeline.charts.style.colours import var
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.marks import AT, FILL, records, texts
from marketflows_pipeline.charts.style.theme import GREY, INTO, OUT_OF
from marketflows_pipeline.charts.style.time_axis import first_and_last_time
from marketflows_pipeline.charts.style.wording import percent_text, short_day

# Rising is blue, falling orange, strong and weak at the ends the darker.
COLORS = {"leading": INTO, "improving": var("into-pale"), "weakening": var("out-pale"), "lagging": OUT_OF}
_TEXT_SIZE = 12.0
_MOST_ROW, _TEXT_LINE, _MOST_BAR = 52.0, 17.0, 13.0
_LEGEND_STEP = 14


def log_layers(
    frame: pl.DataFrame, styles: Sequence[SeriesStyle], *, left: float, width: float, height: float
) -> list[alt.Chart]:
    """Two lines a series, in the order of quadrants: words, and bars from the first step to the newest.

    Args:
        frame: as in `rotation_chart`.
        styles: of the series that are shown.
        left: where the panel begins, in pixels from the plot's left edge.
        width: of the panel.
        height: of the plot.
    """
    by_series = {style.series: style for style in styles}
    newest = (
        frame.filter(pl.col("ts") == pl.col("ts").max(), pl.col("series").is_in(list(by_series)))
        .with_columns(place=pl.col("quadrant").replace_strict({name: at for at, name in enumerate(COLORS)}, default=9))
        .sort("place", pl.col("ratio"), descending=[False, True])
    )
    row = min(_MOST_ROW, height / max(newest.height, 1))
    line = min(_TEXT_LINE, 0.58 * row)
    top = {name: place * row for place, name in enumerate(newest.get_column("series"))}
    place = _Place(top, left, width, line, min(_MOST_BAR, 0.7 * (row - line)))
    lines = [_words(facts, by_series[facts["series"]], place) for facts in newest.to_dicts()]
    bars = _bars(frame, place)
    size = min(_TEXT_SIZE, 0.9 * line)
    first, last = first_and_last_time(frame)
    span = f"{short_day(first)}{'' if first.year == last.year else f' {first.year}'} to {short_day(last)} {last.year}"
    return [
        axis_title(f"Quadrants, {span}, and return since entry", x=left),
        records(bars)
        .mark_rect()
        .encode(**AT, x2="x2:Q", y2="y2:Q", color=FILL, opacity=alt.Opacity("opacity:Q", scale=None)),
        texts((name for name, _ in lines), fontSize=size, fontWeight="bold"),
        texts((words for _, words in lines), fontSize=size, align="right"),
        *_legend(left, height + 36),
    ]


@dataclass(frozen=True)
class _Place:
    """Pixel geometry: where each series begins, and how high its words and its bars are."""

    top: Mapping[str, float]
    left: float
    width: float
    line: float
    thickness: float


def _words(facts: Mapping[str, Any], style: SeriesStyle, place: _Place) -> tuple[dict[str, Any], dict[str, Any]]:
    """Name at the left, and what is said of it at the right."""
    words = facts["quadrant"] or "no point yet"
    if facts["entered_at"] is not None:
        words += f" since {short_day(facts['entered_at'])}{'' if facts['is_seen_to_begin'] else ' or longer'}"
    if facts["return_pct"] is not None:
        words += f", {percent_text(facts['return_pct'])}"
    name = shorten(style.label, _TEXT_SIZE, place.width - text_width(words, _TEXT_SIZE) - 16)
    y = place.top[facts["series"]] + place.line / 2
    return (
        {"x": place.left, "y": y, "text": name, "ink": style.color},
        {"x": place.left + place.width, "y": y, "text": words, "ink": GREY},
    )


def _bars(frame: pl.DataFrame, place: _Place) -> list[dict[str, Any]]:
    """A bar for each stretch of steps in one quadrant; the newest step is as wide as any other."""
    steps = frame.select(pl.col("ts").unique().sort()).with_row_index("step")
    wide = place.width / steps.height
    stretches = (
        frame.join(steps, on="ts")
        .sort("series", "step")
        .with_columns(stretch=pl.struct("series", "quadrant", "is_backfilled").rle_id())
        .filter(pl.col("quadrant").is_not_null(), pl.col("series").is_in(list(place.top)))
        .group_by("stretch", maintain_order=True)
        .agg(
            pl.col("series", "quadrant", "is_backfilled").first(), first=pl.col("step").min(), last=pl.col("step").max()
        )
    )
    return [
        {
            "x": place.left + row["first"] * wide,
            "x2": place.left + (row["last"] + 1) * wide,
            "y": place.top[row["series"]] + place.line,
            "y2": place.top[row["series"]] + place.line + place.thickness,
            "fill": COLORS[row["quadrant"]],
            "opacity": 0.45 if row["is_backfilled"] else 1,
        }
        for row in stretches.to_dicts()
    ]


def _legend(left: float, y: float) -> list[alt.Chart]:
    symbols, names, x = list[dict[str, Any]](), list[dict[str, Any]](), left
    for name, fill in COLORS.items():
        symbols.append({"x": x + 5, "y": y, "fill": fill})
        names.append({"x": x + _LEGEND_STEP, "y": y, "text": name, "ink": GREY})
        x += _LEGEND_STEP + text_width(name, _TEXT_SIZE) + 14
    points = records(symbols).mark_point(shape="square", filled=True, size=110, opacity=1)
    return [points.encode(**AT, color=FILL), texts(names, fontSize=_TEXT_SIZE)]
