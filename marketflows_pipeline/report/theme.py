"""Colours of the page: those of all charts, and what only a page has; as variables of its style sheet.

Charts, legend, tables and sparklines name the variables, so that a change of theme draws nothing anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from marketflows_pipeline.charts.style import colours
from marketflows_pipeline.charts.style.colours import Theme

# Light and dark, as in the table of all charts.
SURFACES = {"soft": ("#eef1f5", "#20262f"), "line": ("#dde2e9", "#2c343f"), "link": ("#005fa3", "#6cb8f0")}
# Steps from far out of to far into; the ink of all of them is that of texts.
HEAT = {
    "heat-n3": ("#f2a766", "#8a4a12"),
    "heat-n2": ("#f8cda8", "#633813"),
    "heat-n1": ("#fdecdd", "#37291d"),
    "heat-0": ("#f2f4f7", "#20262f"),
    "heat-p1": ("#e0eef9", "#1b2c3d"),
    "heat-p2": ("#b2d5f1", "#1c4262"),
    "heat-p3": ("#79b5e3", "#1d5d91"),
}
# Grounds of notes and badges, each with the ink that stands on it.
NOTES = {
    "fresh": (("#e1f3ea", "#12332a"), ("#0b5a3c", "#8fdcbc")),
    "stale": (("#fbe3e0", "#4a1a16"), ("#8f1d12", "#ffb9b0")),
    "tutorial": (("#fdf0d5", "#3d2c0a"), ("#6b4700", "#f5d48a")),
    "strong": (("#00598c", "#4ca8e8"), ("#ffffff", "#0b1620")),
    "notable": (("#cfe4f5", "#1c4262"), ("#0b3a5e", "#d6eafa")),
    "faint": (("#e8ebf0", "#2c343f"), ("#454c58", "#c3cad4")),
}
OWN = {
    **SURFACES,
    **HEAT,
    **{f"{name}-ground": ground for name, (ground, _) in NOTES.items()},
    **{f"{name}-ink": ink for name, (_, ink) in NOTES.items()},
}
_MODES: tuple[Theme, ...] = ("light", "dark")
_COLOUR = re.compile(r"var\(--[a-z0-9-]+\)|color-mix\(in srgb, var\(--[a-z0-9-]+\) [0-9.e-]+%, var\(--[a-z0-9-]+\)\)")


def values(theme: Theme) -> dict[str, str]:
    """Every colour of a theme by its name."""
    place = _MODES.index(theme)
    return {**colours.THEMES[theme], **{name: both[place] for name, both in OWN.items()}}


def css_variables(theme: Theme) -> str:
    """The theme as declarations, for the inside of a rule."""
    return "".join(f"--{name}:{value};" for name, value in values(theme).items())


def swatches(used: Iterable[str]) -> dict[str, str]:
    """A class for each colour that a legend shows; the page has no style attributes. Grey for what is no colour."""
    known = dict.fromkeys(colour for colour in used if _COLOUR.fullmatch(colour))
    return {colour: f"sw{place}" for place, colour in enumerate(known)}


def css_of_swatches(classes: dict[str, str]) -> str:
    """The rules of these classes."""
    return "".join(f".{name}{{background:{colour}}}\n" for colour, name in classes.items())
