"""A small, hand-made market-cap part, published: every title of the sections about coins can be worked out by eye."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from marketflows_pipeline_tests.cli.reports.publishing import Rows, publish_copy, publish_tables
from marketflows_pipeline_tests.warehouse.frames import frame

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
CLOSE = datetime(2026, 11, 20, tzinfo=UTC)
DAYS = 40
SMALL, LARGE = "1000000000", "10000000000"

SERIES: Rows = [
    {"category": category, "series": series, "label": label, "sort_order": order}
    for category, entries in {
        "Narratives": [("ai", "AI"), ("layer-1", "Layer 1"), ("usa", "Made in USA")],
        "Ranges": [(SMALL, "$1B to $10B"), (LARGE, "above $10B")],
        "Portfolios": [("Mine", "Mine")],
        "Mine": [("bitcoin", "BTC")],
    }.items()
    for order, (series, label) in enumerate(entries, 1)
]
COINS: Rows = [
    {"coin_id": coin, "symbol": symbol, "name": coin} for coin, symbol in (("bitcoin", "btc"), ("solana", "sol"))
]
# Percent over the whole window, evenly.
GROWTH = {"ai": 20.0, "layer-1": 10.0, "usa": -5.0, SMALL: -4.0, LARGE: 8.0, "Mine": 3.0, "bitcoin": 3.0}


def ago(days: int) -> datetime:
    return CLOSE - timedelta(days=days)


def of_series(rows: Rows, **columns: Any) -> Rows:
    return [{**each, **columns} for each in rows]


def normalized(growth: dict[str, float | None]) -> Rows:
    """A level that goes from 1 to its growth; a null is unknown throughout."""
    return [
        {"category": each["category"], "series": each["series"], "base_asset": base, "ts": ago(back)}
        | {"value": None if at is None else 1 + at / 100 * (DAYS - 1 - back) / (DAYS - 1) * factor}
        for each in SERIES
        for base, factor in (("us-dollar", 1.0), ("bitcoin", 0.5))
        for back in range(DAYS)
        for at in (growth.get(each["series"]),)
    ]


def smoothed(rows: Rows) -> tuple[Rows, Rows]:
    """Averages like the level, and growth and inflection of level and average."""
    ema = [{**row, "ema_period": 20} for row in rows]
    derivatives = [
        {**row, "ema_period": span, "diff_order": order, "value": None if row["value"] is None else order / 100}
        for row in rows
        for span in (1, 20)
        for order in (1, 2)
    ]
    return ema, derivatives


def gains(week: dict[str, float | None]) -> Rows:
    shared = {"as_of": CLOSE, "basis": "grid"}
    return [
        {"category": each["category"], "series": each["series"], "base_asset": base, "hours_ago": hours, **shared}
        | {"gain_pct": None if hours == 4.0 else week.get(each["series"])}
        for each in SERIES
        for base in ("us-dollar", "bitcoin")
        for hours in (4.0, 24.0, 168.0)
    ]


def levels(now: dict[str, float]) -> Rows:
    """Closes of the index that are at 1,000 until 28 days ago, and then at once at another level."""
    return [
        {"category": category, "series": series, "base_asset": base, "ts": ago(back), "is_backfilled": back > 30}
        | {"price_index": 1000.0 if back >= 28 else level, "coverage_pct": 100.0}
        for category, series in [("Narratives", "ai"), ("Narratives", "layer-1"), ("Portfolios", "Mine")]
        for level in (now[series],)
        for base in ("us-dollar", "bitcoin")
        for back in range(DAYS)
    ]


CONTRIBUTIONS: Rows = [
    {"category": "Narratives", "series": series, "coin_id": coin, "ts": ago(back)}
    | {"points_before": 0.0, "points": points / 28}
    for series, coin, points in [("ai", "solana", -50.0), ("layer-1", "bitcoin", 30.0), ("layer-1", "solana", 5.0)]
    for back in range(28)
]


def rotation(quadrants: dict[str, str]) -> Rows:
    places = {"leading": (101, 101), "weakening": (101, 99), "lagging": (99, 99), "improving": (99, 101)}
    return [
        {"universe": "narratives", "series": series, "benchmark": "bitcoin", "ts": ago(back), "is_backfilled": False}
        | {"ratio": float(places[quadrant][0]), "momentum": float(places[quadrant][1]), "quadrant": quadrant}
        for series, quadrant in quadrants.items()
        for back in range(12)
    ]


def clockwise(**more: Any) -> Rows:
    return [
        {"universe": "narratives", "benchmark": "bitcoin", "statistic": "clockwise_pct", "as_of": CLOSE}
        | {"value": 76.0, "lower": 74.0, "upper": 80.0, "n_steps": 400, "n_backfilled": 0, **more}
    ]


def breadth(above: float) -> Rows:
    """The share was 50 % until the newest close."""
    return [
        {"category": category, "series": series, "ts": ago(back), "n": n, "n_advancing": 5, "n_declining": 3}
        | {"above_ema_50_pct": above if back == 0 else 50.0, "advance_decline": 250.0, "mcclellan": -12.0}
        | {"beat_bitcoin_30d_pct": above, "is_backfilled": back > 20}
        for category, series, n in [("Cohort", "cohort", 16), ("Narratives", "ai", 8), ("Ranges", SMALL, 9)]
        for back in range(DAYS)
    ]


def dominance(bitcoin: float) -> Rows:
    shared = {"n": 16, "total_usd": 1e12, "n_stablecoins": 1, "stablecoins_pct": 5.0, "ethereum_pct": 10.0}
    return [
        {"ts": ago(back), "bitcoin_pct": share, "others_pct": 85.0 - share, "is_backfilled": False, **shared}
        for back in range(DAYS)
        for share in (bitcoin if back == 0 else 58.0,)
    ]


MAP: Rows = [
    {"coin_id": coin, "series": series, "ts": CLOSE, "market_cap_usd": cap, "series_usd": cap, "is_backfilled": False}
    | {"series_share_pct": cap, "series_price_change_7d_pct": change}
    for coin, series, cap, change in [("bitcoin", "layer-1", 70.0, 1.0), ("solana", "other", 30.0, -9.0)]
]
OVERLAP: Rows = [
    {"series": "ai", "other_series": "layer-1", "ts": CLOSE, "n_shared": 2, "shared_usd": 3e9}
    | {"of_smaller_pct": 75.0, "of_union_pct": 25.0, "is_backfilled": False}
]


def totals(price: float, came: float) -> Rows:
    """Over 28 days: so much by price and by coins that came, of a market cap of 1,000 before."""
    return [
        {"category": category, "series": series, "ts": ago(back), "market_cap_before_usd": 1000.0}
        | {"price_effect_usd": price / 28, "arrivals_usd": came / 28, "change_usd": (price + came) / 28}
        | dict.fromkeys(("supply_effect_usd", "large_supply_step_usd", "timing_usd", "departures_usd"), 0.0)
        for category, series in [("Narratives", "ai"), ("Ranges", SMALL), ("Portfolios", "Mine")]
        for back in range(28)
    ]


MOVES: Rows = [
    {"period_days": 30, "ts": CLOSE, "ts_from": ago(30), "coin_id": coin, "from_range": before, "to_range": after}
    | {"cap_before_usd": 1e9, "cap_after_usd": cap, "kind": "moved"}
    for coin, before, after, cap in [
        ("bitcoin", LARGE, SMALL, 9e9),
        ("solana", SMALL, LARGE, 12e9),
        ("other", SMALL, None, None),
    ]
]
CHAIN: Rows = [
    {"series": series, "ts": ago(back), "n_members": 3, "n_kept": 0}
    | {"chain_index": 1000.0 if back else chain, "level_usd": 100.0 if back else level}
    for series, chain, level in [(SMALL, 900.0, 95.0), (LARGE, 1100.0, 150.0)]
    for back in range(31)
]
LEVELS: Rows = [
    {"category": "Ranges", "series": series, "ts": ago(back), "market_cap_usd": cap, "n_assets": 4}
    for series, cap in [(SMALL, 20e9), (LARGE, 80e9)]
    for back in range(DAYS)
]
GRID: Rows = [
    {"coin_id": "bitcoin", "ts": ago(back), "market_cap_usd": 1.0, "fill": "after_last" if back < 10 else "observed"}
    for back in range(DAYS)
]


def tables(**changed: Rows) -> dict[str, pl.DataFrame]:
    """All tables, those given by their name without its schema in place of the usual ones."""
    level = normalized(dict(GROWTH))
    ema, derivatives = smoothed(level)
    usual = {
        "core.series": SERIES,
        "raw.coins": COINS,
        "mart.normalized": level,
        "mart.ema": ema,
        "mart.derivatives": derivatives,
        "mart.unit_normalized": [],
        "mart.percent_gains": gains({"ai": 5.0, "layer-1": 2.0, "usa": -1.0, SMALL: 1.0, LARGE: 2.0, "Mine": -3.0}),
        "core.index_closes": levels({"ai": 900.0, "layer-1": 1100.0, "Mine": 1000.0}),
        "core.index_latest": [],
        "mart.index_contributions": CONTRIBUTIONS,
        "mart.rotation": rotation({"ai": "leading", "layer-1": "lagging"}),
        "mart.rotation_placebo": clockwise(),
        "mart.breadth": breadth(75.0),
        "mart.dominance": dominance(60.0),
        "mart.market_map": MAP,
        "mart.narrative_overlap": OVERLAP,
        "mart.cap_attribution_totals": totals(-100.0, 30.0),
        "mart.range_migration": MOVES,
        "mart.range_chain": CHAIN,
        "core.group_totals": LEVELS,
        "core.market_cap_grid": GRID,
    }
    names = {name.partition(".")[2]: name for name in usual}
    given = {names[short]: rows for short, rows in changed.items()}
    return {name: frame(name, *rows) for name, rows in (usual | given).items()}


def publish_coins(folder: Path) -> Path:
    """Publish the tables above under a folder."""
    return publish_tables(folder, "market_caps", tables(), config="", now=NOW)


def publish_changed(folder: Path, **changed: Rows) -> Path:
    """The same with other rows of some tables, by name without schema."""
    every = tables(**changed)
    frames = {name: rows for name, rows in every.items() if name.partition(".")[2] in changed}
    return publish_copy(folder, publish_coins, frames, config="")
