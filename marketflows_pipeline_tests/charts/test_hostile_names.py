"""Pictures of names as an earlier version stored them, or as a user's settings have them: all are drawn."""

from __future__ import annotations

import json
from itertools import cycle
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.exchanges.catalog import exchange_charts
from marketflows_pipeline.charts.exchanges.spec import ReservesSpec
from marketflows_pipeline.charts.market_caps.lines import line_chart
from marketflows_pipeline.charts.rendering.plan import RenderJob, chart_job
from marketflows_pipeline.charts.rendering.render import render_all
from marketflows_pipeline.charts.style.axes import label_expression
from marketflows_pipeline.system.printable import NAME_LENGTH
from marketflows_pipeline_tests.charts.exchanges.frames import netflow_frame, tvl_frame
from marketflows_pipeline_tests.charts.exchanges.test_catalog import CONTEXT, FRAMES
from marketflows_pipeline_tests.charts.frames import chart_spec, gain_frame, gain_spec, grid_frame
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES

pytestmark = pytest.mark.slow

# No frame holds half of a character.
STORED = {attack: name for attack, name in HOSTILE_NAMES.items() if attack != "half a character"}
FEW = list(STORED.items())[:12], list(STORED.items())[12:24], list(STORED.items())[24:36], list(STORED.items())[36:]


def renamed(frame: pl.DataFrame) -> pl.DataFrame:
    names = cycle(STORED.values())
    columns = [column for column in ("name", "symbol") if column in frame.columns]
    return frame.with_columns(pl.Series(column, [next(names) for _ in range(frame.height)]) for column in columns)


def drawn(jobs: list[RenderJob], folder: Path) -> list[str]:
    return sorted(render_all(jobs, folder, 0.3).drawn)


@pytest.mark.parametrize("some", FEW)
@pytest.mark.parametrize("as_key", [False, True], ids=["as a label", "as a key"])
def test_lines_and_gain_tables_are_drawn(tmp_path: Path, some: list[tuple[str, str]], as_key: bool) -> None:
    """One control character in a name made the renderer abort, and every picture of the hour was lost."""
    labels = {name if as_key else attack: name for attack, name in some}
    lines = grid_frame({series: [1.0, 1.1 + at] for at, series in enumerate(labels)})
    gains = gain_frame([(series, hours, 5.0, None) for series in labels for hours in (24.0, 168.0)])

    jobs = [chart_job(lines, chart_spec(labels)), chart_job(gains, gain_spec(labels))]
    assert len(drawn(jobs, tmp_path)) == 2


def test_a_legend_of_them_all_is_drawn(tmp_path: Path) -> None:
    lines = grid_frame({attack: [1.0, 1.1 + at] for at, attack in enumerate(STORED)})

    assert len(drawn([chart_job(lines, chart_spec(STORED))], tmp_path)) == 1


def test_every_picture_of_exchanges_is_drawn(tmp_path: Path) -> None:
    ranked = tvl_frame([(f"x{at}", 1e9 + at, None, 1.0) for at in range(len(STORED))])
    frames = FRAMES | {"tvl": ranked, "netflow": netflow_frame([(1, 5e9, None), (0, 6e9, 1e8)], "../x")}
    jobs = exchange_charts(**{name: renamed(frame) for name, frame in frames.items()}, context=CONTEXT)
    wanted = [job for job in jobs if job.spec.reason_to_skip(job.frame) is None]

    assert drawn(wanted, tmp_path) == sorted(job.file_name for job in wanted)
    assert {path.parent for path in tmp_path.rglob("*")} == {tmp_path}


def test_a_name_of_5000_letters_leaves_the_layout_as_it_is() -> None:
    usual, long = (
        line_chart(grid_frame({"ai": [1.0, 1.2]}), chart_spec({"ai": label})).to_dict()
        for label in ("A" * NAME_LENGTH, "A" * 5_000)
    )

    assert long["padding"] == usual["padding"]
    assert "A" * (NAME_LENGTH + 1) not in json.dumps(long)


@pytest.mark.parametrize("attack", STORED)
def test_an_expression_of_labels_holds_each_as_text(attack: str) -> None:
    """In an expression that is put together of names, a quotation mark would end the text."""
    expression = label_expression({STORED[attack]: STORED[attack]})
    text, _, place = expression.rpartition("[")

    assert place == "datum.value]"
    assert len(json.loads(text)) == 1


@pytest.mark.parametrize("slug", [*STORED.values(), "\U0001f438" * 200, "x" * 200])
def test_a_file_name_made_of_a_slug_is_one_name_that_fits(tmp_path: Path, slug: str) -> None:
    """A file name ends at 255 bytes, which an id of 200 letters may pass three times."""
    name = ReservesSpec(slug, "X", source="source").file_name

    (tmp_path / name).write_bytes(b"")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(name.encode()) < 200


def test_long_slugs_that_begin_alike_have_pictures_of_their_own() -> None:
    assert len({ReservesSpec("x" * 199 + end, "X", source="source").file_name for end in "ab"}) == 2


def test_slugs_that_differ_by_what_no_file_name_may_hold_share_a_picture() -> None:
    """Two slugs of one file name ended the drawing of all pictures."""
    frames: dict[str, Any] = FRAMES | {
        "netflow": pl.concat([netflow_frame([(1, 5e9, None), (0, 6e9, 1e8)], slug) for slug in ("a/b", "a b")])
    }
    names = [job.file_name for job in exchange_charts(**frames, context=CONTEXT)]

    assert names.count("Exchanges_reserves_a-b.png") == 1
