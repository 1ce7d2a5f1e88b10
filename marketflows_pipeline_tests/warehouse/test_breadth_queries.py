"""Each ready-made question about breadth gives the answer that its small, hand-made data holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pytest

from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.warehouse.engines import ROOT
from marketflows_pipeline_tests.warehouse.frames import NOW, fill, frame

QUERIES = ROOT / "warehouse" / "queries"

Ask: TypeAlias = Callable[[str], list[tuple[Any, ...]]]
Rows: TypeAlias = list[dict[str, Any]]


def utc(day: int) -> datetime:
    return datetime(2026, 11, day, tzinfo=UTC)


# Series, day: coins that rose and fell, share above the average at that close, whether back-filled.
DAYS: list[tuple[str, int, int, int, float | None, bool]] = [
    ("ai", 15, 2, 8, 10.0, True),
    ("ai", 16, 9, 1, 30.0, True),  # back-filled
    ("ai", 17, 1, 9, 20.0, False),
    ("ai", 18, 9, 1, 50.0, False),  # 90 % rose, after 20 % stood above
    ("ai", 19, 10, 0, 90.0, False),  # after 50 % stood above
    ("l1", 17, 1, 9, None, False),
    ("l1", 18, 9, 1, 40.0, False),  # nothing is known of the day before
]
BREADTH: Rows = [
    {
        "category": "Narratives",
        "series": series,
        "ts": utc(day),
        "n": 10,
        "n_members": 10,
        "n_advancing": up,
        "n_declining": down,
        "advance_decline": 1000 * (up - down) / (up + down),
        "above_ema_50_pct": above,
        "cap_weighted_return_pct": 5.004,
        "is_backfilled": is_backfilled,
    }
    for series, day, up, down, above, is_backfilled in DAYS
]
OVERLAP: Rows = [
    {"series": "ai", "other_series": "l1", "n_shared": 1, "shared_usd": 30.0, "of_smaller_pct": 75.0}
    | {"of_union_pct": 25.0, "ts": utc(20), "is_backfilled": False},
    {"series": "ai", "other_series": "meme", "n_shared": 0, "shared_usd": 0.0, "of_smaller_pct": 0.0}
    | {"of_union_pct": 0.0, "ts": utc(20), "is_backfilled": False},
]
MAP: Rows = [
    {"coin_id": coin, "series": series, "ts": utc(20), "series_share_pct": share}
    for coin, series, share in [("a", "ai", 32.0), ("b", "ai", 32.0), ("c", "l1", 64.0), ("e", "other", 4.0)]
]
TABLES_OF_DATA: Mapping[str, Rows] = {
    "mart.breadth": BREADTH,
    "mart.narrative_overlap": OVERLAP,
    "mart.market_map": MAP,
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hand-made data, published."""
    home = tmp_path_factory.mktemp("breadth")
    link = home / "published" / "marketflows.duckdb"
    with Warehouse(home / "private.duckdb") as warehouse:
        begin_part(warehouse, "market_caps", "run-1", NOW)
        fill(warehouse, "market_caps", 1.0)
        for table, rows in TABLES_OF_DATA.items():
            warehouse.replace(table, frame(table, *rows))
        publish(warehouse, part="market_caps", run_id="run-1", now=NOW.replace(minute=30), published_path=link)
    return link


@pytest.fixture(scope="module")
def ask(published: Path) -> Ask:
    """Runs a ready-made question."""
    return lambda name: query_rows(published, (QUERIES / f"{name}.sql").read_text(encoding="utf-8")).rows


def test_query_breadth_thrusts(ask: Ask) -> None:
    assert ask("breadth_thrusts") == [(date(2026, 11, 18), "Narratives", "ai", 10, 9, 1, 20.0, 50.0, 5.0)]


def test_query_narratives_by_shared_coins(ask: Ask) -> None:
    assert ask("narratives_by_shared_coins") == [
        ("ai", "l1", 1, 75.0, 25.0, 32.0, 64.0, False, utc(20).replace(tzinfo=None))
    ]


@pytest.mark.slow
def test_a_session_in_another_time_zone_gets_the_same_answers(published: Path, ask: Ask) -> None:
    with duckdb.connect(str(published), read_only=True) as session:
        session.execute("set TimeZone = 'Pacific/Auckland'")
        for name in ("breadth_thrusts", "narratives_by_shared_coins"):
            query = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
            assert session.execute(query).fetchall() == ask(name), name
