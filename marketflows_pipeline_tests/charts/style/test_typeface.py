from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import altair as alt
import pytest
from fontTools.ttLib import TTFont

from marketflows_pipeline.charts.rendering import plan, render
from marketflows_pipeline.charts.rendering.pool import DrawingPool
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.theme import use_theme
from marketflows_pipeline.charts.style.typeface import FAMILY, FOLDER, text_advance
from marketflows_pipeline_tests.charts.frames import chart_spec, grid_frame
from marketflows_pipeline_tests.charts.style.test_system_fonts import columns_of_ink, text_spec

ROOT = Path(__file__).parents[3]
WEIGHTS = {"Regular": False, "Bold": True}
# The box, nothing and half a flag.
STAND_INS = ("\U0010fffe", "\ufe0f", "\U0001f1e6")
SURROGATES = range(0xD800, 0xE000)
TEXTS = [
    "BTC 1,234.56",
    "Narratives: market cap in US dollars, \u221212.5% ±3 \u00d7 10³",
    "WWWWWWWW MMMM @@@",
    "illicit, fiji'l",
    "AVAX To Ty. LTV 11 P.A.",
    "Ünïcödé Łódź Ελληνικά Кириллица",
    "哈基米 🐸 👨‍👩‍👧",
    "← lost · gained → ▼ √Σ…",
]


@pytest.fixture(scope="module")
def fonts() -> dict[str, Any]:
    return {weight: TTFont(FOLDER / f"MarketflowsSans-{weight}.ttf") for weight in WEIGHTS}


@pytest.fixture(scope="module")
def pool() -> Iterator[DrawingPool]:
    with closing(DrawingPool(1)) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("weight", WEIGHTS)
def test_widths_are_those_of_the_font_file(fonts: dict[str, Any], weight: str) -> None:
    """Widths of another face were guessed once, and bold taken for 7% wider throughout."""
    font, bold = fonts[weight], WEIGHTS[weight]
    em, glyphs = font["head"].unitsPerEm, font.getBestCmap()
    widths = {chr(code): font["hmtx"][glyph][0] / em for code, glyph in glyphs.items()}
    own = own_characters(font)

    assert len(own) > 2000
    assert [char for char in own if text_advance(char, bold=bold) != widths[char]] == []
    stand_ins = {glyph: chr(code) for code, glyph in glyphs.items() if chr(code) not in own}.values()
    assert [char for char in stand_ins if text_advance(char, bold=bold) < widths[char]] == []


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("text", TEXTS)
def test_no_text_is_drawn_wider_than_layout_takes_it(pool: DrawingPool, text: str, bold: bool) -> None:
    size = 20.0
    first, last = columns_of_ink(pool.submit(text_spec(text, size=size, bold=bold), 1).result())

    drawn, reckoned = last + 1 - first, text_width(text, size, bold=bold)
    # The curve of a letter may pass its advance by a pixel.
    assert drawn <= reckoned + 1
    assert "👨" in text or drawn >= 0.93 * reckoned


@pytest.mark.slow
@pytest.mark.parametrize("weight", WEIGHTS)
def test_every_character_has_a_glyph_so_that_no_other_font_is_asked(fonts: dict[str, Any], weight: str) -> None:
    """One emoji in a name once made the renderer draw the whole name in DejaVu Serif."""
    glyphs = fonts[weight].getBestCmap()

    assert [code for code in range(1, 0x110000) if code not in SURROGATES and code not in glyphs] == []
    assert ".notdef" not in glyphs.values()


@pytest.mark.slow
@pytest.mark.parametrize("weight", WEIGHTS)
def test_kerning_only_moves_letters_together(fonts: dict[str, Any], weight: str) -> None:
    font = fonts[weight]
    assert "kern" not in font
    values = [value for lookup in font["GPOS"].table.LookupList.Lookup for value in kerning(lookup)]

    assert min(values) < 0
    assert max(values) <= 0


def kerning(lookup: Any) -> Iterator[int]:
    for table in lookup.SubTable:
        if table.LookupType == 2:
            assert table.Format == 1, "the face kerns by pairs of letters, not of classes"
            for pairs in table.PairSet:
                yield from (getattr(pair.Value1, "XAdvance", 0) for pair in pairs.PairValueRecord)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_figures_stand_in_columns(weight: str) -> None:
    assert len({text_advance(digit, bold=WEIGHTS[weight]) for digit in "0123456789"}) == 1


@pytest.mark.slow
def test_the_face_has_every_character_that_the_package_writes(fonts: dict[str, Any]) -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "marketflows_pipeline").rglob("*.py")]
    shown = {char for source in sources for char in re.sub(r"\\u([0-9a-f]{4})", _character, source)}
    # U+FFFD stands for what cannot be drawn, and is meant to be a box.
    written = {char for char in shown if char.isprintable()} - {"\ufffd"}

    assert [written - own_characters(font) for font in fonts.values()] == [set(), set()]


def own_characters(font: Any) -> set[str]:
    """Characters that are drawn as themselves."""
    glyphs = font.getBestCmap()
    stand_ins = {glyphs[ord(character)] for character in STAND_INS} | {glyphs[ord(" ")]}
    return {chr(code) for code, glyph in glyphs.items() if glyph not in stand_ins} | {" "}


def _character(escaped: re.Match[str]) -> str:
    return chr(int(escaped[1], 16))


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_family_has_a_name_of_its_own_and_the_licence_lies_beside_it(fonts: dict[str, Any], weight: str) -> None:
    """A system's Liberation Sans of another version would be taken for ours, and its licence reserves the name."""
    names = fonts[weight]["name"]

    assert (names.getDebugName(1), names.getDebugName(2)) == (FAMILY, weight)
    assert not any("Liberation" in names.getDebugName(number) for number in (1, 3, 4, 6))
    assert "SIL Open Font License" in names.getDebugName(13)
    licence = (FOLDER / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "Reserved Font Name Liberation" in licence


@pytest.mark.slow
def test_the_fonts_travel_in_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    packaged = {
        path
        for pattern in settings["package-data"]["marketflows_pipeline"]
        for path in (ROOT / "marketflows_pipeline").glob(pattern)
    }

    assert set(FOLDER.iterdir()) <= packaged


@pytest.mark.slow
def test_the_theme_names_no_other_family() -> None:
    use_theme()
    theme = alt.theme.get()
    assert theme is not None

    assert set(families(theme()["config"])) == {FAMILY}


def families(config: Mapping[str, Any]) -> Iterator[str]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from families(value)
        elif key.lower().endswith("font"):
            yield value


@pytest.mark.slow
def test_another_version_of_the_face_draws_all_pictures_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = plan.chart_job(grid_frame({"ai": [1.0, 1.2], "layer-1": [1.0, 0.8]}), chart_spec())
    render.render_all([job], tmp_path / "pictures", 0.5)
    assert render.render_all([job], tmp_path / "pictures", 0.5).drawn == ()

    other = tmp_path / "fonts"
    shutil.copytree(FOLDER, other)
    with (other / "MarketflowsSans-Bold.ttf").open("ab") as font:
        font.write(b"\0")
    monkeypatch.setattr(plan, "FOLDER", other)

    assert render.render_all([job], tmp_path / "pictures", 0.5).drawn == (job.file_name,)
