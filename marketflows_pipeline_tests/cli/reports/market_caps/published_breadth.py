"""A small, hand-made market-cap part, published: every figure that `breadth` answers with can be worked out by eye."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from marketflows_pipeline_tests.cli.reports.publishing import publish_tables
from marketflows_pipeline_tests.warehouse.frames import frame

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
CLOSE = datetime(2026, 11, 20, tzinfo=UTC)

Rows = list[dict[str, Any]]


def row(category: str, series: str, n: int, above: float | None, days_ago: int = 0, **more: Any) -> dict[str, Any]:
    known = {"advance_decline": 250.0, "above_ema_50_pct": above, "beat_bitcoin_7d_pct": 40.0}
    counts = {"category": category, "series": series, "ts": CLOSE - timedelta(days=days_ago), "n": n, "n_members": n}
    measures = known if n >= 8 else {}
    return {**counts, "n_advancing": 5, "n_declining": 3, "is_backfilled": days_ago > 1, **measures, **more}


BREADTH: Rows = [
    *(row("Narratives", "ai", 8, above, days_ago) for days_ago, above in enumerate((75.0, 62.5, 50.0))),
    row("Narratives", "made-in-usa", 7, None),
    row("Ranges", "1000000000", 9, 33.3),
    row("Cohort", "cohort", 17, 56.25, n_ema_50=16, mcclellan=-12.5, n_effective=3.3),
]
LABELS: Rows = [
    {"category": "Narratives", "series": "ai", "label": "AI", "sort_order": 2},
    {"category": "Narratives", "series": "made-in-usa", "label": "Made in USA", "sort_order": 1},
    {"category": "Ranges", "series": "1000000000", "label": "above $1B", "sort_order": 1},
]
MAP: Rows = [
    {"coin_id": coin, "series": series, "ts": CLOSE, "market_cap_usd": cap, "series_usd": total, "is_backfilled": False}
    | {"series_share_pct": share, "series_price_change_7d_pct": change}
    for coin, series, cap, total, share, change in [
        ("a", "ai", 10.0, 40.0, 32.0, 4.5),
        ("b", "ai", 30.0, 40.0, 32.0, 4.5),
        ("c", "made-in-usa", 85.0, 85.0, 68.0, -1.0),
    ]
]
OVERLAP: Rows = [
    {"series": "ai", "other_series": "made-in-usa", "ts": CLOSE, "n_shared": 1, "shared_usd": 30.0}
    | {"of_smaller_pct": 75.0, "of_union_pct": 25.0, "is_backfilled": False}
]
PAGES: Rows = [
    {"series": "ai", "observed_at": CLOSE - timedelta(days=ago), "days": days, "n_listed": 250, "n": 240}
    | {"advancing_pct": 60.0, "n_advancing": 144, "n_declining": 90}
    for ago in (0, 1)
    for days in (1, 7, 30)
]
DOMINANCE: Rows = [
    {"ts": CLOSE, "n": 16, "n_stablecoins": 0, "bitcoin_pct": 58.25, "ethereum_pct": 11.0, "is_backfilled": False}
]
TABLES_OF_DATA = {
    "mart.breadth": BREADTH,
    "core.series": LABELS,
    "mart.market_map": MAP,
    "mart.narrative_overlap": OVERLAP,
    "mart.category_breadth": PAGES,
    "mart.dominance": DOMINANCE,
}


def publish_breadth(folder: Path) -> Path:
    """Publish the tables above under a folder."""
    tables = {name: frame(name, *rows) for name, rows in TABLES_OF_DATA.items()}
    return publish_tables(folder, "market_caps", tables, config="", now=NOW)
