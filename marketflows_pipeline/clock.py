"""Time, injected: what runs asks a clock, so that tests and the tutorial can choose the hour."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the program asks about time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let this much time pass."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Block for this many seconds."""
        time.sleep(seconds)


class FixedClock:
    """A clock that stands still until somebody sleeps on it or moves it."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock's start must be timezone-aware")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The moment the clock shows."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Advance at once by this many seconds."""
        self._now += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Move the clock to a moment."""
        self._now = moment.astimezone(UTC)
