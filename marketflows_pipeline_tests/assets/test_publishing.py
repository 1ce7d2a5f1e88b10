"""When pictures are begun: few beside the publish, all of a part only once the page stands."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from marketflows_pipeline.assets import publishing
from marketflows_pipeline.assets.publishing import Pictures, drawn, try_to_begin
from marketflows_pipeline.charts.rendering.render import RenderReport
from marketflows_pipeline.errors import RenderError, Stopped
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.settings.plots import Plots


class Drawing:
    """Stands in for the pictures of a run: a folder in which some stand, or none."""

    def __init__(self, *, stands: bool, error: Exception | None = None) -> None:
        self.stands = stands
        self.error = error
        self.begun: list[str] = []

    def has_drawn(self, _part: str) -> bool:
        return self.stands

    def has_begun(self, part: str) -> bool:
        return part in self.begun

    def begin(self, part: str, _jobs: object, _shown: object) -> None:
        if self.error is not None:
            raise self.error
        self.begun.append(part)


def begun(drawing: Drawing, *, only_few: bool, begins_anew: bool = False, has_step: bool = True) -> list[str]:
    """Parts whose pictures are begun after a step had time for those of market caps."""
    context: Any = SimpleNamespace(job_def=SimpleNamespace(has_node_named=lambda _: has_step))
    run: Any = SimpleNamespace(
        options=RunOptions(begins_anew=begins_anew),
        drawing=drawing,
        settings=SimpleNamespace(plots=Plots()),
    )
    try_to_begin(context, run, Pictures("market_caps", lambda _: [], lambda _: False), only_few=only_few)
    return drawing.begun


def test_where_pictures_stand_they_are_begun_beside_the_publish() -> None:
    """Four pictures of an hourly run once waited for a page that used one processor."""
    assert begun(Drawing(stands=True), only_few=True) == ["market_caps"]


def test_a_first_run_draws_once_the_page_stands() -> None:
    assert begun(Drawing(stands=False), only_few=True) == []
    assert begun(Drawing(stands=True), only_few=True, begins_anew=True) == []
    assert begun(Drawing(stands=False), only_few=False) == ["market_caps"]


def test_what_is_begun_is_not_begun_again() -> None:
    drawing = Drawing(stands=True)
    begun(drawing, only_few=True)
    assert begun(drawing, only_few=False) == ["market_caps"]


def test_a_job_without_pictures_begins_none() -> None:
    assert begun(Drawing(stands=True), only_few=True, has_step=False) == []


def test_a_fault_is_left_to_the_step_that_waits() -> None:
    assert begun(Drawing(stands=True, error=RenderError("full")), only_few=True) == []


def test_a_stop_is_no_fault() -> None:
    error = RuntimeError()
    error.__cause__ = Stopped()
    with pytest.raises(RuntimeError):
        begun(Drawing(stands=True, error=error), only_few=True)


@pytest.mark.parametrize("others_stand", [True, False])
def test_the_page_is_written_again_where_other_pictures_stand_than_it_links(
    others_stand: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Any] = []
    monkeypatch.setattr(publishing, "link_pictures", written.append)
    monkeypatch.setattr(publishing, "upload_along", lambda *_, **__: None)
    drawing = SimpleNamespace(
        has_begun=lambda _: True,
        n_due=lambda _: 1,
        finish=lambda *_: RenderReport(("a.png",), (), (), ()),
        other_charts_stand=lambda: others_stand,
    )
    run: Any = SimpleNamespace(
        drawing=drawing,
        options=RunOptions(out_dir=tmp_path),
        reporter=SimpleNamespace(track=lambda *_: nullcontext(lambda _: None)),
    )
    drawn(run, Pictures("market_caps", lambda _: [], lambda _: False))
    assert len(written) == others_stand
