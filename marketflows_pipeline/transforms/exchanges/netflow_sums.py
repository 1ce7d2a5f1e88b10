"""Net flow of one exchange summed over some days.

Plain rows in and plain figures out, so that a command need not load polars.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

# A flow below this share of the reserves is called stable.
STABLE_PCT = 0.5
REASONS = ("new", "vanished", "dust", "absurd", "own_token", "unpriced", "negative", "quarantined")
PARTS = ("netflow_usd", "price_effect_usd", "netflow_mid_usd", "price_effect_mid_usd")


def sum_netflow(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sums over the days that have a net flow; null where none has.

    Args:
        records: rows of ``mart.exchange_netflow`` of one exchange, by day.

    Returns:
        The four PARTS, left_out_usd, left_out_gross_usd, left_out (by reason), tvl_change_usd in USD; netflow_days,
        netflow_from_day, netflow_to_day: how many days, and from which record to which.
    """
    measured = [record for record in records if record["netflow_usd"] is not None]

    def known_sum(column: str) -> float | None:
        known = [record[column] for record in measured if record[column] is not None]
        return math.fsum(known) if known else None

    return {
        **{part: known_sum(part) for part in (*PARTS, "left_out_usd", "left_out_gross_usd")},
        "left_out": {f"{reason}_usd": known_sum(f"left_out_{reason}_usd") for reason in REASONS},
        "tvl_change_usd": known_sum("tvl_change_usd"),
        "netflow_days": len(measured),
        "netflow_from_day": min((record["previous_day"] for record in measured), default=None),
        "netflow_to_day": max((record["day"] for record in measured), default=None),
    }


def largest_identity_gap(records: Sequence[Mapping[str, Any]]) -> float | None:
    """The largest gap, in percent, between a change of the total and what explains it; None where none is known."""
    gaps = [abs(record["identity_gap_pct"]) for record in records if record["identity_gap_pct"] is not None]
    return max(gaps, default=None)


def flow_direction(share_pct: float | None) -> Literal["inflow", "stable", "outflow"] | None:
    """What a net flow is called, by its share of the reserves in percent."""
    if share_pct is None:
        return None
    if abs(share_pct) <= STABLE_PCT:
        return "stable"
    return "inflow" if share_pct > 0 else "outflow"


def pct_of(part: float | None, whole: float | None) -> float | None:
    """A part in percent; None where either is not known, or the whole is 0."""
    return None if part is None or not whole else 100 * part / whole
