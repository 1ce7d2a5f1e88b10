"""Stand-ins for the fonts that a machine may have, and the configuration that makes them its system fonts."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

# Latin to symbols, CJK and kana, Hangul, full-width forms, emoji.
COVERED = (
    range(0x20, 0x2E00),
    range(0x2E80, 0xA000),
    range(0xAC00, 0xD7A4),
    range(0xFF00, 0xFFF0),
    range(0x1F000, 0x1FB00),
)
OF_A_MACHINE = {
    "no fonts at all": (),
    "DejaVu only": ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono"),
    "Liberation, the usual ones and all scripts": (
        "Liberation Sans",
        "Arial",
        "Helvetica",
        "sans-serif",
        "Times New Roman",
        "Noto Sans CJK JP",
        "Noto Color Emoji",
    ),
}


def use_system_fonts(monkeypatch: pytest.MonkeyPatch, folder: Path, families: tuple[str, ...]) -> None:
    """Let processes that are started from now on find exactly these families among the fonts of the system."""
    fonts = folder / "fonts"
    fonts.mkdir()
    for family in families:
        for weight in (400, 700):
            _black_squares(family, weight, fonts / f"{family}-{weight}.ttf")
    configuration = folder / "fonts.conf"
    configuration.write_text(f"<fontconfig><dir>{escape(str(fonts))}</dir></fontconfig>", encoding="utf-8")
    monkeypatch.setenv("FONTCONFIG_FILE", str(configuration))


def _black_squares(family: str, weight: int, path: Path) -> None:
    """A face that draws every character as a large black square, so that none of it goes unseen."""
    pen = TTGlyphPen(None)
    for number, corner in enumerate([(50, -200), (50, 900), (1150, 900), (1150, -200)]):
        (pen.lineTo if number else pen.moveTo)(corner)
    pen.closePath()
    square = pen.glyph()
    style = "Bold" if weight == 700 else "Regular"
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "square"])
    font.setupCharacterMap({0x20: "square"})
    everything = CmapSubtable.newSubtable(13)
    everything.platformID, everything.platEncID, everything.language = 3, 10, 0
    everything.cmap = {code: "square" for codes in COVERED for code in codes}
    font.font["cmap"].tables = [everything]
    font.setupGlyf({".notdef": square, "square": square})
    font.setupHorizontalMetrics({".notdef": (1200, 50), "square": (1200, 50)})
    font.setupHorizontalHeader(ascent=900, descent=-200)
    font.setupNameTable({"familyName": family, "styleName": style, "psName": f"{family.replace(' ', '')}-{style}"})
    font.setupOS2(usWeightClass=weight)
    font.setupPost()
    font.save(path)
