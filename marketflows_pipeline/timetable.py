"""When scheduled jobs run, in UTC: Dagster's schedules and the commands that name the next run share it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEK = (1, 2, 3, 4, 5, 6, 7)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Timing:
    """One schedule.

    Attributes:
        minute: of the hour.
        hour: of the day; None for every hour.
        weekdays: consecutive days on which it runs, 1 for Monday to 7 for Sunday.
    """

    minute: int
    hour: int | None = None
    weekdays: Sequence[int] = _WEEK

    @property
    def cron(self) -> str:
        """The same for cron, such as ``45 22 * * 1-5``."""
        hour = "*" if self.hour is None else str(self.hour)
        first, last = (self.weekdays[at] % 7 for at in (0, -1))
        days = "*" if len(self.weekdays) == len(_WEEK) else str(first) if first == last else f"{first}-{last}"
        return f"{self.minute} {hour} * * {days}"

    @property
    def words(self) -> str:
        """The same in words: ``hourly at minute 5``, ``Monday to Friday at 22:45 UTC``."""
        if self.hour is None:
            return f"hourly at minute {self.minute}"
        first, last = (_DAYS[self.weekdays[at] - 1] for at in (0, -1))
        on = first if first == last else f"{first} to {last}"
        return f"{'daily' if len(self.weekdays) == len(_WEEK) else on} at {self.hour:02}:{self.minute:02} UTC"

    def next_after(self, moment: datetime) -> datetime:
        """The first time after a moment at which it is due."""
        step = _HOUR if self.hour is None else _DAY
        due = moment.astimezone(UTC).replace(minute=self.minute, second=0, microsecond=0)
        if self.hour is not None:
            due = due.replace(hour=self.hour)
        while due <= moment or due.isoweekday() not in self.weekdays:
            due += step
        return due


HOURLY = Timing(5)
# Of the exchanges, where they have runs of their own.
AFTER_MARKET_CAPS = Timing(20)
DAILY = Timing(25, 1)
AFTER_US_CLOSE = Timing(45, 22, _WEEK[:5])
WEEKLY_TRAINING = Timing(20, 6, (6,))
WEEKLY_PRUNING = Timing(30, 3, (7,))
WEEKLY_MAINTENANCE = Timing(40, 3, (7,))

# What brings each part up to date; the exchange part's daily requests have a run of their own.
TIMINGS_OF: Mapping[str, tuple[Timing, ...]] = {
    "market_caps": (HOURLY,),
    "exchanges": (HOURLY, DAILY),
    "cross_asset": (AFTER_US_CLOSE,),
}
# The same where hosts share the parts.
TIMINGS_OF_HOSTS: Mapping[str, tuple[Timing, ...]] = {**TIMINGS_OF, "exchanges": (AFTER_MARKET_CAPS, DAILY)}


def next_run(timings: Iterable[Timing], moment: datetime) -> datetime:
    """When the first of a part's schedules runs next."""
    return min(timing.next_after(moment) for timing in timings)
