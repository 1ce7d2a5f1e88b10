"""Each ready-made question about exchanges gives the answer that its small, hand-made data holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pytest

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.warehouse.engines import ROOT
from marketflows_pipeline_tests.warehouse.frames import NOW, fill, frame

QUERIES = ROOT / "warehouse" / "queries"

Ask: TypeAlias = Callable[[str], list[tuple[Any, ...]]]
Rows: TypeAlias = list[dict[str, Any]]


def november(number: int) -> date:
    return date(2026, 11, number)


def utc(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, number, hour, tzinfo=UTC)


def plain(number: int, hour: int = 0) -> datetime:
    """The moment as a query gives it: the wall clock in UTC."""
    return utc(number, hour).replace(tzinfo=None)


# Exchange, day: net flow, price effect, left out, of it vanished (million USD), and what was held after it.
FLOWS: list[tuple[str, int, float | None, float, float, float, float]] = [
    ("steady", 10, 500.0, 0.0, 0.0, 0.0, 1_000.0),
    ("steady", 19, 30.0, -10.0, 0.0, 0.0, 1_020.0),
    ("steady", 20, -10.0, 40.0, 5.0, 0.0, 1_055.0),
    # Before: 900 + 160 = 1,060. Flow -70, price -40, left out -50.
    ("leaking", 19, -20.0, -40.0, 0.0, 0.0, 1_000.0),
    ("leaking", 20, -50.0, 0.0, -50.0, -50.0, 900.0),
    # Prices alone: no flow is lost.
    ("cheaper", 20, 0.0, -300.0, 0.0, 0.0, 700.0),
    ("unknown", 20, None, 0.0, 0.0, 0.0, 100.0),
]
NETFLOWS: Rows = [
    {
        "slug": slug,
        "name": slug.capitalize(),
        "day": november(day),
        "previous_day": november(day - 1),
        "ts": utc(day),
        "netflow_mid_usd": None if flow is None else flow * 1e6,
        "price_effect_mid_usd": price * 1e6,
        "left_out_usd": left_out * 1e6,
        "left_out_gross_usd": abs(left_out) * 1e6,
        "left_out_vanished_usd": vanished * 1e6,
        "tvl_change_usd": None if flow is None else (flow + price + left_out) * 1e6,
        "tvl_usd": held * 1e6,
        "reserves_usd": held * 1e6,
    }
    for slug, day, flow, price, left_out, vanished, held in FLOWS
]

TOKENS: Rows = [
    {"slug": slug, "day": november(day), "token": token, "reason": reason, "left_out_usd": usd}
    for slug, day, token, reason, usd in [
        ("leaking", 20, "ABC", "vanished", -40e6),
        ("leaking", 20, "DEF", "vanished", -10e6),
        ("leaking", 19, "GHI", "new", 30e6),
        ("leaking", 20, "JKL", "new", -12e6),
        ("leaking", 20, "MNO", "unpriced", None),
        ("leaking", 20, "BTC", None, None),
        ("steady", 10, "OLD", "vanished", -900e6),
        ("steady", 20, "OWN", "own_token", 5e6),
    ]
]

# Trending at 15, 16, 17 and 18 o'clock, as places; a dot where not.
TRENDING: Rows = [
    {"coin_id": coin, "observed_at": utc(20, 15 + hour), "position": int(place)}
    for coin, places in {"stays": "4321", "back": "1.11", "new": "..55", "gone": "222.", "plain": "7777"}.items()
    for hour, place in enumerate(places)
    if place != "."
]
WHALES: Rows = [
    {
        "coin_id": coin,
        "name": coin.capitalize(),
        "symbol": coin.upper(),
        "rank": rank,
        "is_unusual": unusual,
        "volume_24h_usd": 2_500_000.0,
        "volume_to_mcap_pct": 12.345,
        "volume_zscore": 2.5,
        "whale_activity_score": 5.0,
        "signal_type": "accumulation",
    }
    for rank, (coin, unusual) in enumerate(
        [("stays", True), ("back", True), ("new", True), ("gone", True), ("plain", False), ("silent", True)], start=1
    )
]

SHARES: Rows = [
    {
        "measure": measure,
        "segment": segment,
        "day": day,
        "ts": NOW,
        "exchange_key": key,
        "name": key.capitalize(),
        "rank": rank,
        "share_pct": share,
        "value": 100 * share,
    }
    for measure, segment, day, key, rank, share in [
        ("spot_volume", "all", november(20), "binance", 1, 40.0),
        ("spot_volume", "all", november(20), "kraken", 2, 35.0),
        ("spot_volume", "all", november(20), "gate", 3, 15.0),
        ("spot_volume", "all", november(20), "newcomer", 4, 10.0),
        # The 21st of October is 30 days before and was not observed; the day before it was.
        ("spot_volume", "all", date(2026, 10, 20), "binance", 1, 60.0),
        ("spot_volume", "all", date(2026, 10, 20), "kraken", 2, 30.0),
        ("spot_volume", "all", date(2026, 10, 20), "gate", 3, 2.5),
        ("spot_volume", "all", date(2026, 10, 22), "kraken", 1, 99.0),
        ("spot_volume", "all", date(2026, 10, 1), "kraken", 1, 1.0),
        ("reserves", "centralised", november(20), "kraken", 1, 100.0),
        ("spot_volume", "centralised", date(2026, 10, 20), "kraken", 2, 3.0),
    ]
]

CLASSES: Rows = [
    {
        "slug": slug,
        "day": november(day),
        "asset_class": name,
        "netflow_mid_usd": flow,
        "netflow_units": units,
        "ts": utc(day),
    }
    for slug, day, name, flow, units in [
        # Mondays are the 9th and the 16th.
        ("steady", 16, "btc", 90e6, 1_000.0),
        ("steady", 20, "btc", -30e6, -300.0),
        ("leaking", 20, "btc", -10e6, -100.0),
        ("unknown", 20, "btc", None, None),
        ("leaking", 15, "stablecoins", -5e6, -5e6),
        ("leaking", 20, "other", 1e6, None),
    ]
]

TABLES_OF_DATA: Mapping[str, Rows] = {
    "mart.exchange_netflow": NETFLOWS,
    "mart.exchange_netflow_by_class": CLASSES,
    "mart.exchange_token_flows": TOKENS,
    "raw.trending_coins": TRENDING,
    "mart.whale_signals": WHALES,
    "mart.exchange_shares": SHARES,
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hand-made data, published."""
    home = tmp_path_factory.mktemp("exchange_queries")
    link = home / "published" / "marketflows.duckdb"
    with Warehouse(home / "private.duckdb") as warehouse:
        begin_part(warehouse, "exchanges", "run-1", NOW)
        for table, rows in TABLES_OF_DATA.items():
            write = warehouse.replace if TABLES[table].replaces == "replace" else warehouse.merge
            write(table, frame(table, *rows))
        publish(warehouse, part="exchanges", run_id="run-1", now=NOW, published_path=link)
    return link


@pytest.fixture(scope="module")
def ask(published: Path) -> Ask:
    """Runs a ready-made question."""
    return lambda name: query_rows(published, (QUERIES / f"{name}.sql").read_text(encoding="utf-8")).rows


def test_query_exchange_netflow_league(ask: Ask) -> None:
    """What is left out stands net and gross: amounts of either sign read as nothing left out."""
    # The 10th is longer ago than seven days; the unknown exchange has no net flow to be ranked by.
    assert ask("exchange_netflow_league") == [
        (1, "Steady", 20.0, round(100 * 20 / 1_055, 2), 30.0, 5.0, 5.0, 2, plain(20)),
        (2, "Cheaper", 0.0, 0.0, -300.0, 0.0, 0.0, 1, plain(20)),
        (3, "Leaking", -70.0, round(-100 * 70 / 900, 2), -40.0, -50.0, 50.0, 2, plain(20)),
    ]


def test_query_exchange_flows_by_class(ask: Ask) -> None:
    # Steady is 60 in over the week, leaking 10 out.
    assert ask("exchange_flows_by_class") == [
        (november(16), "btc", 50.0, 600.0, 60.0, -10.0, 2, 2, plain(20)),
        (november(16), "other", 1.0, None, 1.0, 0.0, 1, 1, plain(20)),
        (november(9), "stablecoins", -5.0, -5e6, 0.0, -5.0, 1, 1, plain(15)),
    ]


def test_query_reserves_lost_beyond_price(ask: Ask) -> None:
    # 1,060 before: -160 in all, -70 by flow, -40 by price, -50 left out.
    assert ask("reserves_lost_beyond_price") == [
        ("Leaking", november(18), plain(20), 1_060.0, -15.09, -6.6, -3.77, -4.72, -4.72)
    ]


def test_query_persistent_whale_signals(ask: Ask) -> None:
    # `back` was missing two observations ago, `gone` at the newest, `new` is twice there, `plain` is not unusual.
    assert ask("persistent_whale_signals") == [
        ("Stays", "STAYS", 4, plain(20, 15), 1, 2.5, 12.35, 2.5, 5.0, "accumulation")
    ]


def test_query_market_share_gainers(ask: Ask) -> None:
    """A newcomer with 10 % took a tenth of everybody's share; the three measured on both days lost nothing to it."""
    # Of 90 now, and of 92.5 then.
    assert ask("market_share_gainers") == [
        ("Gate", 16.67, 2.7, 13.96, 3, 3, date(2026, 10, 20), plain(20, 18)),
        ("Kraken", 38.89, 32.43, 6.46, 2, 2, date(2026, 10, 20), plain(20, 18)),
    ]


def test_query_left_out_tokens(ask: Ask) -> None:
    assert ask("left_out_tokens") == [
        ("Leaking", "vanished", 2, 1, -50.0, 50.0, round(100 * 50 / 900, 2), "ABC", -40.0, plain(20)),
        ("Leaking", "new", 2, 2, 18.0, 42.0, round(100 * 42 / 900, 2), "GHI", 30.0, plain(20)),
        ("Steady", "own_token", 1, 1, 5.0, 5.0, round(100 * 5 / 1_055, 2), "OWN", 5.0, plain(20)),
        ("Leaking", "unpriced", 1, 1, None, None, None, None, None, plain(20)),
    ]


@pytest.mark.slow
def test_questions_about_exchanges_are_answered_alike_in_another_time_zone(published: Path, ask: Ask) -> None:
    with duckdb.connect(str(published), read_only=True) as session:
        session.execute("set TimeZone = 'Pacific/Auckland'")
        for name in [name.removeprefix("test_query_") for name in globals() if name.startswith("test_query_")]:
            sql = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
            assert session.execute(sql).fetchall() == ask(name), name


@pytest.mark.slow
def test_a_part_without_rows_gives_empty_answers(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "private.duckdb") as warehouse:
        begin_part(warehouse, "exchanges", "run-1", NOW)
        fill(warehouse, "exchanges", 1.0)
        for table in TABLES_OF_DATA:
            if TABLES[table].replaces == "replace":
                warehouse.replace(table, TABLES[table].empty())
        publish(warehouse, part="exchanges", run_id="run-1", now=NOW, published_path=tmp_path / "link.duckdb")
    for name in [name.removeprefix("test_query_") for name in globals() if name.startswith("test_query_")]:
        assert query_rows(tmp_path / "link.duckdb", (QUERIES / f"{name}.sql").read_text(encoding="utf-8")).rows == []
