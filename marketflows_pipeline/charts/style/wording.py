"""Texts that all charts share: numbers, percentages, amounts, names, times and the footer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

MINUS = "\u2212"
UNKNOWN = "\u2013"

_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_NAMED_MOST = 6
# Days from which nobody counts the hours too.
_HOURS_UNTIL = 7


def value_decimals(spread: float) -> int:
    """Decimals that tell apart values which are this far from each other: to a fiftieth of it or finer."""
    if spread == 0:
        return 2
    return min(6, max(0, 2 - math.floor(math.log10(2 * spread))))


def value_text(value: float, decimals: int, *, signed: bool) -> str:
    """A number for a label: thousands separated, a true minus sign, and never a negative zero."""
    digits = f"{abs(value):,.{decimals}f}"
    if float(digits.replace(",", "")) == 0:
        return digits
    sign = MINUS if value < 0 else "+" if signed else ""
    return sign + digits


def percent_text(percent: float, decimals: int = 1) -> str:
    """A signed change in percent: "+3.4%", "−12.0%", "0.0%", and from 100 on without decimals, "+1,234%"."""
    return value_text(percent, decimals if abs(percent) < 99.95 else 0, signed=True) + "%"


def moment(when: datetime) -> str:
    """A time in UTC: "5 Mar 2026 14:00 UTC"."""
    utc = when.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y} {utc:%H:%M} UTC"


def footer_parts(source: str, as_of: date, notes: Sequence[str]) -> list[str]:
    """Source, the time or the session that the figures are of, and caveats, as parts to be joined."""
    when = moment(as_of) if isinstance(as_of, datetime) else f"the session of {day_text(as_of)}"
    return [source, f"as of {when}", *notes]


def dollars(amount: float) -> str:
    """An amount in short: $250M, $1B, $1.5T."""
    size, unit = next((each for each in _UNITS if amount >= each[0]), (1, ""))
    return f"${amount / size:.4g}{unit}"


def usd_text(amount: float, *, signed: bool = False) -> str:
    """An amount in short with one decimal: "$139.7B", "+$4.4M", "−$512", "$0"."""
    size, unit = next(((size, unit) for size, unit in _UNITS if abs(amount) >= size * 0.99995), (1.0, ""))
    digits = value_text(abs(amount) / size, 1 if unit else 0, signed=False)
    if digits == "0":
        if abs(amount) < 0.005:
            return "$0"
        digits = "<1"
    return f"{MINUS if amount < 0 else '+' if signed else ''}${digits}{unit}"


def share_text(share_pct: float) -> str:
    """A share: "38.2%", and "<0.1%" where rounding would leave nothing."""
    return "<0.1%" if 0 < share_pct < 0.05 else f"{value_text(share_pct, 1, signed=False)}%"


def day_text(day: date) -> str:
    """A day: "20 Nov 2026"."""
    return f"{day.day} {day:%b %Y}"


def utc_day(when: datetime) -> str:
    """The UTC day of a time: "20 Nov 2026"."""
    return day_text(when.astimezone(UTC).date())


def short_day(day: date) -> str:
    """A day of which the year is known: "20 Nov"."""
    return f"{day.day} {day:%b}"


def counted(count: int | str, what: str) -> str:
    """A number of things: "1 day", "90 days"."""
    return f"{count} {what}{'' if str(count) == '1' else 's'}"


def names_text(names: Sequence[str], most: int = _NAMED_MOST) -> str:
    """A few of many names: "Coinbase, Upbit and 3 more"."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def note_of(what: str, names: Sequence[str], most: int = _NAMED_MOST) -> list[str]:
    """A caveat about a few of many names: "not drawn: Upbit and 3 more"; none where there are no names."""
    return [f"{what}: {names_text(names, most)}"] if names else []


def figure_text(value: float, unit: str, *, signed: bool = False) -> str:
    """A figure in its unit: "+$4.4M", "+3.4%", "0.42% of reserves", "+1.2 pp", "1 day", "3 days", "0.0312".

    Dollars have one decimal, percent and percentage points too, but two below 1 and none from 100 on. Other figures
    have four digits, or none after the point where they are whole.
    """
    if unit == "USD":
        return usd_text(value, signed=signed)
    if unit == "pp" or unit.startswith("%"):
        decimals = 0 if value == 0 or abs(value) >= 99.95 else 1 if abs(value) >= 0.995 else 2
        return f"{value_text(value, decimals, signed=signed)}{unit if unit.startswith('%') else ' pp'}"
    decimals = 0 if value == int(value) else min(6, max(0, 3 - math.floor(math.log10(abs(value)))))
    unit = unit.removesuffix("s") if value == 1 else unit
    return f"{value_text(value, decimals, signed=signed)} {unit}".rstrip()


def duration_text(span: timedelta) -> str:
    """A length of time in its two largest units: "3 days 4 h", "2 h 5 min", "40 min", "under a minute"."""
    minutes = max(int(span.total_seconds()), 0) // 60
    days, hours = divmod(minutes // 60, 24)
    if days:
        return counted(days, "day") + (f" {hours} h" if hours and days < _HOURS_UNTIL else "")
    if minutes == 0:
        return "under a minute"
    return " ".join(f"{count} {unit}" for count, unit in ((hours, "h"), (minutes % 60, "min")) if count)
