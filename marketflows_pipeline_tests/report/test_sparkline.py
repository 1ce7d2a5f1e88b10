"""Sparklines: within their box, with gaps where nothing is known."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.report.filters import sparkline

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def path(svg: str) -> str:
    found = re.search(r'<path d="([^"]*)"', svg)
    assert found
    return found[1]


def test_a_line_goes_from_the_left_to_the_right() -> None:
    assert path(sparkline([1, 2, 3], width=105, height=25)) == "M2.5 22.5L52.5 12.5L102.5 2.5"


def test_a_gap_is_no_line_and_what_stands_alone_is_a_point_and_the_dot_is_the_last_known_value() -> None:
    svg = sparkline([0, 1, None, 1, None], width=105, height=25)
    assert path(svg) == "M2.5 22.5L27.5 2.5M77.5 2.5L77.5 2.5"
    assert 'cx="77.5" cy="2.5"' in svg


def test_equal_values_are_a_line_in_the_middle() -> None:
    assert path(sparkline([7, 7], width=105, height=25)) == "M2.5 12.5L102.5 12.5"


def test_nothing_to_draw_gives_nothing() -> None:
    assert sparkline([]) == sparkline([1.0]) == sparkline([None, None, 3.0]) == ""


def test_of_many_values_the_ends_stay() -> None:
    assert len(path(sparkline([float(value) for value in range(1000)])).split("L")) == 90


@given(st.lists(st.none() | st.floats(-1e15, 1e15), min_size=2, max_size=300))
def test_all_is_within_the_box(values: list[float | None]) -> None:
    svg = sparkline(values)
    if svg:
        numbers = [float(number) for number in NUMBER.findall(path(svg))]
        assert all(0 <= x <= 120 for x in numbers[::2])
        assert all(0 <= y <= 32 for y in numbers[1::2])
