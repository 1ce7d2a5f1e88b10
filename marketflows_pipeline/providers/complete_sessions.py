"""Which trading sessions are over, so that no price of an open one is taken for its last."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = "America/New_York"
# Volatility indices and some funds are settled a quarter of an hour after the close at 16:00.
SETTLED_AFTER = timedelta(hours=16, minutes=15)
A_DAY = timedelta(days=1)


def last_complete_session(now: datetime) -> date:
    """The newest New York date whose session is over: today from 16:15 there, in summer as in winter."""
    # By the clock on the wall there, on days with a change of the clocks too.
    return (now.astimezone(ZoneInfo(NEW_YORK)) - SETTLED_AFTER).date()


def last_complete_new_york_day(now: datetime) -> date:
    """The newest New York date that is over, for what trades around the clock there."""
    return now.astimezone(ZoneInfo(NEW_YORK)).date() - A_DAY


def last_complete_utc_day(now: datetime) -> date:
    """The newest UTC date that is over, for coins, which trade around the clock."""
    return now.astimezone(UTC).date() - A_DAY
