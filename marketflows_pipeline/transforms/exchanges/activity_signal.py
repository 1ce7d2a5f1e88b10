"""The published document's guess at flows from trust score and volume trend, for comparison with measured figures.

Plain figures in and out, so that a command need not load polars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

_RECENT = 3
_SPLIT_FROM = 6


@dataclass(frozen=True)
class VolumeTrend:
    """Trend of daily volumes.

    Attributes:
        trend: increasing, decreasing, stable, or insufficient_data.
        change_pct: recent against older, in %; None where it is unknown.
        points: how many days it is from.
    """

    trend: str
    change_pct: float | None
    points: int


def volume_trend(volumes: Sequence[float]) -> VolumeTrend:
    """Trend by the document's rule: the mean of the last three days against the mean of those before.

    With fewer than six days the first one stands for those before, with fewer than three the last one for the recent.

    Args:
        volumes: daily figures, oldest first.
    """
    if len(volumes) < 2:
        return VolumeTrend("insufficient_data", None, len(volumes))
    recent = fmean(volumes[-_RECENT:]) if len(volumes) >= _RECENT else volumes[-1]
    older = fmean(volumes[:-_RECENT]) if len(volumes) >= _SPLIT_FROM else volumes[0]
    trend = "increasing" if recent > older else "decreasing" if recent < older else "stable"
    return VolumeTrend(trend, 100 * (recent - older) / older if older > 0 else None, len(volumes))


def net_flow_signal(trust_score: float | None, trend: str) -> str | None:
    """The document's five-way signal; None without a trust score or a trend, where the document took 0 for missing."""
    if trust_score is None or trend == "insufficient_data":
        return None
    if trend == "increasing":
        return "strong_inflow" if trust_score >= 8 else "moderate_inflow" if trust_score >= 6 else "stable"
    if trend == "decreasing":
        return "moderate_outflow" if trust_score >= 6 else "strong_outflow"
    return "stable"
