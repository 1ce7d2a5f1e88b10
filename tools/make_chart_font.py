"""Make the typeface of the charts, from Liberation Sans, into ``marketflows_pipeline/charts/style/fonts/``.

Usage::

    python tools/make_chart_font.py FOLDER

FOLDER holds ``LiberationSans-Regular.ttf`` and ``LiberationSans-Bold.ttf`` of version 2.1.5. The same files come out
every time; look at the pictures afterwards. docs/decisions/0008-chart-typeface.md says what is changed and why.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fontTools.otlLib.builder import buildLigatureSubstSubtable, buildLookup
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables import otTables
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

FONTS = Path(__file__).resolve().parent.parent / "marketflows_pipeline" / "charts" / "fonts"
FAMILY = "Marketflows Sans"
WEIGHTS = ("Regular", "Bold")
VERSION = "Version 2.1.5"

# The renderer does not hint, kerns by GPOS, and the last belongs to an editor.
UNUSED_TABLES = ("fpgm", "prep", "cvt ", "gasp", "kern", "FFTM")
COPYRIGHT, LICENSE, LICENSE_URL = 0, 13, 14
BOX, SPACE, NOTHING, HALF_A_FLAG, JOINER = "missing", "space", "unseen", "flagletter", "uni200D"
PAIR, EXTENSION = 2, 9
EMOJI_SKIN_TONES, FLAG_LETTERS = range(0x1F3FB, 0x1F400), range(0x1F1E6, 0x1F200)
MOST_JOINED_EMOJI = 5
SURROGATES = range(0xD800, 0xE000)


def made(source: Path, weight: str) -> tuple[TTFont, dict[str, int]]:
    """The face of one weight, and the advance width of each character that it has a glyph of its own for.

    Raises:
        ValueError: the file is another version.
    """
    font = TTFont(source / f"LiberationSans-{weight}.ttf", recalcTimestamp=False)
    if font["name"].getDebugName(5) != VERSION:
        raise ValueError(f"{source} has {font['name'].getDebugName(5)}, expected {VERSION}")
    own = _with_variants(font.getBestCmap())
    _drop_what_is_unused(font)
    _rename(font, weight)
    _never_widen(font)
    _cover_everything(font, own)
    _join_boxes(font)
    advances = {chr(code): font["hmtx"][glyph][0] for code, glyph in sorted(own.items())}
    return font, advances


def _with_variants(own: dict[int, str]) -> dict[int, str]:
    """Full-width, mathematical and circled letters and digits are drawn as the plain ones where the face lacks them."""
    plain = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0x110000) if code not in SURROGATES}
    known = {code: ord(text) for code, text in plain.items() if len(text) == 1 and ord(text) in own}
    return {code: own[letter] for code, letter in known.items()} | own


def _drop_what_is_unused(font: TTFont) -> None:
    for table in UNUSED_TABLES:
        if table in font:
            del font[table]
    for glyph in font["glyf"].keys():  # noqa: SIM118 - a table, not a mapping
        font["glyf"][glyph].removeHinting()
    font["post"].formatType = 3.0


def _rename(font: TTFont, weight: str) -> None:
    """Another family name: the licence reserves the old one, and a system's face of that name would be taken."""
    names = font["name"]
    kept = {number: names.getDebugName(number) for number in (COPYRIGHT, LICENSE, LICENSE_URL)}
    changed = {
        1: FAMILY,
        2: weight,
        3: f"{FAMILY} {weight} 1",
        4: f"{FAMILY} {weight}",
        5: "Version 1.0",
        6: f"{FAMILY.replace(' ', '')}-{weight}",
    }
    names.names = []
    for number, text in sorted((kept | changed).items()):
        names.setName(" ".join(text.split()), number, 3, 1, 0x409)


def _never_widen(font: TTFont) -> None:
    """Keep only kerning that moves letters together, so that the sum of advances bounds the width of a text."""
    for record in _pair_values(font["GPOS"].table.LookupList.Lookup):
        if record is not None and getattr(record, "XAdvance", 0) > 0:
            record.XAdvance = 0


def _pair_values(lookups: list[Any]) -> Iterator[Any]:
    for lookup in lookups:
        for table in lookup.SubTable:
            pairs = table.ExtSubTable if table.LookupType == EXTENSION else table
            if pairs.LookupType != PAIR:
                continue
            if pairs.Format == 1:
                rows = (row.PairValueRecord for row in pairs.PairSet)
            else:
                rows = (row.Class2Record for row in pairs.Class1Record)
            for row in rows:
                for pair in row:
                    yield from (pair.Value1, pair.Value2)


def _cover_everything(font: TTFont, own: dict[int, str]) -> None:
    """Give every character of Unicode a glyph, so that the renderer never looks for it in the fonts of a system.

    What the face lacks is the box that a missing glyph is drawn as; spaces are a space, and what only changes the
    character before it (accents, joiners, skin tones) is nothing.
    """
    glyphs, metrics = font["glyf"], font["hmtx"]
    for name in (BOX, HALF_A_FLAG):
        glyphs[name], metrics[name] = copy.deepcopy(glyphs[".notdef"]), metrics[".notdef"]
    glyphs[NOTHING], metrics[NOTHING] = copy.deepcopy(glyphs[SPACE]), (0, 0)
    cover = {code: _stand_in(code) for code in range(0x110000) if code not in SURROGATES} | own
    subtable = CmapSubtable.newSubtable(13)  # many characters to one glyph
    subtable.platformID, subtable.platEncID, subtable.language = 3, 10, 0
    subtable.cmap = cover
    font["cmap"].tables = [table for table in font["cmap"].tables if (table.platformID, table.platEncID) == (3, 1)]
    font["cmap"].tables.append(subtable)


def _join_boxes(font: TTFont) -> None:
    """One box for what is one emoji: joined ones and flags. The renderer would lay their boxes over what follows."""
    ligatures: dict[tuple[str, ...], str] = {(HALF_A_FLAG, HALF_A_FLAG): BOX}
    for count in range(1, MOST_JOINED_EMOJI):
        ligatures[(BOX, *(JOINER, BOX) * count)] = BOX
    table = font["GSUB"].table
    lookups, features = table.LookupList.Lookup, table.FeatureList.FeatureRecord
    lookups.append(buildLookup([buildLigatureSubstSubtable(ligatures)]))
    required = otTables.FeatureRecord()
    required.FeatureTag, required.Feature = "rlig", otTables.Feature()
    required.Feature.LookupListIndex = [len(lookups) - 1]
    features.append(required)
    for script in table.ScriptList.ScriptRecord:
        for language in (script.Script.DefaultLangSys, *(record.LangSys for record in script.Script.LangSysRecord)):
            language.FeatureIndex.append(len(features) - 1)


def _stand_in(code: int) -> str:
    if code in FLAG_LETTERS:
        return HALF_A_FLAG
    category = unicodedata.category(chr(code))
    if category in {"Cc", "Zs", "Zl", "Zp"}:
        return SPACE
    return NOTHING if category in {"Mn", "Mc", "Me", "Cf"} or code in EMOJI_SKIN_TONES else BOX


def by_width(advances: dict[str, int]) -> dict[str, str]:
    """Characters by their advance width, the narrow ones first."""
    characters: dict[int, str] = defaultdict(str)
    for character, width in advances.items():
        characters[width] += character
    return {str(width): characters[width] for width in sorted(characters)}


def main(source: Path) -> None:
    """Write both weights and the table of their advance widths."""
    FONTS.mkdir(exist_ok=True)
    table: dict[str, Any] = {}
    for weight in WEIGHTS:
        font, advances = made(source, weight)
        font.save(FONTS / f"{FAMILY.replace(' ', '')}-{weight}.ttf")
        table |= {"units_per_em": font["head"].unitsPerEm, "box": font["hmtx"][BOX][0]}
        table[weight.lower()] = by_width(advances)
    (FONTS / "advances.json").write_text(json.dumps(table, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    sys.exit(main(parser.parse_args().folder))
