"""Which sessions are over: in summer, in winter, and for coins."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from marketflows_pipeline.providers.complete_sessions import (
    last_complete_new_york_day,
    last_complete_session,
    last_complete_utc_day,
)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # New York is four hours behind UTC in summer, five in winter.
        (datetime(2026, 7, 15, 20, 14, 59, tzinfo=UTC), date(2026, 7, 14)),
        (datetime(2026, 7, 15, 20, 15, tzinfo=UTC), date(2026, 7, 15)),
        (datetime(2026, 1, 15, 20, 15, tzinfo=UTC), date(2026, 1, 14)),
        (datetime(2026, 1, 15, 21, 15, tzinfo=UTC), date(2026, 1, 15)),
        # The clocks go forward on 8 March and back on 1 November.
        (datetime(2026, 3, 6, 20, 15, tzinfo=UTC), date(2026, 3, 5)),
        (datetime(2026, 3, 9, 20, 15, tzinfo=UTC), date(2026, 3, 9)),
        (datetime(2026, 11, 2, 20, 15, tzinfo=UTC), date(2026, 11, 1)),
        # It is yesterday there when the UTC day begins.
        (datetime(2026, 7, 16, 3, 0, tzinfo=UTC), date(2026, 7, 15)),
    ],
)
def test_a_session_is_over_from_a_quarter_past_four_in_new_york(now: datetime, expected: date) -> None:
    assert last_complete_session(now) == expected


def test_a_coins_day_is_over_at_midnight_utc() -> None:
    assert last_complete_utc_day(datetime(2026, 7, 15, 23, 59, 59, tzinfo=UTC)) == date(2026, 7, 14)
    assert last_complete_utc_day(datetime(2026, 7, 16, tzinfo=UTC)) == date(2026, 7, 15)


def test_what_trades_around_the_clock_in_new_york_is_over_at_midnight_there() -> None:
    assert last_complete_new_york_day(datetime(2026, 7, 16, 3, 59, tzinfo=UTC)) == date(2026, 7, 14)
    assert last_complete_new_york_day(datetime(2026, 7, 16, 4, 0, tzinfo=UTC)) == date(2026, 7, 15)
