"""Treemaps: rectangles whose areas are as values, as near to squares as may be."""

from __future__ import annotations

from collections.abc import Sequence

from marketflows_pipeline.charts.style.layout import Box


def squarified(values: Sequence[float], area: Box) -> list[Box]:
    """Divide an area among values, in strips along its shorter side (Bruls, Huizing and van Wijk, 2000).

    A strip takes values while that makes its worst rectangle squarer.

    Args:
        values: positive, the largest first.
        area: what is divided.

    Returns:
        A box for each value, in their order.
    """
    boxes: list[Box] = []
    left = list(values)
    while left:
        scale = (area.right - area.left) * (area.bottom - area.top) / sum(left)
        side = min(area.right - area.left, area.bottom - area.top)
        count = 1
        while count < len(left) and _worst(left[: count + 1], side, scale) <= _worst(left[:count], side, scale):
            count += 1
        strip, left = left[:count], left[count:]
        placed, area = _strip(strip, area, scale, is_last=not left)
        boxes += placed
    return boxes


def _worst(strip: Sequence[float], side: float, scale: float) -> float:
    """The longest rectangle of a strip, as its longer side over its shorter one."""
    depth = sum(strip) * scale / side
    return max(max(depth / (value * scale / depth), (value * scale / depth) / depth) for value in strip)


def _strip(strip: Sequence[float], area: Box, scale: float, *, is_last: bool) -> tuple[list[Box], Box]:
    """The boxes of a strip at the left or the top, and what is left of the area."""
    is_column = area.right - area.left >= area.bottom - area.top
    side = area.bottom - area.top if is_column else area.right - area.left
    depth = (area.right - area.left if is_column else area.bottom - area.top) if is_last else sum(strip) * scale / side
    boxes, start = [], area.top if is_column else area.left
    for value in strip:
        end = start + side * value / sum(strip)
        if is_column:
            boxes.append(Box(area.left, start, area.left + depth, end))
        else:
            boxes.append(Box(start, area.top, end, area.top + depth))
        start = end
    if is_column:
        return boxes, Box(area.left + depth, area.top, area.right, area.bottom)
    return boxes, Box(area.left, area.top + depth, area.right, area.bottom)
