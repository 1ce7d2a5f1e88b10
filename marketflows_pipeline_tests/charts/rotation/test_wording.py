from __future__ import annotations

from typing import Any

import pytest

from marketflows_pipeline.charts.rotation.wording import (
    QUADRANTS,
    backfilled_text,
    band_sentence,
    is_outside,
    outside_sentence,
)
from marketflows_pipeline.transforms.rotation import plane


def figure(statistic: str, value: float | None, *band: float, reason: str | None = None) -> dict[str, Any]:
    lower, upper = band or (None, None)
    return {"statistic": statistic, "value": value, "lower": lower, "upper": upper, "reason": reason}


@pytest.mark.parametrize(
    ("said", "of"),
    [
        ("76 % clockwise; chance alone gives 74 to 80 %", figure("clockwise_pct", 76.4, 74.4, 80.0)),
        ("stays of 6.5 closes; chance alone gives 5.9 to 6.7", figure("dwell", 6.49, 5.86, 6.66)),
        (
            "15 % of entries undone within 3 closes; chance alone gives 11 to 18 %",
            figure("whipsaw_pct", 14.6, 10.7, 18.4),
        ),
        (
            "return after leading +0.31 expected deviations; chance alone gives \u22120.20 to +0.19",
            figure("return_after_leading", 0.312, -0.2, 0.19),
        ),
        (
            "76 % clockwise; too short to tell: 90 of 365 closes",
            figure("clockwise_pct", 76.0, reason="too short to tell: 90 of 365 closes"),
        ),
        (
            "clockwise not known; too short to tell: 5 of 365 closes",
            figure("clockwise_pct", None, reason="too short to tell: 5 of 365 closes"),
        ),
    ],
)
def test_each_figure_stands_beside_chance(said: str, of: dict[str, Any]) -> None:
    assert band_sentence(of, "close") == said


def test_decimals_say_on_which_side_of_the_band_a_figure_lies() -> None:
    """ "80 % clockwise; chance gives 74 to 80 %" would read as inside."""
    assert band_sentence(figure("clockwise_pct", 80.3, 74.4, 79.8), "close").startswith("80.3 % clockwise")
    assert band_sentence(figure("clockwise_pct", 79.6, 74.4, 79.9), "close").startswith("80 % clockwise")


@pytest.mark.parametrize(("value", "outside"), [(74.0, False), (80.0, False), (73.9, True), (80.1, True), (None, None)])
def test_the_ends_of_a_band_are_inside(value: float | None, outside: bool | None) -> None:
    assert is_outside(figure("clockwise_pct", value, 74.0, 80.0)) is outside


def test_what_lies_outside_is_named_and_counted_among_those_with_a_band() -> None:
    inside = figure("clockwise_pct", 76.0, 74.0, 80.0)
    short = figure("return_after_lagging", 0.1, reason="too short to tell: 29 of 30 entries")
    long = figure("return_after_leading", 0.9, -0.2, 0.2)

    assert outside_sentence([inside, short]) == "none of 1 figures outside of chance"
    assert outside_sentence([inside, short, long]) == "1 of 2 figures outside of chance: return after leading"
    assert outside_sentence([short]) == ""


def test_the_back_filled_part_of_the_history_is_said() -> None:
    assert backfilled_text([{"n_backfilled": 266, "n_steps": 1366}], "close") == "266 of 1,366 closes back-filled"
    assert backfilled_text([{"n_backfilled": 0, "n_steps": 366}], "close") == backfilled_text([], "close") == ""


def test_quadrants_are_those_of_the_plane() -> None:
    assert QUADRANTS == plane.QUADRANTS
