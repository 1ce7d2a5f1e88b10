"""Time as markets count it: nothing trades on a Saturday or a Sunday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_A_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_FIVE_DAYS, _WEEK = timedelta(days=5), timedelta(days=7)


def weekday_time(since: datetime, until: datetime) -> timedelta:
    """The time between two moments, Saturdays and Sundays (UTC) left out."""
    return _since_a_monday(until) - _since_a_monday(since)


def _since_a_monday(moment: datetime) -> timedelta:
    weeks, rest = divmod(moment - _A_MONDAY, _WEEK)
    return weeks * _FIVE_DAYS + min(rest, _FIVE_DAYS)
