from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.style.wording import (
    dollars,
    footer_parts,
    moment,
    percent_text,
    value_decimals,
    value_text,
)
from marketflows_pipeline_tests.charts.frames import END


@pytest.mark.parametrize(
    ("gain", "text"),
    [
        (3.44, "+3.4%"),
        (-12.0, "\u221212.0%"),
        (0.0, "0.0%"),
        (-0.04, "0.0%"),
        (0.04, "0.0%"),
        (99.96, "+100%"),
        (1234.5, "+1,234%"),
        (-99.9, "\u221299.9%"),
    ],
)
def test_a_gain_is_a_signed_percent(gain: float, text: str) -> None:
    assert percent_text(gain) == text


@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_no_figure_is_ever_a_signed_zero(value: float, decimals: int) -> None:
    text = value_text(value, decimals, signed=True)

    is_zero = not any(digit in text for digit in "123456789")
    assert is_zero == (text[0] not in "+\u2212")


@pytest.mark.parametrize(("spread", "decimals"), [(0.05, 3), (1.2, 2), (24, 1), (1400, 0), (0, 2), (1e-12, 6)])
def test_decimals_follow_the_spread_of_the_values(spread: float, decimals: int) -> None:
    assert value_decimals(spread) == decimals


def test_times_are_written_in_utc() -> None:
    tokyo_morning = datetime.fromisoformat("2026-03-05T09:00:00+09:00")
    assert moment(tokyo_morning) == "5 Mar 2026 00:00 UTC"


def test_the_footer_holds_source_as_of_and_notes() -> None:
    assert footer_parts("Data provided by CoinGecko", END, ["synthetic data"]) == [
        "Data provided by CoinGecko",
        "as of 5 Mar 2026 00:00 UTC",
        "synthetic data",
    ]


def test_amounts_are_short() -> None:
    assert dollars(2.5e8) == "$250M"
    assert dollars(1.5e12) == "$1.5T"
    assert dollars(20_000) == "$20K"
    assert dollars(999) == "$999"
