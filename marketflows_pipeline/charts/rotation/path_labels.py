"""Names at the ends of paths, where no path runs through them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import hypot
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.layout import Box, place_labels, shorten, text_width
from marketflows_pipeline.charts.style.marks import INK, pixel_x, pixel_y, records, texts
from marketflows_pipeline.charts.style.theme import BACKGROUND

LABEL_SIZE, LABEL_HEIGHT = 12.0, 14.0

_LABEL_MAX = 130
_DOT = 5.5
# A name further from its end than this has a leader to it.
_LEADER_FROM = 12.0
# Beside the end first; then on a grid around it, from near to far.
_GAPS = (2.0, 7.0, 13.0)
_GRID = sorted(
    ((across, up) for across in range(-160, 161, 20) for up in range(-126, 127, 14)), key=lambda at: hypot(*at)
)
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
    leaders = records(spots).transform_filter("datum.is_far").mark_rule(strokeWidth=0.8, opacity=0.7)
    style: dict[str, Any] = {"fontSize": LABEL_SIZE, "fontWeight": "bold"}
    return [
        leaders.encode(x=pixel_x("x0"), x2="x1:Q", y=pixel_y("y0"), y2="y1:Q", color=INK),
        texts(spots, **style, stroke=BACKGROUND, strokeWidth=3, strokeJoin="round", opacity=0.85),
        texts(spots, **style),
    ]


def placed_labels(
    paths: pl.DataFrame, styles: Sequence[SeriesStyle], size: tuple[float, float]
) -> list[dict[str, Any]]:
    """Where each name goes: the nearest place that no path, dot, leader or other name covers.

    Where there is none, beside the end, over as few paths as can be and over no other name.

    Returns:
        text, ink, x, y of the left middle of each name; x0, y0, x1, y1 of its leader; is_far: whether it has one.
    """
    area = Box(2, 2, size[0] - 2, size[1] - 2)
    newest = paths.filter(pl.col("ts") == pl.col("ts").max())
    ends = {name: (x, y) for name, x, y in newest.select("series", "x", "y").iter_rows()}
    named = [style for style in styles if style.series in ends]
    lines = [box for path in paths.partition_by("series") for box in _pieces(path.sort("ts").select("x", "y").rows())]
    dots = {style.series: Box.around(*ends[style.series], _DOT) for style in named}
    names: list[Box] = []
    found = []
    for style in named:
        text = shorten(style.label, LABEL_SIZE, _LABEL_MAX)
        own = dots[style.series]
        others = [*names, *(dot for dot in dots.values() if dot is not own)]
        sides = (text_width(text, LABEL_SIZE, bold=True) + 2, LABEL_HEIGHT)
        box = _free_place(own, sides, others, lines, area) or _least_covered(own, sides, others, lines, area)
        if box is None:
            continue
        names.append(box)
        (x, y), near = leader = _leader(own, box)
        is_far = hypot(near[0] - x, near[1] - y) >= _LEADER_FROM + _DOT
        if is_far:
            lines += _pieces(leader)
        found.append(
            {
                "text": text,
                "ink": style.color,
                "x": box.left,
                "y": (box.top + box.bottom) / 2,
                "x0": x,
                "y0": y,
                "x1": near[0],
                "y1": near[1],
                "is_far": is_far,
            }
        )
    return found


def _free_place(
    spot: Box, sides: tuple[float, float], others: Sequence[Box], lines: Sequence[Box], area: Box
) -> Box | None:
    """The nearest place in the area that covers nothing, and whose leader crosses no other name or dot."""
    obstacles = [*others, *lines]
    for gap in _GAPS:
        (box,) = place_labels([spot], [sides], obstacles, area, gap)
        if box is not None and not any(map(box.overlaps, obstacles)):
            return box
    (width, height), x, y = sides, (spot.left + spot.right) / 2, (spot.top + spot.bottom) / 2
    for across, up in _GRID:
        box = Box(x + across - width / 2, y + up - height / 2, x + across + width / 2, y + up + height / 2)
        if not box.within(area) or any(map(box.overlaps, (spot, *obstacles))):
            continue
        if not any(piece.overlaps(other) for piece in _pieces(_leader(spot, box)) for other in others):
            return box
    return None


def _leader(spot: Box, box: Box) -> list[tuple[float, float]]:
    """From the middle of a spot to the nearest point of a name."""
    x, y = (spot.left + spot.right) / 2, (spot.top + spot.bottom) / 2
    return [(x, y), (min(max(x, box.left), box.right), min(max(y, box.top), box.bottom))]


def _least_covered(
    spot: Box, sides: tuple[float, float], others: Sequence[Box], lines: Sequence[Box], area: Box
) -> Box | None:
    """The place beside the spot that covers the fewest lines; None where each covers another name or dot."""
    beside = (place_labels([spot], [sides], [*others, *lines], area, gap)[0] for gap in _GAPS)
    open_places = [box for box in beside if box is not None and not any(map(box.overlaps, others))]
    return min(open_places, key=lambda box: sum(map(box.overlaps, lines)), default=None)


def _pieces(corners: Sequence[tuple[float, float]]) -> list[Box]:
    boxes = []
    for (x0, y0), (x1, y1) in pairwise(corners):
        count = max(1, round(max(abs(x1 - x0), abs(y1 - y0)) / _PIECE))
        boxes += [Box.around(x0 + (x1 - x0) * at / count, y0 + (y1 - y0) * at / count, 1.5) for at in range(count + 1)]
    return boxes
