from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.style.wording import figure_text
from marketflows_pipeline.report.brief.shown import numbers_in, place_of, reads_otherwise, state_text

UNITS = ["USD", "%", "pp", "% of reserves", "points", "sessions", "VIX", ""]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("net flow \u2212$12.3M, against $1,234", [-12.3e6, 1234.0]),
        ("+3.4% in 2 days, as of 20 Nov 2026.", [3.4, 2.0, 20.0, 2026.0]),
        ("12B is none of billions here: 12Bit", [12e9, 12.0]),
        ("nothing", []),
    ],
)
def test_numbers_are_read_with_sign_and_scale(text: str, values: list[float]) -> None:
    assert [number.value for number in numbers_in(text)] == values


@given(st.floats(-1e13, 1e13, allow_nan=False), st.sampled_from(UNITS), st.booleans())
def test_a_figure_is_found_where_it_is_shown(figure: float, unit: str, signed: bool) -> None:
    shown = figure_text(figure, unit, signed=signed)
    if "<1" in shown:
        return
    assert place_of(f"Name: {shown} on Friday", figure) is not None
    assert not reads_otherwise(f"Name: {shown} on Friday", figure, figure)


def test_only_digits_that_are_shown_count() -> None:
    assert not reads_otherwise("up 3.4% so far", 3.42, 3.44)
    assert reads_otherwise("up 3.4% so far", 3.42, 3.46)
    assert not reads_otherwise("up 3.4% so far", 9.9, 11.0)


@pytest.mark.parametrize(
    ("text", "figure", "new", "written"),
    [
        ("\u2212$12.3M", -12.31e6, 4.56e6, "+$4.6M"),
        ("+$12.3M", 12.31e6, -4.56e6, "\u2212$4.6M"),
        ("+3.4%", 3.42, 0.001, "0.0%"),
        ("1,234", 1234.2, 99_999.0, "99,999"),
    ],
)
def test_another_figure_is_written_as_the_one_before(text: str, figure: float, new: float, written: str) -> None:
    place = place_of(f"it is {text}.", figure)
    assert place is not None
    assert place.with_figure(new) == written


def test_a_state_reads_as_words() -> None:
    assert state_text("risk_on") == "risk-on"
    assert state_text("uniswap_v3") == "uniswap_v3"
    assert state_text("\x1b[2J") == "[2J"
    assert state_text("\u200b") == "(no name)"
