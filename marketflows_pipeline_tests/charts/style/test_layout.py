from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.style.layout import Box, place_labels, shorten, spread, text_width, wrap

POSITIONS = st.lists(st.floats(0, 500), max_size=12)
SPOTS = st.lists(st.tuples(st.floats(10, 290), st.floats(10, 190), st.floats(1, 20)), max_size=25)
AREA = Box(0, 0, 300, 200)


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


@pytest.mark.slow
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


@given(SPOTS)
def test_placed_labels_overlap_neither_each_other_nor_a_labelled_spot(spots: list[tuple[float, float, float]]) -> None:
    boxes = [Box(x - reach, y - reach, x + reach, y + reach) for x, y, reach in spots]

    placed = [place for place in place_labels(boxes, [(40, 12)] * len(boxes), [], AREA) if place is not None]

    assert not any(one.overlaps(other) for one, other in itertools.combinations(placed, 2))
    assert not any(place.overlaps(spot) for place in placed for spot in boxes)
    assert all(place.within(AREA) for place in placed)


def test_a_lone_label_stands_to_the_right_of_its_spot() -> None:
    assert place_labels([Box(100, 90, 120, 110)], [(40, 12)], [], AREA) == [Box(122, 94, 162, 106)]


def test_a_label_avoids_an_obstacle_where_it_can_and_covers_it_where_it_must() -> None:
    spot = Box(100, 90, 120, 110)

    assert place_labels([spot], [(40, 12)], [Box(130, 80, 140, 120)], AREA) == [Box(58, 94, 98, 106)]
    assert place_labels([spot], [(40, 12)], [AREA], AREA) == [Box(122, 94, 162, 106)]


def test_of_labels_that_want_one_place_the_first_gets_it_and_the_last_may_be_left_out() -> None:
    spots = [Box(20, 10, 30, 20)] * 4

    placed = place_labels(spots, [(40, 12)] * 4, [], Box(0, 0, 80, 30))

    assert placed[0] == Box(32, 9, 72, 21)
    assert placed[1:] == [None, None, None]
