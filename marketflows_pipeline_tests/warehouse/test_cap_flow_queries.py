"""Each ready-made question about supply and ranges gives the answer that its small, hand-made data holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.warehouse.engines import ROOT
from marketflows_pipeline_tests.warehouse.frames import NOW, fill, frame

QUERIES = ROOT / "warehouse" / "queries"
CLOSE = datetime(2026, 11, 20, tzinfo=UTC)
LAST = CLOSE.replace(tzinfo=None)
SMALL, LARGE = "1000000000", "10000000000"

Ask: TypeAlias = Callable[[str], list[tuple[Any, ...]]]


def ago(days: int) -> datetime:
    return CLOSE - timedelta(days=days)


# Coin, days ago: new supply, large step, price effect (million USD), whether the step is confirmed.
EFFECTS: list[tuple[str, int, float | None, float, float, bool | None]] = [
    ("issuing", 1, 2.0, 0.0, -5.0, None),
    ("issuing", 0, 3.0, 0.0, 1.0, None),
    ("stepping", 0, 1.0, 20.0, 0.0, False),
    ("burning", 0, -4.0, 0.0, 2.0, None),
    ("old", 30, 99.0, 0.0, 0.0, None),
    ("new", 0, None, 0.0, 0.0, None),
]
ATTRIBUTION = [
    {
        "coin_id": coin,
        "ts": ago(days),
        "market_cap_usd": 100e6,
        "change_usd": None if supply is None else 1.0,
        "supply_effect_usd": None if supply is None else supply * 1e6,
        "large_supply_step_usd": step * 1e6,
        "price_effect_usd": price * 1e6,
        "is_confirmed": is_confirmed,
    }
    for coin, days, supply, step, price, is_confirmed in EFFECTS
]
CHAIN = [
    {"series": series, "ts": ago(days), "chain_index": chain, "level_usd": level}
    for series, days, chain, level in [
        (SMALL, 30, 1000.0, 10e9),
        (SMALL, 0, 900.0, 15e9),
        (LARGE, 30, 1000.0, None),
        (LARGE, 0, 1100.0, 30e9),
        ("500", 0, 1000.0, None),
    ]
]
MOVES = [
    {"period_days": days, "ts": ts, "coin_id": coin, "from_range": start, "to_range": end}
    | {"cap_before_usd": before, "cap_after_usd": after}
    for coin, days, ts, start, end, before, after in [
        ("a", 30, CLOSE, SMALL, LARGE, 8e9, 12e9),
        ("b", 30, CLOSE, SMALL, None, 3e9, None),
        ("c", 30, CLOSE, None, SMALL, None, 2e9),
        ("d", 7, CLOSE, None, SMALL, None, 2e9),
        ("e", 30, ago(1), None, SMALL, None, 2e9),
    ]
]
LABELS = [{"category": "Ranges", "series": SMALL, "label": "$1B to $10B"}]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Runs a ready-made question on the hand-made data, published."""
    home = tmp_path_factory.mktemp("queries")
    link: Path = home / "published" / "marketflows.duckdb"
    with Warehouse(home / "private.duckdb") as warehouse:
        begin_part(warehouse, "market_caps", "run-1", NOW)
        fill(warehouse, "market_caps", 1.0)
        stored: dict[str, list[dict[str, Any]]] = {
            "mart.cap_attribution": ATTRIBUTION,
            "mart.range_chain": CHAIN,
            "mart.range_migration": MOVES,
            "core.series": LABELS,
        }
        for table, rows in stored.items():
            warehouse.replace(table, frame(table, *rows))
        publish(warehouse, part="market_caps", run_id="run-1", now=NOW, published_path=link)
    return lambda name: query_rows(link, (QUERIES / f"{name}.sql").read_text(encoding="utf-8")).rows


def test_query_supply_growth_leaders(ask: Ask) -> None:
    assert ask("supply_growth_leaders") == [
        (1, "stepping", 21.0, 21.0, 20.0, False, 0.0, 1, LAST),
        (2, "issuing", 5.0, 5.0, 0.0, None, -4.0, 2, LAST),
    ]


def test_query_range_growth_without_crossings(ask: Ask) -> None:
    assert ask("range_growth_without_crossings") == [
        ("$1B to $10B", -10.0, 50.0, -13_000.0, 2_000.0, 15_000.0, LAST),
        (LARGE, 10.0, None, 12_000.0, 12_000.0, 0.0, LAST),
    ]
