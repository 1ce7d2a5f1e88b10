"""Rows of cards: full, in reading order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.report.filters import COLUMNS, spans, spans_on_two


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ([3, 3], [3, 3]),
        ([3], [6]),
        ([2, 2], [3, 3]),
        ([2, 3], [2, 4]),
        ([2, 2, 2, 3], [2, 2, 2, 6]),
        ([4, 3, 3], [6, 3, 3]),
        ([], []),
    ],
)
def test_a_row_is_filled(widths: list[int], expected: list[int]) -> None:
    assert spans(widths) == expected


@given(st.lists(st.sampled_from([2, 3, 4, 6]), max_size=30))
def test_no_row_is_half_empty_and_no_card_narrower_than_it_asks(widths: list[int]) -> None:
    for found in (spans(widths), spans_on_two(widths)):
        room = COLUMNS
        for span in found:
            room = room - span if span <= room else COLUMNS - span
            assert room >= 0
            room = room or COLUMNS
        assert room == COLUMNS
    assert all(span >= width for span, width in zip(spans(widths), widths, strict=True))
