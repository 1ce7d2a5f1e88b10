"""Colours of the page: one table of light and dark values, written as style sheet variables.

Charts, legend, tables and sparklines name the variables, so that a change of theme draws nothing anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Mode = Literal["light", "dark"]

_VARIABLE = re.compile(r"var\(--([a-z0-9-]+)\)")


@dataclass(frozen=True)
class Color:
    """One colour in both themes.

    Attributes:
        light: value on a light page, which is that of the pictures where they have it; print too.
        dark: value on a dark page.
    """

    light: str
    dark: str


_PALETTE = (
    ("#0072B2", "#3FA0E8"),
    ("#CC5500", "#F0883E"),
    ("#009E73", "#2FC59A"),
    ("#D966A8", "#F09AD0"),
    ("#5B3A9B", "#9A78E6"),
    ("#7A2E0E", "#B5562E"),
    ("#768BE2", "#B9C7FF"),
    ("#8E3461", "#C4508C"),
    ("#C48A00", "#F2CC5C"),
    ("#0B2F5E", "#4B6FC0"),
    ("#B0452F", "#FFB59A"),
    ("#005B4A", "#2E8573"),
)
SURFACES = {
    "page": Color("#f3f5f8", "#0e1217"),
    "card": Color("#ffffff", "#171c23"),
    "soft": Color("#eef1f5", "#20262f"),
    "line": Color("#dde2e9", "#2c343f"),
    "grid": Color("#e6e8ec", "#272f39"),
}
TEXTS = {
    "ink": Color("#1f2430", "#e8ebf0"),
    "grey": Color("#5f6672", "#a7afbc"),
    "link": Color("#005fa3", "#6cb8f0"),
    "rise": Color("#08559c", "#6cb6f5"),
    "fall": Color("#a84506", "#f5a25d"),
}
SERIES = {f"s{place}": Color(light, dark) for place, (light, dark) in enumerate(_PALETTE, start=1)}
FLOWS = {"into": SERIES["s1"], "out": SERIES["s2"]}
# Steps of heat, from out of to into; the ink of all of them is that of texts.
HEAT = {
    "heat-n3": Color("#f2a766", "#8a4a12"),
    "heat-n2": Color("#f8cda8", "#633813"),
    "heat-n1": Color("#fdecdd", "#37291d"),
    "heat-0": Color("#f2f4f7", "#20262f"),
    "heat-p1": Color("#e0eef9", "#1b2c3d"),
    "heat-p2": Color("#b2d5f1", "#1c4262"),
    "heat-p3": Color("#79b5e3", "#1d5d91"),
}
# Grounds of notes, each with the ink that stands on it.
NOTES = {
    "fresh": (Color("#e1f3ea", "#12332a"), Color("#0b5a3c", "#8fdcbc")),
    "stale": (Color("#fbe3e0", "#4a1a16"), Color("#8f1d12", "#ffb9b0")),
    "tutorial": (Color("#fdf0d5", "#3d2c0a"), Color("#6b4700", "#f5d48a")),
    "strong": (Color("#00598c", "#4ca8e8"), Color("#ffffff", "#0b1620")),
    "notable": (Color("#cfe4f5", "#1c4262"), Color("#0b3a5e", "#d6eafa")),
    "faint": (Color("#e8ebf0", "#2c343f"), Color("#454c58", "#c3cad4")),
}
COLORS = {
    **SURFACES,
    **TEXTS,
    **SERIES,
    **FLOWS,
    **HEAT,
    **{f"{name}-ground": ground for name, (ground, _) in NOTES.items()},
    **{f"{name}-ink": ink for name, (_, ink) in NOTES.items()},
}


def css_variables(mode: Mode) -> str:
    """Declarations of all colours, for the inside of a rule."""
    return "".join(f"--{name}:{getattr(color, mode)};" for name, color in COLORS.items())


def css_of_swatches() -> str:
    """A class for each colour that a legend can show; the page has no style attributes."""
    return "".join(f".sw-{name}{{background:var(--{name})}}\n" for name in COLORS)


def swatch_class(color: str) -> str:
    """The class of a colour such as ``var(--s1)``; that of grey for any other."""
    found = _VARIABLE.fullmatch(color)
    return f"sw-{found[1]}" if found and found[1] in COLORS else "sw-grey"


def contrast(one: str, other: str) -> float:
    """Contrast of two colours as WCAG 2.2 defines it, from 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = _linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(color: str) -> Iterator[float]:
    for start in (1, 3, 5):
        part = int(color[start : start + 2], 16) / 255
        yield part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
