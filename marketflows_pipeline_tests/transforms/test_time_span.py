from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.time_span import COINS_SINCE, TimeSpan

NOW = datetime(2026, 10, 10, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK_AGO = NOW - timedelta(days=7)


def week_of(step: timedelta) -> TimeSpan:
    return TimeSpan.window(WEEK_AGO, step=step, since=COINS_SINCE, now=NOW)


@pytest.mark.parametrize(
    ("step", "allowed"),
    [
        (timedelta(minutes=5), timedelta(minutes=7, seconds=30)),
        (HOUR, timedelta(minutes=65)),
        (timedelta(days=1), timedelta(days=1, minutes=5)),
    ],
)
def test_a_point_may_lie_a_step_before_the_window_with_its_jitter(step: timedelta, allowed: timedelta) -> None:
    assert week_of(step).holds(WEEK_AGO - allowed)
    assert not week_of(step).holds(WEEK_AGO - allowed - timedelta(seconds=1))


def test_nothing_is_later_than_five_minutes_from_now() -> None:
    """A row dated in three days once hid that the newest real one was ten days old."""
    for span in (week_of(HOUR), TimeSpan.ever(COINS_SINCE, now=NOW)):
        assert span.holds(NOW + timedelta(minutes=5))
        assert not span.holds(NOW + timedelta(minutes=5, seconds=1))


def test_nothing_is_earlier_than_its_kind_whatever_the_window() -> None:
    long = TimeSpan.window(NOW - timedelta(days=20_000), step=HOUR, since=COINS_SINCE, now=NOW)

    assert long.holds(COINS_SINCE)
    assert not long.holds(COINS_SINCE - timedelta(seconds=1))


@pytest.mark.parametrize(
    "seconds", [0, -1, 1e30, -1e30, math.nan, math.inf, -math.inf, 1_791_000_000 * 1000, 1_791_000]
)
def test_numbers_that_no_date_has_are_outside_and_no_fault(seconds: float) -> None:
    """Seconds read as milliseconds once were January 1970, and a month of a coin was a straight line from there."""
    assert not TimeSpan.ever(COINS_SINCE, now=NOW).holds_seconds(seconds)


@given(st.integers(0, 4_000_000_000))
def test_a_moment_is_inside_as_its_seconds_are(seconds: int) -> None:
    span = week_of(HOUR)

    assert span.holds(datetime.fromtimestamp(seconds, UTC)) == span.holds_seconds(seconds)


def test_days_are_those_of_utc_that_hold_a_moment_of_the_span() -> None:
    span = TimeSpan(datetime(2026, 10, 1, 23, 0, tzinfo=UTC), datetime(2026, 10, 3, 0, 0, tzinfo=UTC))

    assert [day for day in range(1, 6) if span.holds_day(date(2026, 10, day))] == [1, 2, 3]
