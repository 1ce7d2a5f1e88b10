from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.charts.style.wording import (
    chart_subtitle,
    chart_title,
    dollars,
    footer_parts,
    hours_text,
    moment,
    percent_text,
    range_labels,
    scale_exponent,
    table_title,
    value_axis_title,
    value_decimals,
    value_text,
)
from marketflows_pipeline_tests.charts.frames import DAY, END, HOUR, chart_spec, gain_spec


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


@pytest.mark.parametrize(
    ("hours", "text"),
    [(4, "4h"), (8, "8h"), (12, "12h"), (24, "1d"), (48, "2d"), (72, "3d"), (168, "1w"), (336, "2w"), (672, "4w")],
)
def test_the_usual_offsets_have_their_usual_names(hours: float, text: str) -> None:
    assert hours_text(hours) == text


@pytest.mark.parametrize(("hours", "text"), [(36, "36h"), (720, "30d"), (0.5, "30m"), (1.5, "1.5h"), (0, "0h")])
def test_other_offsets_take_the_longest_whole_unit(hours: float, text: str) -> None:
    assert hours_text(hours) == text


def test_a_title_says_what_and_in_which_base() -> None:
    assert chart_title(chart_spec()) == "Narratives: market cap in US dollars"
    in_btc = chart_spec(base_asset="bitcoin", base_label="BTC")
    assert chart_title(in_btc) == "Narratives: market cap relative to BTC"
    assert chart_title(chart_spec(diff_order=1)) == "Narratives: market-cap growth in US dollars"
    assert chart_title(chart_spec(diff_order=2)) == "Narratives: market-cap inflection in US dollars"
    assert chart_title(chart_spec(diff_order=3)) == "Narratives: 3rd derivative of market cap in US dollars"
    assert chart_title(chart_spec(is_unit=True)) == "Narratives: market cap in US dollars, scaled 0 to 1"
    assert table_title(gain_spec()) == "Narratives: percent gains in US dollars"


def test_a_subtitle_gives_period_ema_and_smoothing() -> None:
    assert chart_subtitle(chart_spec(), END) == ["Daily, 92 days to 5 Mar 2026", "no EMA"]
    growth = chart_spec(diff_order=1, ema_period=20, step=HOUR)
    assert chart_subtitle(growth, END) == [
        "Hourly, last 50 hours to 5 Mar 2026 00:00 UTC",
        "EMA 20",
        "growth smoothed with EMA 10",
        "a change of market cap is mostly price",
    ]
    inflection = chart_spec(diff_order=2, smoothing_ema=1, step=timedelta(minutes=5))
    period = "Every 5 minutes, last 12 steps to 5 Mar 2026 00:00 UTC"
    assert chart_subtitle(inflection, END) == [period, "no EMA", "a change of market cap is mostly price"]


def test_the_value_axis_names_its_unit() -> None:
    assert value_axis_title(chart_spec(), 0) == "Index, start = 1"
    assert value_axis_title(chart_spec(diff_order=1), 0) == "Index points (start = 1) per day"
    assert value_axis_title(chart_spec(diff_order=2, step=HOUR), 0) == "Index points (start = 1) per hour²"
    five = timedelta(minutes=5)
    assert value_axis_title(chart_spec(diff_order=1, step=five), 0) == "Index points (start = 1) per 5 minutes"
    assert value_axis_title(chart_spec(diff_order=2, step=five), 0) == "Index points (start = 1) per (5 minutes)²"
    assert value_axis_title(chart_spec(diff_order=1), 6) == "Millionths of an index point (start = 1) per day"
    assert value_axis_title(chart_spec(is_unit=True), 0) == "Position between the lowest (0) and the highest (1)"


@pytest.mark.parametrize(("largest", "exponent"), [(0, 0), (2, 0), (0.001, 0), (0.0009, 6), (3e-7, 9), (1e-15, 9)])
def test_small_changes_are_written_in_thousandths_or_less(largest: float, exponent: int) -> None:
    assert scale_exponent(largest) == exponent


@given(st.floats(1e-9, 1e-3, exclude_max=True))
def test_scaled_changes_are_between_one_and_a_thousand(largest: float) -> None:
    assert 1 - 1e-9 <= largest * 10 ** scale_exponent(largest) <= 1000


@pytest.mark.parametrize(("spread", "decimals"), [(0.05, 3), (1.2, 2), (24, 1), (1400, 0), (0, 2), (1e-12, 6)])
def test_decimals_follow_the_spread_of_the_values(spread: float, decimals: int) -> None:
    assert value_decimals(spread) == decimals


def test_times_are_written_in_utc() -> None:
    tokyo_morning = datetime.fromisoformat("2026-03-05T09:00:00+09:00")
    assert moment(tokyo_morning) == "5 Mar 2026 00:00 UTC"
    assert moment(datetime(2026, 3, 5, tzinfo=UTC), DAY) == "5 Mar 2026"


def test_the_footer_holds_source_as_of_and_notes() -> None:
    assert footer_parts("Data provided by CoinGecko", END, ["synthetic data"]) == [
        "Data provided by CoinGecko",
        "as of 5 Mar 2026 00:00 UTC",
        "synthetic data",
    ]


def test_ranges_are_named_by_their_limits() -> None:
    assert range_labels([1e9, 1e10]) == {"1000000000": "$1B to $10B", "10000000000": "above $10B"}
    assert dollars(2.5e8) == "$250M"
    assert dollars(1.5e12) == "$1.5T"
    assert dollars(20_000) == "$20K"
    assert dollars(999) == "$999"
