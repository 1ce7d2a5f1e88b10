"""When US exchanges trade: holidays by their rules, half days, and the hours in New York's own time.

Closures that no rule foretells (mourning, storms) are left out.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

A_DAY = timedelta(days=1)
OPENS, CLOSES, CLOSES_EARLY = time(9, 30), time(16), time(13)
SATURDAY, SUNDAY = 5, 6
MONDAY, THURSDAY = 0, 3


def new_york() -> ZoneInfo:
    """The zone that the exchanges live in."""
    return ZoneInfo("America/New_York")


@cache
def holidays(year: int) -> frozenset[date]:
    """Days without trading that would have some otherwise."""
    fixed = [date(year, 1, 1), date(year, 7, 4), date(year, 12, 25)]
    if year >= 2022:
        fixed.append(date(year, 6, 19))
    # A Saturday's holiday is kept on Friday, but not on the last day of a year.
    kept = {_observed(day) for day in fixed} - {date(year - 1, 12, 31)}
    moving = {
        _nth(year, 1, MONDAY, 3),
        _nth(year, 2, MONDAY, 3),
        _easter(year) - 2 * A_DAY,
        _last_monday_of_may(year),
        _nth(year, 9, MONDAY, 1),
        _thanksgiving(year),
    }
    return frozenset(kept | moving)


def is_session(day: date) -> bool:
    """Whether there is trading on a day."""
    return day.weekday() < SATURDAY and day not in holidays(day.year)


def is_half_day(day: date) -> bool:
    """Whether trading ends at 13:00: the eves of Independence Day and Christmas, and the day after Thanksgiving."""
    eves = {date(day.year, 7, 3), date(day.year, 12, 24), _thanksgiving(day.year) + A_DAY}
    return is_session(day) and day in eves


def sessions(first: date, last: date) -> list[date]:
    """Days with trading from first to last, both included."""
    days = ((first + at * A_DAY) for at in range((last - first).days + 1))
    return [day for day in days if is_session(day)]


def opens_at(day: date) -> datetime:
    """When a session begins, in UTC."""
    return datetime.combine(day, OPENS, new_york()).astimezone(UTC)


def closes_at(day: date) -> datetime:
    """When a session ends, in UTC."""
    return datetime.combine(day, CLOSES_EARLY if is_half_day(day) else CLOSES, new_york()).astimezone(UTC)


def _observed(day: date) -> date:
    return day - A_DAY if day.weekday() == SATURDAY else day + A_DAY if day.weekday() == SUNDAY else day


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + A_DAY * ((weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - A_DAY * last.weekday()


def _thanksgiving(year: int) -> date:
    return _nth(year, 11, THURSDAY, 4)


def _easter(year: int) -> date:
    """Easter Sunday by the anonymous Gregorian computus."""
    golden, century, rest = year % 19, year // 100, year % 100
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
