"""Words for the guess from trust score and volume (`activity_signal`), which is named as a guess."""

from __future__ import annotations

BASIS = "heuristic: trust score and volume trend, not money"

MEANINGS = {
    "strong_inflow": "a well-trusted exchange trades more than before; large holders may be moving in",
    "moderate_inflow": "a fairly trusted exchange trades more than before; buyers may be in the majority",
    "stable": "nothing in trust score and volume points either way",
    "moderate_outflow": "a fairly trusted exchange trades less than before; sellers may be in the majority",
    "strong_outflow": "a little-trusted exchange trades less than before; users may be leaving",
}
# What people read instead: inflow and outflow are words for measured money.
VOLUME_WORDS = {"inflow": "up", "stable": "stable", "outflow": "down"}
TREND_WORDS = {"increasing": "up", "stable": "stable", "decreasing": "down"}
SIGNALS = {
    "strong_inflow": "volume up, well trusted",
    "moderate_inflow": "volume up, fairly trusted",
    "stable": "neither way",
    "moderate_outflow": "volume down, at least fairly trusted",
    "strong_outflow": "volume down, little trusted",
}
UNKNOWN = "unknown: a trust score and two days of volume are needed"
