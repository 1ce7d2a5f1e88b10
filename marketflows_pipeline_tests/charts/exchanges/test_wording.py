from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.exchanges.wording import (
    day_text,
    days_text,
    flow_sum_text,
    names_text,
    share_text,
    usd_text,
)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (139_684_360_969.4, "$139.7B"),
        (1.5e12, "$1.5T"),
        (4_403_471.6, "$4.4M"),
        (999_960_000, "$1.0B"),
        (999_940_000, "$999.9M"),
        (1_500, "$1.5K"),
        (512.4, "$512"),
        (0.3, "$<1"),
        (0.0, "$0"),
        (-27_319_332.2, "\u2212$27.3M"),
    ],
)
def test_money_is_short_and_has_one_decimal(amount: float, text: str) -> None:
    assert usd_text(amount) == text


def test_a_flow_shows_its_direction() -> None:
    assert usd_text(4_403_471.6, signed=True) == "+$4.4M"
    assert usd_text(-4_403_471.6, signed=True) == "\u2212$4.4M"
    assert usd_text(0, signed=True) == "$0"


@given(st.floats(1, 1e14))
def test_money_is_within_a_twentieth_of_its_last_unit(amount: float) -> None:
    text = usd_text(amount)

    size = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1], 1.0)
    shown = float(text.strip("$KMBT").replace(",", "")) * size
    assert abs(shown - amount) <= (0.0501 * size if size > 1 else 0.501)


@pytest.mark.parametrize(
    ("share", "text"), [(38.24, "38.2%"), (0.04, "<0.1%"), (0.05, "0.1%"), (0.0, "0.0%"), (100, "100.0%")]
)
def test_a_small_share_is_not_rounded_to_nothing(share: float, text: str) -> None:
    assert share_text(share) == text


def test_a_sum_says_how_many_days_it_covers_where_that_is_not_all() -> None:
    assert flow_sum_text(475_612_052.8, 7, 7) == "7-day net flow +$475.6M"
    assert flow_sum_text(-1e9, 30, 28) == "30-day net flow \u2212$1.0B (28 of 30 days known)"
    assert flow_sum_text(None, 7, 0) == "7-day net flow not known"


def test_a_few_of_many_names_are_written_out() -> None:
    assert names_text(["Coinbase", "Upbit"]) == "Coinbase, Upbit"
    assert names_text(["a", "b", "c", "d", "e", "f", "g", "h"]) == "a, b, c, d, e, f and 2 more"


def test_days_are_written_for_people() -> None:
    assert day_text(date(2026, 3, 5)) == "5 Mar 2026"
    assert (days_text(1), days_text(90)) == ("1 day", "90 days")
