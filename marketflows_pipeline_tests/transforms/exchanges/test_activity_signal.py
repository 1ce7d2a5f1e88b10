"""The guess from trust score and volume trend, as the published document has it."""

from __future__ import annotations

import pytest

from marketflows_pipeline.transforms.exchanges.activity_signal import net_flow_signal, volume_trend


@pytest.mark.parametrize(
    ("volumes", "trend", "change_pct"),
    [
        ([], "insufficient_data", None),
        ([5.0], "insufficient_data", None),
        ([4.0, 5.0], "increasing", 25.0),
        ([5.0, 4.0], "decreasing", -20.0),
        ([5.0, 5.0], "stable", 0.0),
        # Fewer than six: the mean of the last three, 4, against the first alone.
        ([2.0, 9.0, 3.0, 4.0, 5.0], "increasing", 100.0),
        # Six: 4 against (2 + 9 + 1) / 3 = 4.
        ([2.0, 9.0, 1.0, 3.0, 4.0, 5.0], "stable", 0.0),
        ([0.0, 1.0], "increasing", None),
    ],
)
def test_the_volume_trend_follows_the_documents_rule(
    volumes: list[float], trend: str, change_pct: float | None
) -> None:
    found = volume_trend(volumes)
    assert (found.trend, found.change_pct, found.points) == (trend, change_pct, len(volumes))


@pytest.mark.parametrize(
    ("trust", "trend", "signal"),
    [
        (8.0, "increasing", "strong_inflow"),
        (7.9, "increasing", "moderate_inflow"),
        (6.0, "increasing", "moderate_inflow"),
        (5.9, "increasing", "stable"),
        (10.0, "decreasing", "moderate_outflow"),
        (6.0, "decreasing", "moderate_outflow"),
        (5.9, "decreasing", "strong_outflow"),
        (9.0, "stable", "stable"),
        (None, "decreasing", None),
        (9.0, "insufficient_data", None),
    ],
)
def test_the_five_way_signal_follows_the_documents_rule(trust: float | None, trend: str, signal: str | None) -> None:
    assert net_flow_signal(trust, trend) == signal
