"""Each ready-made question about the chained index gives the answer that its small, hand-made data holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline_tests.warehouse.test_rotation_queries import answer

LAST = datetime(2026, 11, 1, tzinfo=UTC)
AS_OF = datetime(2026, 11, 1)  # noqa: DTZ001
AI = {"category": "Narratives", "series": "ai"}


def close(days_ago: int, price: float, cap: float, **columns: Any) -> dict[str, Any]:
    usual = {"base_asset": "us-dollar", "index_version": 1, "weighting": "cap", "n": 2, "coverage_pct": 97.66}
    moment = {"ts": LAST - timedelta(days=days_ago), "is_backfilled": days_ago > 30}
    return AI | usual | moment | {"price_index": price, "cap_index": cap} | columns


def points(coin: str, days_ago: int, before: float, after: float) -> dict[str, Any]:
    moment = {"coin_id": coin, "ts": LAST - timedelta(days=days_ago)}
    return AI | moment | {"points_before": before, "points": after, "cap_points": after, "contribution_pct": 0.0}


STORED = {
    "core.index_closes": [
        close(90, 500, 500),
        close(30, 800, 820),
        close(7, 1000, 1050),
        close(0, 1100, 1176),
        close(0, 9999, 9999, base_asset="bitcoin"),
    ],
    "core.index_latest": [close(-1, 9999, 9999)],
    "mart.index_contributions": [
        points("a", 30, 300, 400),
        points("a", 29, 400, 600),
        points("a", 0, 600, 640),
        points("b", 0, 400, 392),
    ],
}


@pytest.mark.slow
def test_query_narrative_index_returns(tmp_path: Path) -> None:
    assert answer(tmp_path, "market_caps", STORED, "narrative_index_returns") == [
        ("ai", 7, 10.0, 2.0, False, 97.7, AS_OF),
        ("ai", 30, 37.5, 5.91, False, 97.7, AS_OF),
        ("ai", 90, 120.0, 15.2, True, 97.7, AS_OF),
    ]


@pytest.mark.slow
def test_query_index_contributors(tmp_path: Path) -> None:
    """The day that ends at the start of the span is not in it."""
    assert answer(tmp_path, "market_caps", STORED, "index_contributors") == [
        ("ai", "a", 30.0, 2, AS_OF),
        ("ai", "b", -1.0, 1, AS_OF),
    ]
