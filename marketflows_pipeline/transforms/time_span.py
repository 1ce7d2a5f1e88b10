"""Bound the times that an observation can have: none before its kind existed, none after it was requested.

Units are not guessed: seconds where milliseconds are documented are a moment in January 1970, and that is outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

COINS_SINCE = datetime(2009, 1, 1, tzinfo=UTC)
FUNDS_SINCE = datetime(1990, 1, 1, tzinfo=UTC)
OWN_FILES_SINCE = datetime(1900, 1, 1, tzinfo=UTC)
# Clocks of two machines differ by as much.
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True)
class TimeSpan:
    """The times that the observations of one answer can have.

    Attributes:
        earliest: first possible moment, aware.
        latest: last possible moment, aware.
    """

    earliest: datetime
    latest: datetime

    @classmethod
    def ever(cls, since: datetime, *, now: datetime) -> Self:
        """Anything since a moment, and five minutes beyond the present one."""
        return cls(since, now + CLOCK_TOLERANCE)

    @classmethod
    def window(cls, start: datetime, *, step: timedelta, since: datetime, now: datetime) -> Self:
        """A window that was requested, and a step before it.

        Services serve up to one point more than requested, and stamps of points are jittered: a point a step too early
        is one as long as it is nearer to that step than to the one before, five minutes at most.

        Args:
            start: of the window.
            step: time from one point to the next.
            since: nothing is earlier than this, whatever the window.
            now: when it was requested, which is the window's end.
        """
        jitter = min(CLOCK_TOLERANCE, step / 2)
        return cls(max(since, start - step - jitter), now + CLOCK_TOLERANCE)

    def holds(self, moment: datetime) -> bool:
        """Whether a moment, aware, is inside."""
        return self.earliest <= moment <= self.latest

    def holds_seconds(self, seconds: float) -> bool:
        """Whether seconds since 1970 are inside; not a number and numbers that no date can have are not."""
        return self.earliest.timestamp() <= seconds <= self.latest.timestamp()

    def holds_day(self, day: date) -> bool:
        """Whether a day, by UTC, is inside or holds one of the ends."""
        return self.first_day <= day <= self.last_day

    @property
    def first_day(self) -> date:
        """UTC date of the first possible moment."""
        return self.earliest.astimezone(UTC).date()

    @property
    def last_day(self) -> date:
        """UTC date of the last possible moment."""
        return self.latest.astimezone(UTC).date()

    def __str__(self) -> str:
        return f"{self.earliest:%Y-%m-%d %H:%M} to {self.latest:%Y-%m-%d %H:%M} UTC"
