"""Hand-made tables of attribution and migration, published: every figure of the commands can be worked out by eye."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from marketflows_pipeline_tests.cli.reports.publishing import publish_tables
from marketflows_pipeline_tests.warehouse.frames import frame

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
CLOSE = datetime(2026, 11, 20, tzinfo=UTC)
SMALL, LARGE = "1000000000", "10000000000"

Rows = list[dict[str, Any]]


def ago(days: int) -> datetime:
    return CLOSE - timedelta(days=days)


def effects(price: float, supply: float = 0.0, step: float = 0.0, timing: float = 0.0) -> dict[str, float]:
    parts = {"price_effect_usd": price, "supply_effect_usd": supply, "large_supply_step_usd": step}
    return parts | {"timing_usd": timing, "change_usd": price + supply + step + timing}


def coin(coin_id: str, days_ago: int, cap: float, /, *parts: float, **more: Any) -> dict[str, Any]:
    return {"coin_id": coin_id, "ts": ago(days_ago), "market_cap_usd": cap, **effects(*parts), **more}


# Over 7 days: alpha +70 by price; beta -20 by price, +30 by a step; gamma, known for 2 days, +8 by supply.
COINS: Rows = [
    *(coin("alpha", days, 1070.0 - 10 * days, 10.0) for days in range(7)),
    *(coin("beta", days, 510.0, -20.0 if days == 3 else 0.0, 0.0, 30.0 if days == 3 else 0.0) for days in range(7)),
    *(coin("gamma", days, 100.0 - 4 * days, 1.0, 4.0, 0.0, -1.0) for days in range(2)),
    coin("alpha", 7, 1000.0, 500.0),
]
for each in COINS:
    each["is_confirmed"] = True if each["large_supply_step_usd"] else None


def total(category: str, series: str, days_ago: int, *, before: float, price: float, came: float, went: float) -> Any:
    parts = effects(price)
    after = before + price + came - went
    members = {"arrivals_usd": came, "departures_usd": went, "market_cap_before_usd": before, "market_cap_usd": after}
    return {
        "category": category,
        "series": series,
        "ts": ago(days_ago),
        **parts,
        **members,
        "change_usd": after - before,
    }


TOTALS: Rows = [
    total("Narratives", "ai", 1, before=1000.0, price=-100.0, came=0.0, went=0.0),
    total("Narratives", "ai", 0, before=900.0, price=0.0, came=300.0, went=50.0),
    total("Portfolios", "Mine", 0, before=100.0, price=7.0, came=0.0, went=0.0),
    total("Ranges", SMALL, 0, before=5e9, price=1e8, came=2e9, went=1e9),
]
LABELS: Rows = [
    {"category": "Narratives", "series": "ai", "label": "AI", "sort_order": 1},
    {"category": "Portfolios", "series": "Mine", "label": "Mine", "sort_order": 1},
    {"category": "Ranges", "series": SMALL, "label": "$1B to $10B", "sort_order": 1},
    {"category": "Ranges", "series": LARGE, "label": "above $10B", "sort_order": 2},
]


def move(
    coin_id: str, kind: str, ranges: tuple[str | None, str | None], caps: tuple[float | None, float | None]
) -> Any:
    ends = dict(zip(("from_range", "to_range", "cap_before_usd", "cap_after_usd"), (*ranges, *caps), strict=True))
    return {"period_days": 7, "ts_from": ago(7), "ts": CLOSE, "coin_id": coin_id, "kind": kind, **ends}


MOVES: Rows = [
    move("alpha", "moved", (SMALL, LARGE), (8e9, 12e9)),
    move("beta", "entered", (None, SMALL), (None, 2e9)),
    move("gamma", "delisted", (SMALL, None), (3e9, None)),
    {**move("alpha", "moved", (LARGE, SMALL), (12e9, 8e9)), "ts": ago(1)},
]
CHAIN: Rows = [
    {"series": series, "ts": ago(days), "chain_index": chain, "level_usd": level, "n_members": 3, "n_kept": 0}
    for series, days, chain, level in [
        (SMALL, 7, 1000.0, 10e9),
        (SMALL, 0, 900.0, 15e9),
        (LARGE, 7, 1000.0, None),
        (LARGE, 0, 1100.0, 30e9),
    ]
]
COIN_NAMES: Rows = [
    {"coin_id": name, "symbol": name[:3], "name": name.capitalize()} for name in ("alpha", "beta", "gamma")
]
TABLES_OF_DATA = {
    "mart.cap_attribution": COINS,
    "mart.cap_attribution_totals": TOTALS,
    "mart.range_migration": MOVES,
    "mart.range_chain": CHAIN,
    "core.series": LABELS,
    "raw.coins": COIN_NAMES,
}


def publish_cap_flows(folder: Path, data: dict[str, Rows] | None = None) -> Path:
    """Publish the tables above, or others of their names, under a folder."""
    tables = {name: frame(name, *rows) for name, rows in (TABLES_OF_DATA | (data or {})).items()}
    return publish_tables(folder, "market_caps", tables, config="", now=NOW)
