from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.style.wording import MINUS
from marketflows_pipeline.report.sections.cards import change_finding, extreme, listed


@pytest.mark.parametrize(
    ("figures", "title"),
    [
        ({}, "No change of series is known today"),
        ({"A": None, "B": math.nan}, "No change of series is known today"),
        ({"A": 5.0}, "A gained 5.0% today"),
        ({"A": -5.0, "B": None}, "A lost 5.0% today"),
        ({"A": 0.01}, "A did not move today"),
        ({"A": 5.0, "B": 2.0}, "A gained most today, +5.0%; B rose least, +2.0%"),
        ({"A": -5.0, "B": -2.0}, "B fell least today, -2.0%; A fell most, -5.0%"),
        ({"A": 5.0, "B": 0.0}, "A gained most today, +5.0%; B did not move"),
        ({"A": 0.0, "B": -2.0}, "A did not move today, 0.0%; B fell most, -2.0%"),
        ({"A": 5.0, "B": 5.01, "C": 1.0}, "B and A gained most today, +5.0% each; C rose least, +1.0%"),
        ({"A": 5.0, "B": 1.0, "C": 1.0}, "A gained most today, +5.0%; the last stand at +1.0%"),
        ({"A": 5.0, "B": 5.0}, "All 2 series stand alike today: +5.0%"),
    ],
)
def test_the_finding_of_a_change(figures: dict[str, float | None], title: str) -> None:
    assert change_finding(figures, "today").replace(MINUS, "-") == title


@given(st.dictionaries(st.text("ABCDE", min_size=1), st.none() | st.floats(-99, 999), max_size=6))
def test_a_finding_names_the_highest_or_says_that_there_is_none(figures: dict[str, float | None]) -> None:
    known = {label: value for label, value in figures.items() if value is not None}
    title = change_finding(figures, "today")

    best = [label for label, value in known.items() if value == max(known.values())]
    assert not known or "stand alike" in title or any(label in title for label in best)
    assert title == " ".join(title.split())


@pytest.mark.parametrize(
    ("figures", "found"),
    [
        ({}, None),
        ({"A": None}, None),
        ({"A": 1.0, "B": 2.0}, ("B", 2.0)),
        ({"A": 1.0, "B": -2.0}, ("B", -2.0)),
        ({"A": 2.0, "B": -2.0}, None),
    ],
)
def test_the_extreme_is_one_alone(figures: dict[str, float | None], found: tuple[str, float] | None) -> None:
    assert extreme(figures) == found


def test_names_are_listed_as_a_sentence_has_them() -> None:
    assert [listed(list(names)) for names in ("", "A", "AB", "ABC", "ABCDE")] == [
        "",
        "A",
        "A and B",
        "A, B and C",
        "A, B, C and 2 more",
    ]
