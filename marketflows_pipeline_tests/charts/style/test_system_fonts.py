"""A picture is the same to the byte whichever fonts a machine has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
from PIL import Image

from marketflows_pipeline.charts.rendering.plan import chart_job
from marketflows_pipeline.charts.rendering.pool import DrawingPool
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.typeface import FAMILY
from marketflows_pipeline_tests.charts.cross_asset import test_catalog as cross_asset
from marketflows_pipeline_tests.charts.exchanges import test_catalog as exchanges
from marketflows_pipeline_tests.charts.frames import chart_spec, gain_frame, gain_spec, grid_frame
from marketflows_pipeline_tests.charts.style.system_fonts import OF_A_MACHINE, use_system_fonts

pytestmark = pytest.mark.slow

ODD_NAMES = {"han": "哈基米 币安人生", "emoji": "🐸 Pepe 👨‍👩‍👧 🇩🇪", "mixed": "\uff22\uff34\uff23 ₿ → नमस्ते é"}
# More than are named at their lines, so that Vega measures and lays out a legend.
MANY_ODD_NAMES = {f"{key} {place}": f"{name} {place}" for place in range(6) for key, name in ODD_NAMES.items()}

only_where_fontconfig_rules = pytest.mark.skipif(
    sys.platform != "linux", reason="the fonts of a system can be configured by FONTCONFIG_FILE on Linux alone"
)


@pytest.fixture(scope="module")
def specifications() -> dict[str, Any]:
    """Of each kind of picture one at least, and names of many scripts, as Vega-Lite."""
    jobs = [
        chart_job(grid_frame({key: [1.0, 1.1] for key in ODD_NAMES}), chart_spec(ODD_NAMES)),
        chart_job(grid_frame({key: [1.0, 1.1] for key in MANY_ODD_NAMES}), chart_spec(MANY_ODD_NAMES, category="Many")),
        chart_job(gain_frame([(key, 168, 3.0, None) for key in ODD_NAMES]), gain_spec(ODD_NAMES)),
        *exchanges.jobs(),
        *cross_asset.jobs(),
    ]
    return {job.file_name: resolve_name(job.spec.draw)(job.frame, job.spec).to_dict(validate=False) for job in jobs}


@pytest.fixture(scope="module")
def expected(specifications: dict[str, Any]) -> dict[str, bytes]:
    """The pictures as drawn with the fonts that this very machine has."""
    return drawn(specifications)


def drawn(specifications: dict[str, Any]) -> dict[str, bytes]:
    with closing(DrawingPool()) as pool:
        begun = {name: pool.submit(vega_lite, 0.5) for name, vega_lite in specifications.items()}
        return {name: picture.result() for name, picture in begun.items()}


@only_where_fontconfig_rules
@pytest.mark.parametrize("families", OF_A_MACHINE.values(), ids=OF_A_MACHINE.keys())
def test_all_pictures_are_the_same_to_the_byte(
    specifications: dict[str, Any],
    expected: dict[str, bytes],
    families: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Three expected pictures once matched only where a browser had brought fonts-liberation along."""
    use_system_fonts(monkeypatch, tmp_path, families)

    found = drawn(specifications)

    assert [name for name in expected if found[name] != expected[name]] == []


@only_where_fontconfig_rules
def test_the_fonts_of_the_system_would_be_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The test above means nothing unless the configured fonts are really found."""
    pictures_of = {}
    for name in ("no fonts at all", "Liberation, the usual ones and all scripts"):
        folder = tmp_path / name
        folder.mkdir()
        use_system_fonts(monkeypatch, folder, OF_A_MACHINE[name])
        with closing(DrawingPool(1)) as pool:
            pictures_of[name] = [
                pool.submit(text_spec("BTC 龙", family), 1).result() for family in ("sans-serif", "Arial")
            ]

    plain, foreign = pictures_of.values()
    assert all(one != other for one, other in zip(plain, foreign, strict=True))


@pytest.fixture(scope="module")
def pool() -> Iterator[DrawingPool]:
    with closing(DrawingPool(1)) as made:
        yield made


@pytest.mark.parametrize(
    "text", ["龙", "한", "ท", "🐸", "👨‍👩‍👧", "👨‍👩‍👧‍👦", "👍🏽", "❤️‍🔥", "🇩🇪", "\ue000", "\U000f1234", "\ufffd"]
)
def test_what_the_face_lacks_is_one_box_and_leaves_the_next_letter_its_room(pool: DrawingPool, text: str) -> None:
    """A family of three was drawn as boxes that lay over the name behind it."""
    box, none = (pool.submit(text_spec(f"{before}Hx"), 2).result() for before in ("\U0010fffe", ""))

    assert pool.submit(text_spec(f"{text}Hx"), 2).result() == box
    assert columns_of_ink(box)[1] - columns_of_ink(none)[1] == 2 * text_width("\U0010fffe", 20)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("\uff22\uff34\uff23", "BTC"), ("\U0001d401\U0001d422\U0001d42d", "Bit"), ("a\u3000b", "a b"), ("e\u0301", "é")],
    ids=["full-width", "mathematical", "wide space", "accent apart"],
)
def test_variants_of_letters_are_drawn_as_the_letters(pool: DrawingPool, text: str, plain: str) -> None:
    assert pool.submit(text_spec(text), 2).result() == pool.submit(text_spec(plain), 2).result()


def text_spec(text: str, family: str = FAMILY, *, size: float = 20, bold: bool = False) -> dict[str, Any]:
    """One line of text that begins at 10 pixels."""
    mark = {"type": "text", "align": "left", "fontSize": size, "font": family, "x": 10, "clip": False}
    return {
        "data": {"values": [{"text": text}]},
        "mark": mark | {"fontWeight": "bold" if bold else "normal"},
        "encoding": {"text": {"field": "text"}},
        "width": 800,
        "height": 40,
        "padding": 0,
        "autosize": "none",
        "config": {"view": {"stroke": None}},
    }


def columns_of_ink(png: bytes) -> tuple[int, int]:
    """First and last column that is not white."""
    dark = np.asarray(Image.open(BytesIO(png)).convert("L")) < 200
    columns = np.flatnonzero(np.any(dark, axis=0))
    return int(columns[0]), int(columns[-1])
