from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketflows_pipeline.charts.market_caps.wording import (
    COUNTED_WHERE_THEY_ARE,
    Standing,
    chart_subtitle,
    chart_title,
    hours_text,
    start_text,
    table_title,
    value_axis_title,
)
from marketflows_pipeline.charts.style.wording import percent_text
from marketflows_pipeline_tests.charts.frames import DAY, HOUR, chart_spec, gain_spec

START = "4 Dec 2025"
ON_BTC: dict[str, Any] = {"base_asset": "bitcoin", "base_label": "BTC"}
FIVE_MINUTES = timedelta(minutes=5)


def standings(**values: float) -> list[Standing]:
    """Series named by their labels in small letters."""
    return [Standing(label.lower(), label, value, percent_text(value)) for label, value in values.items()]


def test_a_title_says_which_series_led_by_how_much_in_which_base_and_since_when() -> None:
    at = standings(AI=4.1, Memes=34.0)
    assert chart_title(chart_spec(), at, START) == "Narratives: Memes led, +34.0% in US dollars since 4 Dec 2025"
    in_btc = chart_spec(**ON_BTC, ema_period=20)
    assert chart_title(in_btc, at, START) == "Narratives: Memes led, +34.0% against BTC since 4 Dec 2025 (EMA 20)"
    assert table_title(gain_spec(**ON_BTC), at, 24) == "Narratives: Memes led, +34.0% against BTC in 1 day"
    assert table_title(gain_spec(), at, 336) == "Narratives: Memes led, +34.0% in US dollars in 2 weeks"


def test_where_all_fall_a_title_says_which_fell_least() -> None:
    at = standings(AI=-4.1, Memes=-34.0)
    assert table_title(gain_spec(), at, 4) == "Narratives: AI fell least, \u22124.1% in US dollars in 4 hours"


def test_titles_of_growth_and_inflection_have_words_of_their_own() -> None:
    up, down = standings(AI=0.2, Memes=-0.1), standings(AI=-0.2, Memes=-0.1)
    growth, inflection = chart_spec(diff_order=1), chart_spec(diff_order=2, **ON_BTC)
    assert chart_title(growth, up, START) == "Narratives: AI grows fastest, +0.2%/day in US dollars"
    assert chart_title(growth, down, START) == "Narratives: Memes shrinks least, \u22120.1%/day in US dollars"
    assert chart_title(inflection, up, START) == "Narratives: growth of AI rises fastest, +0.2%/day per day against BTC"
    falls = "Narratives: growth of Memes falls least, \u22120.1%/day per day against BTC"
    assert chart_title(inflection, down, START) == falls


@pytest.mark.parametrize(
    "at",
    [
        standings(AI=1.01, Memes=1.02),
        standings(AI=0.01, Memes=-3.0),
        standings(),
        standings(Bitcoin=0.0),
    ],
    ids=["two show the same figure", "the highest shows zero", "no series", "the base alone"],
)
def test_a_title_is_neutral_where_no_series_stands_out(at: list[Standing]) -> None:
    assert chart_title(chart_spec(**ON_BTC), at, START) == "Narratives: change of market cap against BTC"
    assert chart_title(chart_spec(**ON_BTC, diff_order=1), at, START) == "Narratives: market-cap growth against BTC"
    assert table_title(gain_spec(**ON_BTC), at, 24) == "Narratives: percent gains against BTC"
    assert table_title(gain_spec(**ON_BTC), at, 24, "in every base") == "Narratives: percent gains in every base"


def test_the_base_asset_itself_neither_leads_nor_loses() -> None:
    """Bitcoin in bitcoin is a flat line at zero, which every loser would lose to."""
    at = standings(Bitcoin=0.0, ETH=-15.1, SOL=-16.3)
    assert chart_title(chart_spec(**ON_BTC), at, START).startswith("Narratives: ETH fell least, \u221215.1%")


def test_a_series_alone_is_compared_with_none() -> None:
    alone = standings(AI=34.0)
    assert chart_title(chart_spec(), alone, START) == "Narratives: AI +34.0% in US dollars since 4 Dec 2025"


def test_a_derivative_without_words_has_a_neutral_title() -> None:
    title = "Narratives: 3rd derivative of market cap in US dollars"
    assert chart_title(chart_spec(diff_order=3), standings(AI=1.0, Memes=2.0), START) == title


def test_ranges_are_called_ranges() -> None:
    at = [Standing("1", "above $10B", 3.0, "+3.0%"), Standing("2", "$1B to $10B", 1.0, "+1.0%")]
    title = table_title(gain_spec(category="Ranges"), at, 168)
    assert title == "Ranges: the range above $10B led, +3.0% in US dollars in 1 week"


def test_a_unit_scaled_chart_names_its_highest_and_lowest() -> None:
    at = [Standing("ai", "AI", 1.0, "1.00"), Standing("l1", "L1", 0.5, "0.50"), Standing("memes", "Memes", 0.0, "0.00")]
    unit = chart_spec(is_unit=True)
    assert chart_title(unit, at, START) == (
        "Narratives: AI highest and Memes lowest by change of market cap in US dollars"
    )
    tied = [at[0], at[0]._replace(series="l1", label="L1"), at[2]]
    assert chart_title(unit, tied, START) == "Narratives: change of market cap in US dollars, scaled 0 to 1"


def test_a_subtitle_gives_measure_period_ema_and_smoothing() -> None:
    assert chart_subtitle(chart_spec(), 90 * DAY) == ["Change of market cap in US dollars", "daily, 90 days", "no EMA"]
    assert chart_subtitle(chart_spec(diff_order=1, ema_period=20, step=HOUR), 50 * HOUR) == [
        "Market-cap growth in US dollars",
        "hourly (UTC), 50 hours",
        "EMA 20",
        "growth smoothed with EMA 10",
    ]
    inflection = chart_spec(diff_order=2, smoothing_ema=1, step=FIVE_MINUTES, is_unit=True)
    assert chart_subtitle(inflection, 12 * FIVE_MINUTES) == [
        "Market-cap inflection in US dollars, scaled 0 to 1",
        "every 5 minutes (UTC), 1 hour",
        "no EMA",
    ]


def test_levels_of_ranges_say_which_coins_count() -> None:
    """A range gained 31 % in a day because a coin entered it."""
    ranges = chart_spec(category="Ranges")
    assert COUNTED_WHERE_THEY_ARE in chart_subtitle(ranges, DAY)
    assert COUNTED_WHERE_THEY_ARE not in chart_subtitle(chart_spec(category="Ranges", diff_order=1), DAY)


def test_the_value_axis_names_its_unit() -> None:
    assert value_axis_title(chart_spec(), START) == "Change since 4 Dec 2025, %"
    assert value_axis_title(chart_spec(diff_order=1), START) == "Growth, %/day of the value at the start"
    hourly = chart_spec(diff_order=2, step=HOUR)
    assert value_axis_title(hourly, START) == "Change of growth, %/hour per hour of the value at the start"
    five = chart_spec(diff_order=1, step=FIVE_MINUTES)
    assert value_axis_title(five, START) == "Growth, %/5 minutes of the value at the start"
    third = value_axis_title(chart_spec(diff_order=3), START)
    assert third == "3rd derivative, %/day per day per day of the value at the start"
    unit = value_axis_title(chart_spec(is_unit=True), START)
    assert unit == "Position between the lowest (0) and the highest (1) at each time"


def test_a_short_window_starts_at_an_hour() -> None:
    start = datetime(2025, 12, 4, 14, tzinfo=UTC)
    assert start_text(start, is_long=True) == "4 Dec 2025"
    assert start_text(start, is_long=False) == "4 Dec 2025 14:00 UTC"


@pytest.mark.parametrize(
    ("hours", "text"),
    [(4, "4h"), (8, "8h"), (12, "12h"), (24, "1d"), (48, "2d"), (72, "3d"), (168, "1w"), (336, "2w"), (672, "4w")],
)
def test_the_usual_offsets_have_their_usual_names(hours: float, text: str) -> None:
    assert hours_text(hours) == text


@pytest.mark.parametrize(("hours", "text"), [(36, "36h"), (720, "30d"), (0.5, "30m"), (1.5, "1.5h"), (0, "0h")])
def test_other_offsets_take_the_longest_whole_unit(hours: float, text: str) -> None:
    assert hours_text(hours) == text
