"""Texts that all charts share: numbers, percentages, amounts, times and the footer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

MINUS = "\u2212"


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


def footer_parts(source: str, as_of: datetime, notes: Sequence[str]) -> list[str]:
    """Source, as-of time and caveats, as parts to be joined."""
    return [source, f"as of {moment(as_of)}", *notes]


def dollars(amount: float) -> str:
    """An amount in short: $250M, $1B, $1.5T."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if amount >= size:
            return f"${amount / size:.4g}{unit}"
    return f"${amount:.4g}"
