"""Theme, size and watermark, the same in all pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from marketflows_pipeline.charts.market_caps.lines import line_chart
from marketflows_pipeline.charts.rendering.plan import chart_job
from marketflows_pipeline.charts.rendering.render import render_all
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.look import SIZES, Look, Size, current_look, drawn_as
from marketflows_pipeline_tests.charts.exchanges.frames import marks, page_size
from marketflows_pipeline_tests.charts.frames import chart_spec, grid_frame

FRAME = grid_frame({"ai": [1.0, 1.2, 1.4], "layer-1": [1.0, None, 0.8]})
MARK = "Atlas Research · for clients only"


def drawn(look: Look, **changes: Any) -> dict[str, Any]:
    with drawn_as(look):
        return line_chart(FRAME, chart_spec(**changes)).to_dict(validate=True)


def written(spec: dict[str, Any], text: str) -> dict[str, Any]:
    (layer,) = [layer for layer in marks(spec, "text") if layer["mark"].get("text") == text]
    mark: dict[str, Any] = layer["mark"]
    return mark


@pytest.mark.parametrize("size", SIZES)
def test_a_page_has_the_pixels_of_its_size(size: Size) -> None:
    assert page_size(drawn(Look(size=size))) == SIZES[size]


def test_without_a_word_pictures_are_light_in_four_to_three_and_without_a_watermark() -> None:
    assert current_look() == Look("light", "deck", "")
    assert SIZES == {"deck": (960, 720), "wide": (1280, 720), "square": (960, 960)}


def test_a_look_ends_with_its_block() -> None:
    with pytest.raises(KeyError), drawn_as(Look("dark")):
        raise KeyError
    assert current_look() == Look()


@pytest.mark.parametrize("size", SIZES)
def test_a_watermark_is_small_and_grey_in_the_corner_of_the_footer(size: Size) -> None:
    spec = drawn(Look(size=size, watermark=MARK))
    mark = written(spec, MARK)
    right = mark["x"] + spec["padding"]["left"]

    assert (mark["color"], mark["fontSize"], mark["align"]) == ("var(--grey)", 11, "right")
    assert right == SIZES[size][0] - 18
    assert spec["height"] < mark["y"] < spec["height"] + spec["padding"]["bottom"] - 11, "below the plot, on the page"


@pytest.mark.slow
@pytest.mark.parametrize("notes", [("a caveat",) * count for count in range(1, 30)])
def test_a_watermark_lies_on_no_word_of_the_footer(notes: tuple[str, ...]) -> None:
    spec = drawn(Look(watermark="W" * 60), notes=notes)
    mark = written(spec, "W" * 60)
    footer = next(layer["mark"] for layer in marks(spec, "text") if isinstance(layer["mark"].get("text"), list))
    line = round((mark["y"] - footer["y"]) / footer["lineHeight"])
    beside = footer["text"][line]

    assert line == len(footer["text"]) - 1
    assert footer["x"] + text_width(beside, 11) < mark["x"] - text_width("W" * 60, 11)


@pytest.mark.slow
def test_another_look_draws_all_anew_and_the_first_again_to_the_byte(tmp_path: Path) -> None:
    job = chart_job(FRAME, chart_spec())
    seen = {}
    usual = Look()
    others = [Look("dark"), Look(size="square"), Look(watermark=MARK)]
    for look in (usual, *others):
        assert render_all([job], tmp_path, 0.5, look=look).drawn == (job.file_name,)
        assert render_all([job], tmp_path, 0.5, look=look).unchanged == (job.file_name,)
        seen[look] = (tmp_path / job.file_name).read_bytes()
    assert render_all([job], tmp_path, 0.5, look=usual).drawn == (job.file_name,)

    assert (tmp_path / job.file_name).read_bytes() == seen[usual]
    assert len(set(seen.values())) == 4


@pytest.mark.slow
def test_a_square_dark_picture_is_square_and_dark(tmp_path: Path) -> None:
    job = chart_job(FRAME, replace(chart_spec(), ema_period=20))
    render_all([job], tmp_path, 0.5, look=Look("dark", "square"))
    image = Image.open(tmp_path / job.file_name).convert("RGB")

    assert image.size == (480, 480)
    assert image.getpixel((2, 2)) == (0x17, 0x1C, 0x23)


@pytest.mark.slow
def test_no_picture_at_all_removes_those_of_this_program_alone(tmp_path: Path) -> None:
    job = chart_job(FRAME, chart_spec())
    render_all([job], tmp_path, 0.5)
    (tmp_path / "mine.png").write_bytes(b"mine")

    assert render_all([], tmp_path, 0.5).removed == (job.file_name,)
    assert {path.name for path in tmp_path.glob("*.png")} == {"mine.png"}
