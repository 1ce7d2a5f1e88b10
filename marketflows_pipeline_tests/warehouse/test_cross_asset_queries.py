"""Each ready-made question about flows and regimes gives the answer that its small, hand-made data holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pytest

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.warehouse.engines import ROOT
from marketflows_pipeline_tests.warehouse.frames import NOW, frame

QUERIES = ROOT / "warehouse" / "queries"

Ask: TypeAlias = Callable[[str], list[tuple[Any, ...]]]
Rows: TypeAlias = list[dict[str, Any]]

NEWEST = date(2026, 11, 20)
FETCHED = NOW - timedelta(hours=1)
# As a query gives it: the wall clock in UTC.
FETCHED_PLAIN = FETCHED.replace(tzinfo=None)


def back(sessions: int) -> date:
    """The session so many before the newest; here every day is one."""
    return NEWEST - timedelta(days=sessions)


def known(sessions: int) -> datetime:
    return datetime.combine(back(sessions - 1), time(14, 30), UTC)


def flow(symbol: str, sessions: int, **columns: Any) -> dict[str, Any]:
    plain = {"asset_class": "equity", "flow_method": "shares", "close_usd": 100.0, "is_supply_revision": False}
    return {"symbol": symbol, "session": back(sessions), **plain, **columns}


# The close is 100 but on these sessions, counted back from the newest.
CLOSES = {4: 110.0, 6: 96.0, 10: 90.0, 14: 95.0, 24: 102.0}

# Sessions back: z-score, flow and price effect in million USD. The first has no session after the next five.
SHOCKS: dict[int, tuple[float, float, float]] = {
    3: (2.0, 30.0, -50.0),
    10: (3.5, 70.0, 50.0),
    12: (1.0, 0.0, 0.0),
    20: (-4.0, -400.0, 300.0),
    30: (0.5, 0.0, 500.0),
    # Longer ago than 252 sessions.
    255: (9.0, 900.0, 0.0),
}


def spy(sessions: int) -> dict[str, Any]:
    row = flow("SPY", sessions, close_usd=CLOSES.get(sessions, 100.0), market_cap_usd=10e9)
    if sessions not in SHOCKS:
        return row
    zscore, usd, price = SHOCKS[sessions]
    return {
        **row,
        "flow_zscore": zscore,
        "flow_usd": usd * 1e6,
        "share_effect_usd": usd * 1e6,
        "price_effect_usd": price * 1e6,
        "market_cap_change_usd": (usd + price) * 1e6,
        "flow_pct_of_market_cap": usd / 100,
        "price_return": price / 10_000,
        "notional_zscore": 1.25,
        "known_at": known(sessions),
    }


COIN = {"asset_class": "crypto", "flow_method": "supply"}
FLOWS: Rows = [
    *(spy(sessions) for sessions in range(260)),
    flow("QQQ", 0, flow_method="price_only"),
    flow("IWM", 1, flow_usd=50e6, market_cap_usd=5e9),
    flow("IWM", 21, flow_usd=999e6),
    flow("IBIT", 2, asset_class="crypto", flow_method="aum", flow_usd=-5e6, market_cap_usd=1e9),
    # Issuance is no flow, and a re-count of the supply no change of anything.
    flow("BTC", 8, **COIN, flow_usd=40e6, flow_zscore=8.0, market_cap_usd=2e12),
    flow("BTC", 5, **COIN, price_effect_usd=1e6, share_effect_usd=1e12, is_supply_revision=True),
    *(flow("BTC", sessions, **COIN) for sessions in (0, 1, 2, 3, 4, 6, 7)),
]

REGIMES: Rows = [
    {"session": back(sessions), "regime": regime, "vix": vix, "ratio_pairs_known": 3}
    for sessions, regime, vix in [
        (9, None, None),
        (8, None, None),
        (7, "mixed", 18.0),
        (6, "mixed", 19.0),
        (5, "mixed", 17.0),
        (4, "risk_off", 25.0),
        (3, "risk_off", 31.5),
        (2, "risk_off", 20.0),
        (1, "mixed", 19.0),
        (0, "mixed", 18.0),
    ]
]

# One session is not known, and the oldest is outside of 21.
GROUPS: Rows = [
    {
        "asset_group": "sector",
        "session": back(sessions),
        "flow_usd": None if sessions == 5 else 1e6,
        "n_funds": 3,
        "n_known": 0 if sessions == 5 else 2,
        "n_with_assets": 2,
        "assets_usd": 5e9,
        "coverage_pct": 0.0 if sessions == 5 else 80.0,
        "as_of": known(sessions),
    }
    for sessions in range(22)
]

TABLES_OF_DATA: Mapping[str, Rows] = {
    "raw.daily_bars": [{"symbol": "SPY", "session": NEWEST, "fetched_at": FETCHED}],
    "raw.volatility_index": [{"index_name": "VIX", "session": NEWEST, "fetched_at": FETCHED}],
    "core.asset_flows": FLOWS,
    "mart.regimes": REGIMES,
    "mart.fund_group_flows": GROUPS,
}


def publish_tables(home: Path, data: Mapping[str, Rows]) -> Path:
    link = home / "published" / "marketflows.duckdb"
    with Warehouse(home / "private.duckdb") as warehouse:
        begin_part(warehouse, "cross_asset", "run-1", NOW)
        for table in TABLES_OF_DATA:
            write = warehouse.replace if TABLES[table].replaces == "replace" else warehouse.merge
            write(table, frame(table, *data[table]) if table in data else TABLES[table].empty())
        publish(warehouse, part="cross_asset", run_id="run-1", now=NOW, published_path=link)
    return link


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hand-made data, published."""
    return publish_tables(tmp_path_factory.mktemp("cross_asset_queries"), TABLES_OF_DATA)


@pytest.fixture(scope="module")
def ask(published: Path) -> Ask:
    """Runs a ready-made question."""
    return lambda name: query_rows(published, (QUERIES / f"{name}.sql").read_text(encoding="utf-8")).rows


def test_query_flow_league_by_class(ask: Ask) -> None:
    # SPY: 30 + 70 - 400 of 10,000; IWM's 999 are 21 sessions ago; BTC's 40 are in no sum of its class.
    assert ask("flow_league_by_class") == [
        ("crypto", 1, "IBIT", -5.0, -0.5, None, -5.0, "aum", 1, FETCHED_PLAIN),
        ("crypto", None, "BTC", 40.0, 0.0, 1.0, -5.0, "supply", 1, FETCHED_PLAIN),
        ("equity", 1, "IWM", 50.0, 1.0, None, -250.0, "shares", 1, FETCHED_PLAIN),
        ("equity", 2, "SPY", -300.0, -3.0, 300.0, -250.0, "shares", 4, FETCHED_PLAIN),
        ("equity", None, "QQQ", None, None, None, -250.0, "price_only", 0, FETCHED_PLAIN),
    ]


def test_query_flow_shocks(ask: Ask) -> None:
    # Neither the 9 of 255 sessions ago nor the coin's 8; 2 and 1 are usual.
    assert ask("flow_shocks") == [
        (back(20), "SPY", -4.0, -400.0, -4.0, 3.0, 1.3, "shares", known(20).replace(tzinfo=None)),
        (back(10), "SPY", 3.5, 70.0, 0.7, 0.5, 1.3, "shares", known(10).replace(tzinfo=None)),
    ]


def test_query_price_and_share_effect_by_month(ask: Ask) -> None:
    months = ask("price_and_share_effect_by_month")
    # November: prices -50 + 50 + 0, shares 30 + 70 + 0, each moved 100. October: prices 300 + 500, shares -400 + 0.
    assert months[:2] == [
        (date(2026, 11, 1), "SPY", 100.0, 0.0, 100.0, 50.0, True, 3, known(3).replace(tzinfo=None)),
        (date(2026, 10, 1), "SPY", 400.0, 800.0, -400.0, 33.3, False, 2, known(20).replace(tzinfo=None)),
    ]
    assert len(months) == 3, "no month of the coin: its supply was counted anew"


def test_query_regime_spells(ask: Ask) -> None:
    # From 100 to 110, from 110 to 100; the last spell is not over.
    assert ask("regime_spells") == [
        ("mixed", back(1), back(0), 2, 0.0, 19.0, FETCHED_PLAIN),
        ("risk_off", back(4), back(2), 3, -9.09, 31.5, FETCHED_PLAIN),
        ("mixed", back(7), back(5), 3, 10.0, 19.0, FETCHED_PLAIN),
        ("unknown", back(9), back(8), 2, 0.0, None, FETCHED_PLAIN),
    ]


def test_query_flows_and_later_returns(ask: Ask) -> None:
    # The flow of 10 sessions ago is known at 100, no longer at the 90 of its own session.
    # Inflows: 10 sessions ago 100 to 110, 12 ago 100 to 96, 255 ago 0; usual: 100 to 102; outflow: 100 to 95.
    # All five: 10 - 4 + 0 + 2 - 5 = 3, two rose.
    assert ask("flows_and_later_returns") == [
        ("SPY", "inflow", 3, 2.0, 0.0, 33.3, 0.6, 40.0, back(255), back(10), FETCHED_PLAIN),
        ("SPY", "usual", 1, 2.0, 2.0, 100.0, 0.6, 40.0, back(30), back(30), FETCHED_PLAIN),
        ("SPY", "outflow", 1, -5.0, -5.0, 0.0, 0.6, 40.0, back(20), back(20), FETCHED_PLAIN),
    ]


def test_query_fund_group_flows(ask: Ask) -> None:
    # 20 of the 22 sessions: one is too old, and the one without a flow has the least coverage.
    assert ask("fund_group_flows") == [("sector", NEWEST, 20.0, 20, 2, 3, 1, 80.0, 0.0, 5.0, FETCHED_PLAIN)]


@pytest.mark.slow
def test_questions_about_flows_are_answered_alike_in_another_time_zone(published: Path, ask: Ask) -> None:
    with duckdb.connect(str(published), read_only=True) as session:
        session.execute("set TimeZone = 'Pacific/Auckland'")
        for name in [name.removeprefix("test_query_") for name in globals() if name.startswith("test_query_")]:
            sql = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
            assert session.execute(sql).fetchall() == ask(name), name


@pytest.mark.slow
def test_a_part_without_rows_gives_empty_answers(tmp_path: Path) -> None:
    link = publish_tables(tmp_path, {})
    for name in [name.removeprefix("test_query_") for name in globals() if name.startswith("test_query_")]:
        assert query_rows(link, (QUERIES / f"{name}.sql").read_text(encoding="utf-8")).rows == [], name
