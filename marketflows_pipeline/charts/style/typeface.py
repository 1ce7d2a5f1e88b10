"""The packaged face: where it lies, what it is called, and how wide its characters are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("fonts")
# No system has a family of this name, so no other version of the face is taken for it.
FAMILY = "Marketflows Sans"


def text_advance(text: str, *, bold: bool = False) -> float:
    """Advance width of one line of text in units of the font size.

    No text is drawn wider: of kerning the face has only what moves letters together, and what it lacks is a box, or
    narrower.
    """
    widths, box = _advances("bold" if bold else "regular")
    return sum(widths.get(character, box) for character in text)


@cache
def _advances(weight: str) -> tuple[Mapping[str, float], float]:
    """Width of each character that the face has, and of the box that stands for any other."""
    table = json.loads((FOLDER / "advances.json").read_text(encoding="ascii"))
    em: int = table["units_per_em"]
    widths = {char: int(width) / em for width, characters in table[weight].items() for char in characters}
    return widths, table["box"] / em
