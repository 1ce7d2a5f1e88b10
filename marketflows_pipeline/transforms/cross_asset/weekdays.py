"""Time as markets count it: nothing trades on a Saturday or a Sunday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_A_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_FIVE_DAYS, _WEEK = timedelta(days=5), timedelta(days=7)


def weekdays_later(since: datetime, span: timedelta) -> datetime:
    """The last moment up to which no more than a span has passed, Saturdays and Sundays (UTC) left out; in UTC."""
    weeks, rest = divmod(since - _A_MONDAY, _WEEK)
    weeks, rest = divmod(weeks * _FIVE_DAYS + min(rest, _FIVE_DAYS) + span, _FIVE_DAYS)
    return _A_MONDAY + weeks * _WEEK + rest
