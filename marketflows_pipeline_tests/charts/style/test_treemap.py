from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.style.layout import Box
from marketflows_pipeline.charts.style.treemap import squarified

AREA = Box(10, 20, 610, 420)

values = st.lists(st.floats(1.0, 1e6), min_size=1, max_size=40).map(lambda found: sorted(found, reverse=True))


def size(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def test_the_example_of_the_paper() -> None:
    """6, 6, 4, 3, 2, 2, 1 on 6 x 4: a column of two, then a row of two, and so on."""
    boxes = squarified([6, 6, 4, 3, 2, 2, 1], Box(0, 0, 6, 4))
    assert boxes[:2] == [Box(0, 0, 3, 2), Box(0, 2, 3, 4)]
    assert (boxes[2].left, boxes[2].top) == (3, 0)
    assert [boxes[2].bottom, boxes[3].bottom] == pytest.approx([7 / 3, 7 / 3])
    assert boxes[3].right == pytest.approx(6)


@given(values)
def test_areas_are_as_values_and_fill_the_whole(numbers: list[float]) -> None:
    boxes = squarified(numbers, AREA)
    for number, box in zip(numbers, boxes, strict=True):
        assert size(box) == pytest.approx(size(AREA) * number / sum(numbers), rel=1e-6, abs=1e-3)
    assert sum(map(size, boxes)) == pytest.approx(size(AREA))


@given(values)
def test_no_two_rectangles_overlap_and_none_stands_out(numbers: list[float]) -> None:
    boxes = squarified(numbers, AREA)
    wider = Box(AREA.left - 1e-6, AREA.top - 1e-6, AREA.right + 1e-6, AREA.bottom + 1e-6)
    assert all(box.within(wider) for box in boxes)
    shrunk = [Box(box.left + 1e-6, box.top + 1e-6, box.right - 1e-6, box.bottom - 1e-6) for box in boxes]
    assert not any(one.overlaps(other) for at, one in enumerate(shrunk) for other in shrunk[:at])


def test_nothing_has_no_rectangle() -> None:
    assert squarified([], AREA) == []
