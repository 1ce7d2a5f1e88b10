from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.layout import shorten, spread, text_width, wrap

POSITIONS = st.lists(st.floats(0, 500), max_size=12)


@given(POSITIONS)
def test_no_two_labels_are_closer_than_their_height(positions: list[float]) -> None:
    moved = sorted(spread(positions, 16, 0, 500))

    assert all(below - above >= 16 - 1e-6 for above, below in itertools.pairwise(moved))


@given(POSITIONS)
def test_labels_keep_the_order_of_their_lines_and_stay_in_the_plot(positions: list[float]) -> None:
    moved = spread(positions, 16, 0, 500)

    wished_order = sorted(range(len(positions)), key=lambda place: positions[place])
    assert [moved[place] for place in wished_order] == sorted(moved)
    assert all(-1e-6 <= position <= 500 + 1e-6 for position in moved)


def test_labels_that_are_far_enough_apart_do_not_move() -> None:
    assert spread([400, 10, 200], 16, 0, 500) == [400, 10, 200]


def test_two_labels_at_one_place_move_apart_by_half_a_gap_each() -> None:
    assert spread([100, 100], 16, 0, 500) == [92, 108]


def test_more_labels_than_fit_share_the_room_evenly() -> None:
    assert spread([5, 5, 5], 16, 0, 10) == [0, 5, 10]


def test_nothing_to_spread_gives_nothing() -> None:
    assert spread([], 16, 0, 500) == []


def test_a_wide_letter_is_wider_than_a_narrow_one_and_bold_is_wider_than_regular() -> None:
    assert text_width("W", 12) > text_width("i", 12)
    assert text_width("BTC 1.23", 12, bold=True) > text_width("BTC 1.23", 12)


@given(st.text(st.characters(codec="latin-1", categories=["L", "N", "P"]), max_size=60), st.floats(20, 300))
def test_shortened_text_fits_and_short_text_stays(text: str, room: float) -> None:
    shown = shorten(text, 12, room)

    assert text_width(shown, 12) <= room
    assert shown == text or shown.endswith("…")


def test_parts_share_a_line_while_they_fit() -> None:
    assert wrap(["a", "b"], 12, 400) == ["a · b"]
    assert wrap(["source of the data", "as of today"], 12, 120) == ["source of the data", "as of today"]


def test_a_part_longer_than_a_line_breaks_between_words() -> None:
    lines = wrap(["one two three four five six"], 12, 60)

    assert " ".join(lines) == "one two three four five six"
    assert len(lines) > 1
    assert all(text_width(line, 12) <= 60 for line in lines)
