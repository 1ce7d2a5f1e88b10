"""Ranked bars: nothing that is written leaves its place, and lengths are true."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.style.frame import EDGE
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.ranked_bars import TEXT_SIZE, Bar, RankedBars, Row, Text

ENDS = st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), min_size=1, max_size=20)
WORDS = st.text("abcdefgh 0123456789", min_size=1, max_size=25)


def ranked(
    ends: list[float], text: str = "+$1.0B", value: tuple[str, ...] = ("out", "in"), name: str = "A"
) -> RankedBars:
    bars = [Bar(Text(text), ((end, "#000000"),), is_bold=True) for end in ends]
    return RankedBars([Row(Text(name), (bar,), (Text("1.0%"),)) for bar in bars], ("Share",), "Name", value)


@given(ENDS, WORDS)
def test_the_text_at_the_end_of_a_bar_stays_in_the_plot(ends: list[float], text: str) -> None:
    width = 700
    low, high = ranked(ends, text).domain(width)

    for end in ends:
        pixel = (end - low) / (high - low) * width
        beside = 6 + text_width(text, TEXT_SIZE, bold=True)
        assert (pixel + beside if end >= 0 else width - pixel + beside) <= width + 1e-6


@given(ENDS)
def test_an_axis_of_two_sides_is_symmetric_so_that_equal_flows_are_equally_long(ends: list[float]) -> None:
    low, high = ranked(ends).domain(700)

    assert low == -high < 0


def test_an_axis_of_one_side_starts_at_zero() -> None:
    low, high = ranked([5.0, 140.0], value=("TVL",)).domain(700)

    assert low == 0
    assert high > 140


def test_the_longest_bar_leaves_no_more_room_than_its_text_needs() -> None:
    low, high = ranked([100.0]).domain(700)

    end = (100 - low) / (high - low) * 700
    assert 690 < end + 6 + text_width("+$1.0B", TEXT_SIZE, bold=True) <= 700


@given(WORDS)
def test_names_and_columns_have_room_in_the_margins(name: str) -> None:
    bars = ranked([1.0], name=name)

    assert bars.left >= EDGE + text_width(name, TEXT_SIZE, bold=True)
    assert bars.right >= EDGE + text_width("Share", 12)


def test_bars_without_any_length_have_an_axis_all_the_same() -> None:
    assert ranked([0.0]).domain(700) == (-1.0, 1.0)
