"""What every chart has in common: page size, and where title and footer stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import altair as alt
import polars as pl
import pytest
from PIL import Image

from marketflows_pipeline.charts.rendering.pool import DrawingPool
from marketflows_pipeline.charts.spec import Spec
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed, panel
from marketflows_pipeline.charts.style.theme import use_theme
from marketflows_pipeline_tests.charts.exchanges.frames import page_size, texts


@pytest.fixture(scope="module")
def pool() -> Iterator[DrawingPool]:
    with closing(DrawingPool(1)) as made:
        yield made


def mark(text: str, y: float) -> alt.Chart:
    chart: alt.Chart = alt.Chart(alt.InlineData(values=[{}])).mark_text(text=text, x=0, y=y, align="left")
    return chart


def frame(**changes: Any) -> Frame:
    usual: dict[str, Any] = {"title": "Title", "subtitle": ["method"], "footer": ["source"], "left": 60}
    return Frame(**(usual | changes))


@pytest.mark.parametrize(
    "page",
    [
        frame(),
        frame(title="A long title " * 20, subtitle=["method " * 20] * 3, footer=["a caveat " * 10] * 5),
        frame(left=300, right=200, above=80, below=90),
    ],
    ids=["usual", "long texts", "wide margins"],
)
def test_a_page_has_the_promised_size_whatever_is_written_on_it(page: Frame) -> None:
    assert page_size(page.draw([mark("x", 0)]).to_dict(validate=True)) == (960, 720)


def test_a_page_can_be_as_high_as_its_plot_needs() -> None:
    fitted = frame().around(500)

    assert fitted.plot_height == 500
    assert page_size(fitted.draw([mark("x", 0)]).to_dict())[1] == fitted.height


def test_another_footer_leaves_plot_and_page_as_they_are() -> None:
    page = frame(footer=["a caveat " * 10] * 5)
    short = page.with_footer(["source"])

    assert short.plot_height == pytest.approx(page.plot_height)
    assert page_size(short.draw([mark("x", 0)]).to_dict()) == (960, 720)


@pytest.mark.parametrize("y", [-30, 0, 200])
def test_the_title_begins_at_the_edge_of_the_page_wherever_the_marks_are(pool: DrawingPool, y: float) -> None:
    """Vega puts a title above whatever is drawn: it moved with each axis title until the frame held its place."""
    use_theme()
    png = pool.submit(frame(above=50).draw([mark("x", y)]).to_dict(), 1).result()
    image = Image.open(BytesIO(png)).convert("L")
    ink = image.point(lambda level: 255 if level < 128 else 0).getbbox()

    assert image.size == (960, 720)
    assert ink is not None
    assert ink[0] == pytest.approx(EDGE, abs=2)
    assert ink[1] == pytest.approx(EDGE + 3, abs=1)


def test_title_subtitle_and_footer_stand_on_the_page_once() -> None:
    drawn = frame().draw([mark("inside", 0)]).to_dict()

    assert (drawn["title"]["text"], drawn["title"]["subtitle"]) == ("Title", ["method"])
    assert texts(drawn) == "inside · source"


def test_panels_have_vertical_scales_of_their_own() -> None:
    paneled = frame().draw([panel([mark("x", 0)]), panel([mark("y", 0)])]).to_dict(validate=True)

    assert paneled["resolve"] == {"scale": {"y": "independent"}}
    assert "resolve" not in frame().draw([mark("x", 0)]).to_dict()


@dataclass(frozen=True)
class _Spec(Spec):
    columns = ()

    reason: str | None

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        return self.reason


@pytest.mark.slow
def test_what_has_nothing_to_show_is_refused_with_its_reason() -> None:
    @framed
    def draw(_frame: pl.DataFrame, _spec: _Spec) -> alt.LayerChart:
        return frame().draw([mark("x", 0)])

    assert isinstance(draw(pl.DataFrame(), _Spec(None, source="x")), alt.LayerChart)
    with pytest.raises(ValueError, match="no value"):
        draw(pl.DataFrame(), _Spec("no value", source="x"))
