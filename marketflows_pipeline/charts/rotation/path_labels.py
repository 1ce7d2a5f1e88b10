"""Names at the ends of paths, where no path runs through them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import pixel_x, pixel_y
from marketflows_pipeline.charts.style.layout import Box, place_labels, shorten, text_width
from marketflows_pipeline.charts.style.theme import BACKGROUND

LABEL_SIZE, LABEL_HEIGHT = 12.0, 14.0

_LABEL_MAX = 130
_DOT = 5.5
# Tried from near to far: a name further off has a leader to its end.
_GAPS = (2.0, 12.0, 26.0, 44.0)
_LEADER_FROM = 12.0
# A path as a row of small boxes.
_PIECE = 4.0


def label_layers(paths: pl.DataFrame, styles: Sequence[SeriesStyle], size: tuple[float, float]) -> list[alt.Chart]:
    """A name beside the end of each path, with a leader where only further off is room.

    Args:
        paths: series, ts, x, y (pixels from the plot's upper left corner).
        styles: of the series that are named, the most important first.
        size: of the plot.
    """
    spots = placed_labels(paths, styles, size)
    base = alt.Chart(alt.InlineData(values=spots))
    leaders = base.transform_filter("datum.is_far").mark_rule(strokeWidth=0.8, opacity=0.7)
    place: dict[str, Any] = {"x": pixel_x("x"), "y": pixel_y("y"), "text": alt.Text("text:N")}
    style: dict[str, Any] = {"align": "left", "baseline": "middle", "fontSize": LABEL_SIZE, "fontWeight": "bold"}
    color = alt.Color("color:N", scale=None)
    return [
        leaders.encode(x=pixel_x("x0"), x2="x1:Q", y=pixel_y("y0"), y2="y1:Q", color=color),
        base.mark_text(**style, stroke=BACKGROUND, strokeWidth=3, opacity=0.85).encode(**place),
        base.mark_text(**style).encode(**place, color=color),
    ]


def placed_labels(
    paths: pl.DataFrame, styles: Sequence[SeriesStyle], size: tuple[float, float]
) -> list[dict[str, Any]]:
    """Where each name goes: the nearest place that no path, dot or other name covers; else where the fewest do.

    Returns:
        text, color, x, y of the left middle of each name; x0, y0, x1, y1 of its leader; is_far: whether it has one.
    """
    area = Box(2, 2, size[0] - 2, size[1] - 2)
    ends = {name: (x, y) for name, x, y in _ends(paths)}
    named = [style for style in styles if style.series in ends]
    pieces = [box for (_,), path in paths.partition_by("series", as_dict=True).items() for box in _pieces(path)]
    dots = {style.series: _around(*ends[style.series], _DOT) for style in named}
    taken: list[Box] = []
    found = []
    for style in named:
        text = shorten(style.label, LABEL_SIZE, _LABEL_MAX)
        width = text_width(text, LABEL_SIZE, bold=True) + 2
        others = [box for name, box in dots.items() if name != style.series]
        best: tuple[int, int, Box] | None = None
        for rank, gap in enumerate(_GAPS):
            (box,) = place_labels([dots[style.series]], [(width, LABEL_HEIGHT)], [*pieces, *others, *taken], area, gap)
            if box is None:
                continue
            # Another name is worse than any number of paths.
            covered = sum(box.overlaps(piece) for piece in pieces) + 1000 * sum(map(box.overlaps, [*others, *taken]))
            if best is None or covered < best[0]:
                best = (covered, rank, box)
            if not covered:
                break
        if best is None:
            continue
        _, rank, box = best
        taken.append(box)
        x, y = ends[style.series]
        near_x, near_y = min(max(x, box.left), box.right), min(max(y, box.top), box.bottom)
        found.append(
            {
                "text": text,
                "color": style.color,
                "x": box.left,
                "y": (box.top + box.bottom) / 2,
                "x0": x,
                "y0": y,
                "x1": near_x,
                "y1": near_y,
                "is_far": _GAPS[rank] >= _LEADER_FROM,
            }
        )
    return found


def _ends(paths: pl.DataFrame) -> list[tuple[str, float, float]]:
    last = paths.filter(pl.col("ts") == pl.col("ts").max())
    return list(last.select("series", "x", "y").iter_rows())


def _pieces(path: pl.DataFrame) -> list[Box]:
    corners = list(path.sort("ts").select("x", "y").iter_rows())
    boxes = []
    for (x0, y0), (x1, y1) in pairwise(corners):
        count = max(1, round(max(abs(x1 - x0), abs(y1 - y0)) / _PIECE))
        boxes += [_around(x0 + (x1 - x0) * at / count, y0 + (y1 - y0) * at / count, 1.5) for at in range(count + 1)]
    return boxes


def _around(x: float, y: float, reach: float) -> Box:
    return Box(x - reach, y - reach, x + reach, y + reach)
