"""Each ready-made question about rotations gives the answer that its small, hand-made data holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from marketflows_pipeline.schema import TABLES, Part
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.warehouse.engines import ROOT
from marketflows_pipeline_tests.warehouse.frames import NOW, frame

Tables: TypeAlias = Mapping[str, list[dict[str, Any]]]

QUERIES = ROOT / "warehouse" / "queries"


def utc(day: int, month: int = 11) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def plain(day: int) -> datetime:
    return datetime(2026, 11, day)  # noqa: DTZ001


def stay(series: str, entered: datetime, quadrant: str, left: datetime | None, **columns: Any) -> dict[str, Any]:
    usual = {"universe": "narratives", "benchmark": "bitcoin", "is_seen_to_begin": True, "is_backfilled": False}
    return usual | {
        "series": series,
        "entered_at": entered,
        "left_at": left,
        "quadrant": quadrant,
        "days": ((left or utc(20)) - entered).days,
        **columns,
    }


NARRATIVES: Tables = {
    "core.series": [{"category": "Narratives", "series": "ai", "label": "Artificial intelligence"}],
    "mart.rotation": [
        {"universe": "narratives", "series": "ai", "benchmark": base, "ts": ts, "quadrant": "leading"}
        for base, ts in [("bitcoin", utc(20)), ("ethereum", utc(30))]
    ],
    "mart.rotation_log": [
        stay("ai", utc(1, 10), "lagging", utc(5), return_pct=-12.344, is_backfilled=True, is_seen_to_begin=False),
        stay("ai", utc(5), "improving", utc(9), return_pct=3.0),
        stay("ai", utc(9), "leading", None, return_pct=1.0),
        # Longer ago than thirty days, and the first that is known.
        stay("meme", utc(1, 9), "lagging", utc(10, 10), return_pct=1.0),
        stay("meme", utc(10, 10), "improving", None, return_pct=1.0),
        stay("new", utc(15), "leading", None, is_seen_to_begin=False),
        stay("ai", utc(18), "lagging", None, benchmark="ethereum"),
    ],
}
OF_ASSETS: dict[str, Any] = {"universe": "cross-asset", "benchmark": "SPY"}
BANDS: dict[str, dict[str, Any]] = {
    "leading": {"value": 0.5, "lower": -0.1, "upper": 0.2},
    "lagging": {"value": 0.1, "lower": -0.1, "upper": 0.2},
    "improving": {"value": 0.1, "reason": "too short to tell: 29 of 30 entries"},
}
ASSETS: Tables = {
    "mart.cross_asset_rotation_log": [
        stay("GLD", utc(1, 8), "leading", utc(15, 8), return_pct=4.0, **OF_ASSETS),
        stay("TLT", utc(1, 8), "leading", utc(8, 8), return_pct=-1.0, **OF_ASSETS),
        stay("GLD", utc(1), "leading", None, return_pct=99.0, **OF_ASSETS),
        stay("SLV", utc(1), "leading", utc(8), return_pct=99.0, **OF_ASSETS | {"is_seen_to_begin": False}),
        stay("GLD", utc(15, 8), "lagging", utc(22, 8), return_pct=-2.0, **OF_ASSETS),
        stay("GLD", utc(22, 8), "improving", utc(29, 8), return_pct=2.0, **OF_ASSETS),
        stay("SPY", utc(1, 8), "leading", utc(8, 8), return_pct=99.0, universe="flows", benchmark="none"),
    ],
    "mart.cross_asset_rotation_placebo": [
        {**OF_ASSETS, "statistic": f"return_after_{quadrant}", "as_of": utc(14), **columns}
        for quadrant, columns in BANDS.items()
    ],
}


def answer(home: Path, part: Part, tables: Tables, query: str) -> list[tuple[Any, ...]]:
    link = home / "published" / "marketflows.duckdb"
    with Warehouse(home / "private.duckdb") as warehouse:
        begin_part(warehouse, part, "run-1", NOW)
        for name, entry in TABLES.items():
            if entry.part == part and entry.view_sql is None:
                rows = frame(name, *tables[name]) if name in tables else entry.empty()
                if entry.replaces == "merge":
                    warehouse.merge(name, rows)
                elif name in tables or entry.may_be_empty:
                    warehouse.replace(name, rows)
        publish(warehouse, part=part, run_id="run-1", now=NOW, published_path=link)
    return query_rows(link, (QUERIES / f"{query}.sql").read_text(encoding="utf-8")).rows


@pytest.mark.slow
@pytest.mark.parametrize("shuffled", [False, True])
def test_query_narrative_quadrant_changes(tmp_path: Path, shuffled: bool) -> None:
    tables = {name: rows[::-1] if shuffled else rows for name, rows in NARRATIVES.items()}
    assert answer(tmp_path, "market_caps", tables, "narrative_quadrant_changes") == [
        (plain(9), "Artificial intelligence", "improving", "leading", 4, 3.0, False),
        (plain(5), "Artificial intelligence", "lagging", "improving", 35, -12.34, False),
    ]


@pytest.mark.slow
def test_query_asset_quadrant_returns(tmp_path: Path) -> None:
    assert answer(tmp_path, "cross_asset", ASSETS, "asset_quadrant_returns") == [
        ("leading", 2, 10.5, 1.5, 0.5, -0.1, 0.2, "beyond chance", plain(14)),
        ("lagging", 1, 7.0, -2.0, 0.1, -0.1, 0.2, "chance", plain(14)),
        ("improving", 1, 7.0, 2.0, 0.1, None, None, "too short to tell: 29 of 30 entries", plain(14)),
    ]
