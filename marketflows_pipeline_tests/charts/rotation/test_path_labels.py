"""Names of paths: beside their ends, and no path runs through one."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.rotation.path_labels import LABEL_HEIGHT, LABEL_SIZE, placed_labels
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.layout import Box, text_width
from marketflows_pipeline_tests.charts.rotation.frames import LAST

SIZE = (500.0, 400.0)


def paths_frame(paths: dict[str, list[tuple[float, float]]]) -> pl.DataFrame:
    rows = [
        (name, LAST - timedelta(days=len(path) - 1 - at), x, y)
        for name, path in paths.items()
        for at, (x, y) in enumerate(path)
    ]
    return pl.DataFrame(rows, schema=["series", "ts", "x", "y"], orient="row")


def styles(paths: dict[str, list[tuple[float, float]]]) -> list[SeriesStyle]:
    return [SeriesStyle(name, f"Name {name}", "#000000") for name in paths]


def box_of(found: dict[str, object]) -> Box:
    x, y = float(found["x"]), float(found["y"])  # type: ignore[arg-type]
    width = text_width(str(found["text"]), LABEL_SIZE, bold=True)
    return Box(x, y - LABEL_HEIGHT / 2, x + width, y + LABEL_HEIGHT / 2)


def test_a_name_stands_beside_its_end() -> None:
    paths = {"a": [(50.0, 200.0), (200.0, 200.0)]}
    (found,) = placed_labels(paths_frame(paths), styles(paths), SIZE)

    assert found["x"] > 200
    assert found["y"] == 200
    assert not found["is_far"]


def test_a_name_moves_away_from_a_path_that_would_strike_it_through() -> None:
    # Spokes from all sides end around the first path's end.
    spokes = {
        f"s{at}": [(250 + 220 * np.cos(at * np.pi / 6), 200 + 180 * np.sin(at * np.pi / 6)), (250.0, 200.0)]
        for at in range(12)
    }
    found = placed_labels(paths_frame(spokes), styles(spokes)[:1], SIZE)

    assert found[0]["is_far"]
    lines = [
        Box(x - 1, y - 1, x + 1, y + 1)
        for (x0, y0), (x1, y1) in spokes.values()
        for x, y in zip(np.linspace(x0, x1, 200), np.linspace(y0, y1, 200), strict=True)
    ]
    assert not any(box_of(found[0]).overlaps(line) for line in lines)


@pytest.mark.slow
@given(st.integers(1, 14), st.integers(0, 1000))
def test_no_two_names_overlap_and_none_leaves_the_plot(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    paths = {f"{at}": [tuple(point) for point in rng.uniform(0, SIZE, (5, 2)).tolist()] for at in range(count)}

    boxes = [box_of(found) for found in placed_labels(paths_frame(paths), styles(paths), SIZE)]

    assert not any(one.overlaps(other) for at, one in enumerate(boxes) for other in boxes[:at])
    assert all(box.within(Box(0, 0, *SIZE)) for box in boxes)


def test_a_series_without_an_end_has_no_name() -> None:
    paths = {"a": [(50.0, 200.0), (200.0, 200.0)]}
    none = [SeriesStyle("b", "b", "#000000")]

    assert placed_labels(paths_frame(paths), none, SIZE) == pytest.approx([])
