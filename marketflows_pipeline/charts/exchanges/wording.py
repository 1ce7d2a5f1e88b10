"""What is written on the charts of exchanges: names of segments and measures, sums over days, fixed sets."""

from __future__ import annotations

from collections.abc import Sequence

from marketflows_pipeline.charts.style.wording import note_of, usd_text

SEGMENTS = {
    "all": "All exchanges",
    "centralised": "Centralised",
    "decentralised": "Decentralised",
    "tracked": "Tracked",
}
MEASURES = {"spot_volume": "spot volume", "reserves": "reserves", "derivatives_volume": "derivatives volume"}


def fixed_set_notes(left_out: Sequence[str]) -> list[str]:
    """What a footer says of a measure over time: that it is over a fixed set, and who is left out of it."""
    return note_of("of exchanges measured on 90% of the days; left out, measured on fewer", left_out)


def flow_sum_text(flow_usd: float | None, window: int, covered: int) -> str:
    """Net flow over the last days (None where no day is known), and how many of the days in the window it covers."""
    if flow_usd is None:
        return f"{window}-day net flow not known"
    partly = "" if covered >= window else f" ({covered} of {window} days known)"
    return f"{window}-day net flow {usd_text(flow_usd, signed=True)}{partly}"
