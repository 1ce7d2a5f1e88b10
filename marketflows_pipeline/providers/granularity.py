"""How close together the points of a history are; quick to import."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

# The longest window that is served by the hour.
HOURLY_DAYS = 90


class Granularity(StrEnum):
    """How close together the points of a history are."""

    FIVE_MINUTES = "5m"
    HOURLY = "hourly"
    DAILY = "daily"

    @classmethod
    def of_window(cls, days: int) -> Granularity:
        """The granularity of the last ``days`` days: 5 minutes for 1, hourly for 2 to 90, daily above."""
        if days <= 1:
            return cls.FIVE_MINUTES
        return cls.HOURLY if days <= HOURLY_DAYS else cls.DAILY

    @property
    def step(self) -> timedelta:
        """Time from one point to the next."""
        match self:
            case Granularity.FIVE_MINUTES:
                return timedelta(minutes=5)
            case Granularity.HOURLY:
                return timedelta(hours=1)
            case Granularity.DAILY:
                return timedelta(days=1)
