"""Where text goes: how wide it is, how it wraps, and how labels keep their distance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import polars as pl

from marketflows_pipeline.charts.style.typeface import text_advance

Number = TypeVar("Number", float, pl.Expr)


@dataclass(frozen=True)
class PlotArea:
    """Size of a plot in pixels and the values at its lower and upper edge; a panel begins further down the page.

    Where numbers stand across too, the values at its left and right edge.
    """

    width: float
    height: float
    low: float
    high: float
    top: float = 0
    across: tuple[float, float] = (0.0, 1.0)

    def pixel(self, value: Number) -> Number:
        """Distance of a value from the plot's own top."""
        return (self.high - value) / (self.high - self.low) * self.height

    def pixel_x(self, value: Number) -> Number:
        """Distance of a value from the plot's left edge."""
        left, right = self.across
        return (value - left) / (right - left) * self.width

    def value(self, pixel: float) -> float:
        """The value at a distance from the plot's top."""
        return self.high - pixel / self.height * (self.high - self.low)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of one line of text in pixels: at least what is drawn, which kerning makes a few percent narrower."""
    return text_advance(text, bold=bold) * size


def shorten(text: str, size: float, max_width: float) -> str:
    """The text, cut with an ellipsis where it is wider than ``max_width`` pixels."""
    if text_width(text, size) <= max_width:
        return text
    kept = text
    while kept and text_width(kept + "…", size) > max_width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def wrap(parts: Iterable[str], size: float, max_width: float, separator: str = " · ") -> list[str]:
    """Parts joined by a separator into as many lines as ``max_width`` pixels need; long parts break between words."""
    lines: list[str] = []
    line = ""
    for part in parts:
        joined = f"{line}{separator}{part}" if line else part
        if text_width(joined, size) <= max_width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = ""
        for word in part.split(" "):
            longer = f"{line} {word}" if line else word
            if line and text_width(longer, size) > max_width:
                lines.append(line)
                longer = word
            line = longer
    return [*lines, line] if line else lines


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move positions apart as little as possible (least squares), keeping their order and staying in [low, high].

    With ``p`` sorted, the new positions are ``q_i + i * gap`` where ``q`` is the isotonic regression of
    ``p_i - i * gap`` (pool adjacent violators), clipped to ``[low, high - (n - 1) * gap]``. Where the labels
    cannot fit, the gap shrinks to what fits.

    Args:
        positions: wished positions in pixels, in any order; equal ones keep the order given.
        gap: least distance between two of them.
        low: smallest position allowed.
        high: largest position allowed.

    Returns:
        New positions, in the order of ``positions``.
    """
    count = len(positions)
    if count == 0:
        return []
    gap = min(gap, (high - low) / (count - 1)) if count > 1 else gap
    order = sorted(range(count), key=lambda place: positions[place])
    blocks: list[tuple[float, int]] = []
    for rank, place in enumerate(order):
        mean, size = positions[place] - rank * gap, 1
        while blocks and blocks[-1][0] > mean:
            before, others = blocks.pop()
            mean, size = (before * others + mean * size) / (others + size), others + size
        blocks.append((mean, size))
    ceiling = high - (count - 1) * gap
    level = [min(max(mean, low), ceiling) for mean, size in blocks for _ in range(size)]
    moved = [0.0] * count
    for rank, place in enumerate(order):
        moved[place] = level[rank] + rank * gap
    return moved


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, x: float, y: float, reach: float) -> Box:
        """A square with its middle here and its sides so far from it."""
        return cls(x - reach, y - reach, x + reach, y + reach)

    def overlaps(self, other: Box) -> bool:
        """Whether the two share more than an edge."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def within(self, other: Box) -> bool:
        """Whether it lies inside the other."""
        return (
            self.left >= other.left
            and self.top >= other.top
            and self.right <= other.right
            and self.bottom <= other.bottom
        )


def place_labels(
    spots: Sequence[Box], sizes: Sequence[tuple[float, float]], obstacles: Sequence[Box], area: Box, gap: float = 2
) -> list[Box | None]:
    """Put a label beside each spot so that no two labels overlap and none covers a labelled spot.

    Greedy: the first spots choose first among eight places around them (right, left, above, below, corners), taking
    the one that covers the fewest obstacles. Where every place is taken the label is left out.

    Args:
        spots: what is labelled, as boxes around it, the most important first.
        sizes: width and height of each label.
        obstacles: boxes that labels had better not cover, but may.
        area: where labels may lie.
        gap: distance between a spot and its label.

    Returns:
        The place of each label in the order of ``spots``; None where it is left out.
    """
    placed: list[Box] = []
    places: list[Box | None] = []
    for spot, (width, height) in zip(spots, sizes, strict=True):
        free = [
            place
            for place in _around(spot, width, height, gap)
            if place.within(area) and not any(place.overlaps(other) for other in (*placed, *spots))
        ]
        best = min(free, key=lambda place: sum(place.overlaps(other) for other in obstacles), default=None)
        places.append(best)
        if best is not None:
            placed.append(best)
    return places


def point_labels(
    labels: Sequence[tuple[str, str, Box]], size: float, height: float, obstacles: Sequence[Box], area: Box
) -> list[dict[str, Any]]:
    """Bold labels (text, ink, box around what is labelled) that find room, as records of text, ink and place."""
    sizes = [(text_width(text, size, bold=True), height) for text, _, _ in labels]
    places = place_labels([spot for _, _, spot in labels], sizes, obstacles, area)
    return [
        {"text": text, "ink": ink, "x": place.left, "y": (place.top + place.bottom) / 2}
        for (text, ink, _), place in zip(labels, places, strict=True)
        if place is not None
    ]


def _around(spot: Box, width: float, height: float, gap: float) -> list[Box]:
    """Eight places for a label: beside, above and below the spot, and at its corners."""
    middle_x, middle_y = (spot.left + spot.right) / 2, (spot.top + spot.bottom) / 2
    right, left = spot.right + gap, spot.left - gap - width
    above, below = spot.top - gap - height, spot.bottom + gap
    # At its corners a round spot leaves room, so a label may begin above or below it.
    inset = 0.15 * (spot.right - spot.left)
    near_right, near_left = spot.right - inset, spot.left + inset - width
    corners = [
        (right, middle_y - height / 2),
        (left, middle_y - height / 2),
        (middle_x - width / 2, above),
        (middle_x - width / 2, below),
        (near_right, spot.top - height),
        (near_right, spot.bottom),
        (near_left, spot.top - height),
        (near_left, spot.bottom),
    ]
    return [Box(x, y, x + width, y + height) for x, y in corners]


def reach(values: pl.Series, *others: float) -> tuple[float, float]:
    """Smallest and largest of the values that are known, and of others."""
    known = [cast("float", values.min()), cast("float", values.max()), *others]
    return min(known), max(known)


def roomy(values: pl.Series, share: float, *others: float) -> tuple[float, float]:
    """The same, with this share of their distance as room on both sides."""
    low, high = reach(values, *others)
    room = share * (high - low) or 1.0
    return low - room, high + room
