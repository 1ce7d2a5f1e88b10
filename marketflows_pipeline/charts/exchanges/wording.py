"""What is written on the pictures of exchanges: money, shares, sums over days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from marketflows_pipeline.charts.style.wording import MINUS, value_text

UNKNOWN = "\u2013"
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_NAMED_MOST = 6

SEGMENTS = {
    "all": "All exchanges",
    "centralised": "Centralised",
    "decentralised": "Decentralised",
    "tracked": "Tracked",
}
MEASURES = {"spot_volume": "spot volume", "reserves": "reserves", "derivatives_volume": "derivatives volume"}


def usd_text(amount: float, *, signed: bool = False) -> str:
    """An amount in short with one decimal: "$139.7B", "+$4.4M", "−$512", "$0"."""
    size, unit = next(((size, unit) for size, unit in _UNITS if abs(amount) >= size * 0.99995), (1.0, ""))
    digits = value_text(abs(amount) / size, 1 if unit else 0, signed=False)
    if digits == "0":
        return "$0" if abs(amount) < 0.005 else f"{_sign(amount, signed=signed)}$<1"
    return f"{_sign(amount, signed=signed)}${digits}{unit}"


def share_text(share_pct: float) -> str:
    """A share: "38.2%", and "<0.1%" where rounding would leave nothing."""
    return "<0.1%" if 0 < share_pct < 0.05 else f"{value_text(share_pct, 1, signed=False)}%"


def day_text(day: date) -> str:
    """A day: "20 Nov 2026"."""
    return f"{day.day} {day:%b %Y}"


def days_text(count: int) -> str:
    """A number of days: "1 day", "90 days"."""
    return f"{count} day" if count == 1 else f"{count} days"


def names_text(names: Sequence[str]) -> str:
    """A few of many names: "Coinbase, Upbit and 3 more"."""
    more = f" and {len(names) - _NAMED_MOST} more" if len(names) > _NAMED_MOST else ""
    return ", ".join(names[:_NAMED_MOST]) + more


def fixed_set_notes(left_out: Sequence[str]) -> list[str]:
    """What a footer says of a measure over time: that it is over a fixed set, and who is left out of it."""
    if not left_out:
        return []
    return [f"of exchanges measured on 90% of the days; left out, measured on fewer: {names_text(left_out)}"]


def flow_sum_text(flow_usd: float | None, window: int, covered: int) -> str:
    """Net flow over the last days, and how many of them it covers.

    Args:
        flow_usd: the sum; None where no day is known.
        window: days asked for.
        covered: days of them that the sum covers.
    """
    if flow_usd is None:
        return f"{window}-day net flow not known"
    partly = "" if covered >= window else f" ({covered} of {window} days known)"
    return f"{window}-day net flow {usd_text(flow_usd, signed=True)}{partly}"


def _sign(amount: float, *, signed: bool) -> str:
    return MINUS if amount < 0 else "+" if signed else ""
