from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.style.wording import (
    counted,
    day_text,
    dollars,
    figure_text,
    footer_parts,
    moment,
    names_text,
    percent_text,
    share_text,
    short_day,
    usd_text,
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


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (-12.3e6, "USD", "\u2212$12.3M"),
        (3.44, "%", "3.4%"),
        (0.424, "% of reserves", "0.42% of reserves"),
        (0.0, "%", "0%"),
        (-109.05, "%", "\u2212109%"),
        (1.06, "pp", "1.1 pp"),
        (1.0, "sessions", "1 session"),
        (3.0, "days", "3 days"),
        (18.5, "VIX", "18.50 VIX"),
        (8.5756, "points", "8.576 points"),
        (0.03121, "", "0.03121"),
        (1234.56, "", "1,235"),
    ],
)
def test_a_figure_is_written_with_its_unit(value: float, unit: str, text: str) -> None:
    assert figure_text(value, unit) == text


def test_a_change_shows_its_sign() -> None:
    assert figure_text(0.424, "pp", signed=True) == "+0.42 pp"
    assert figure_text(4.4e6, "USD", signed=True) == "+$4.4M"


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


def test_a_few_of_many_names_are_written_out() -> None:
    assert names_text(["Coinbase", "Upbit"]) == "Coinbase, Upbit"
    assert names_text(["a", "b", "c", "d", "e", "f", "g", "h"]) == "a, b, c, d, e, f and 2 more"


def test_days_are_written_for_people() -> None:
    assert day_text(date(2026, 3, 5)) == "5 Mar 2026"
    assert short_day(date(2026, 3, 5)) == "5 Mar"


def test_one_of_a_thing_is_not_a_plural() -> None:
    assert (counted(1, "session"), counted(21, "session"), counted("1.5", "minute")) == (
        "1 session",
        "21 sessions",
        "1.5 minutes",
    )
