"""Classes for the colours that legends show: the page's policy allows no style attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable

_COLOUR = re.compile(r"var\(--[a-z0-9-]+\)|color-mix\(in srgb, var\(--[a-z0-9-]+\) [0-9.e-]+%, var\(--[a-z0-9-]+\)\)")


def swatch_classes(used: Iterable[str]) -> dict[str, str]:
    """A class for each colour that a legend shows; none for what is no colour."""
    known = dict.fromkeys(colour for colour in used if _COLOUR.fullmatch(colour))
    return {colour: f"sw{place}" for place, colour in enumerate(known)}


def css_of_swatches(classes: dict[str, str]) -> str:
    """The rules of these classes."""
    return "".join(f".{name}{{background:{colour}}}\n" for colour, name in classes.items())
