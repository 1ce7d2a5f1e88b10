"""Each ready-made question gives the answer that its small, hand-made data holds."""

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
from marketflows_pipeline_tests.warehouse import test_breadth_queries as of_breadth
from marketflows_pipeline_tests.warehouse import test_cap_flow_queries as of_cap_flows
from marketflows_pipeline_tests.warehouse import test_cross_asset_queries as of_cross_asset
from marketflows_pipeline_tests.warehouse import test_exchange_queries as of_exchanges
from marketflows_pipeline_tests.warehouse import test_index_queries as of_index
from marketflows_pipeline_tests.warehouse import test_rotation_queries as of_rotations
from marketflows_pipeline_tests.warehouse.engines import ROOT
from marketflows_pipeline_tests.warehouse.frames import NOW, caps, fill, frame

QUERIES = ROOT / "warehouse" / "queries"

Ask: TypeAlias = Callable[[str], list[tuple[Any, ...]]]
Rows: TypeAlias = list[dict[str, Any]]


def utc(day: int, hour: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def plain(day: int, hour: int = 0) -> datetime:
    """The moment as a query gives it: the wall clock in UTC."""
    return datetime(2026, 11, day, hour)  # noqa: DTZ001


# Mondays are the 2nd, 9th and 16th; the closes of the weeks are those of the 8th, 15th and 20th.
CAPS_OF_DAYS: dict[str, dict[int, float | None]] = {
    "ai": {3: 1.0, 8: 100.0, 15: 110.0, 18: 500.0, 20: 99.0},
    "defi": {8: 200.0, 15: 210.0, 20: 231.0},
    "meme": {20: 1.0},
    "empty": {8: None, 15: None},
}
TOTALS: Rows = [
    {"category": "Narratives", "series": series, "ts": utc(day), "market_cap_usd": cap}
    for series, caps_of_days in CAPS_OF_DAYS.items()
    for day, cap in caps_of_days.items()
]

PATHS: dict[str, list[tuple[datetime, float, float | None]]] = {
    "bitcoin": [(utc(18), 9.5e9, 1e9), (utc(19), 12e9, 1e10), (utc(19, 12), 16e9, 1e10), (utc(20), 7.2e9, 1e9)],
    "ethereum": [(utc(18), 0.5e9, None), (utc(19), 1.2e9, 1e9), (utc(19, 12), 4e9, 1e9), (utc(20), 0.8e9, None)],
}
BUCKETS: Rows = [
    {"coin_id": coin, "ts": ts, "market_cap_usd": cap, "lower_limit_usd": limit}
    for coin, path in PATHS.items()
    for ts, cap, limit in path
]


def grid(coin: str, then_usd: float, now_usd: float, fills: str) -> Rows:
    """Eight days to the 20th: o observed, i interpolated, b before the first, a after the last observation."""
    words = {"o": "observed", "i": "interpolated", "b": "before_first", "a": "after_last"}
    return [
        {
            "coin_id": coin,
            "ts": utc(13 + step),
            "market_cap_usd": now_usd if step == 7 else then_usd,
            "fill": words[letter],
        }
        for step, letter in enumerate(fills)
    ]


GRID: Rows = [
    *grid("bitcoin", 100, 110, "oooooooo"),
    *grid("ether", 50, 40, "ooiioioo"),
    *grid("solana", 40, 60, "ooooooaa"),
    *grid("newcoin", 70, 70, "bbbbbooo"),
]

GAINS: Rows = [
    {
        "category": "Narratives",
        "series": series,
        "base_asset": base,
        "hours_ago": hours,
        "gain_pct": gain,
        "as_of": utc(20),
    }
    for series, base, hours, gain in [
        ("ai", "us-dollar", 168.0, 12.5),
        ("defi", "us-dollar", 168.0, -30.0),
        ("dog", "us-dollar", 168.0, 40.004),
        ("meme", "us-dollar", 168.0, 5.0),
        ("gone", "us-dollar", 168.0, None),
        ("meme", "us-dollar", 24.0, 99.0),
        ("ai", "bitcoin", 168.0, -1.5),
    ]
]

CALLS: Rows = [
    {"call_id": str(n), "sent_at": at, "provider": "coingecko", "endpoint": endpoint, "outcome": outcome, "run_id": run}
    for n, (at, endpoint, outcome, run) in enumerate(
        [
            (utc(31, 23, month=10), "/coins/markets", "ok", "run-1"),
            (utc(1), "/coins/{id}/market_chart", "ok", "run-2"),
            (utc(1), "/coins/{id}/market_chart", "retry", "run-2"),
            (utc(2), "/coins/{id}/market_chart", "failed", "run-3"),
            (utc(3), "/coins/markets", "sent", "run-3"),
        ]
    )
]

MEMBERS: Rows = [
    {"observed_at": at, "narrative": narrative, "coin_id": coin, "rank": rank}
    for at, narrative, coin, rank in [
        (utc(18), "ai", "a", 1),
        (utc(18), "ai", "b", 2),
        (utc(19), "ai", "c", 1),
        (utc(19), "ai", "a", 2),
        (utc(20), "ai", "c", 1),
        (utc(20), "ai", "a", 2),
        (utc(20), "defi", "first-seen", 1),
    ]
] + [
    # In reserve, deeper on some days than on others: no members, so they neither join nor leave.
    {"observed_at": utc(day), "narrative": "ai", "coin_id": coin, "rank": rank, "is_reserve": True}
    for day, coin, rank in [(18, "c", 3), (18, "deep", 4), (19, "b", 3), (20, "deep", 3)]
]

STEPS: list[tuple[str, str, list[float | None]]] = [
    ("ai", "us-dollar", [1.0, -1.0, 2.0, 3.0, 0.5]),
    ("defi", "us-dollar", [1.0, 1.0, 1.0, 1.0, -1.0]),
    ("meme", "us-dollar", [None, 0.0, None, 1.0, 1.0]),
    ("dog", "us-dollar", [1.0, 1.0, 1.0, 1.0, 1.0]),
    ("ai", "bitcoin", [1.0, 1.0, 1.0, 1.0, 1.0]),
]
GROWTH: Rows = [
    {"category": "Narratives", "series": series, "base_asset": base, "diff_order": 1, "ts": utc(day), "value": value}
    for series, base, values in STEPS
    for day, value in zip(range(16, 21), values, strict=True)
]

LABELS: Rows = [{"category": "Narratives", "series": "ai", "label": "Artificial intelligence"}]

RADAR: Rows = [
    {
        "category_id": category,
        "period_days": days,
        "kind": kind,
        "observed_at": utc(20),
        "cap_change_pct": change,
        "cap_change_zscore": zscore,
        "cap_change_percentile_pct": percentile,
        "n_past_cap_changes": 60,
        "rank_change": 2,
        "near_duplicate_of": alike,
    }
    for category, days, kind, change, zscore, percentile, alike in [
        ("ai", 7, "narrative", 12.345, 2.346, 98.4, None),
        ("depin", 7, "narrative", -20.0, -3.0, 0.0, "ai"),
        ("new", 7, "narrative", 400.0, None, None, None),
        ("ai", 1, "narrative", 1.0, 9.0, 100.0, None),
    ]
]

EVENTS: Rows = [
    {
        "event_id": f"{kind}:{label}:{day}",
        "kind": kind,
        "label": label,
        "part": "market_caps",
        "as_of": utc(day),
        "value": value,
        "unit": "%",
        "was": was,
        "became": "leading" if was else None,
        "severity": severity,
        "n_past": 60,
        "frequency_pct": 1.234,
        "score": score,
    }
    for kind, label, day, value, was, score, severity in [
        ("index_move", "AI", 20, -12.345, None, 4.321, "extreme"),
        ("quadrant_change", "DePIN", 14, None, "lagging", 2.5, "notable"),
        ("index_move", "Memes", 13, 40.0, None, 9.0, "extreme"),
    ]
]

TABLES_OF_DATA: Mapping[str, Rows] = {
    "core.group_totals": TOTALS,
    "core.buckets": BUCKETS,
    "core.cohort": [{"coin_id": "bitcoin", "rank": 1}, {"coin_id": "ethereum", "rank": 2}],
    "core.market_cap_grid": GRID,
    "core.series": LABELS,
    "mart.percent_gains": GAINS,
    "mart.derivatives": GROWTH,
    "mart.category_radar": RADAR,
    "mart.events": EVENTS,
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hand-made data, published."""
    home = tmp_path_factory.mktemp("queries")
    link = home / "published" / "marketflows.duckdb"
    with Warehouse(home / "private.duckdb") as warehouse:
        begin_part(warehouse, "market_caps", "run-1", NOW)
        fill(warehouse, "market_caps", 1.0)
        for table, rows in TABLES_OF_DATA.items():
            warehouse.replace(table, frame(table, *rows))
        warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 1.0)))
        warehouse.merge("raw.narrative_members", frame("raw.narrative_members", *MEMBERS))
        warehouse.merge("meta.api_calls", frame("meta.api_calls", *CALLS))
        publish(warehouse, part="market_caps", run_id="run-1", now=NOW.replace(minute=30), published_path=link)
    return link


@pytest.fixture(scope="module")
def ask(published: Path) -> Ask:
    """Runs a ready-made question."""
    return lambda name: query_rows(published, (QUERIES / f"{name}.sql").read_text(encoding="utf-8")).rows


def test_every_question_is_asked_in_words_and_has_its_test() -> None:
    modules = (of_exchanges, of_cross_asset, of_breadth, of_rotations, of_index, of_cap_flows)
    tests = [*globals(), *(name for module in modules for name in vars(module))]
    tested = {name.removeprefix("test_query_") for name in tests if name.startswith("test_query_")}
    assert {path.stem for path in QUERIES.glob("*.sql")} == tested
    for path in QUERIES.glob("*.sql"):
        comments = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("-- ")]
        assert comments[0].endswith("?")
        # Said where the answer has no rows.
        assert comments[-1].startswith("-- Needs: ")


def test_every_question_is_asked_in_utc() -> None:
    for path in QUERIES.glob("*.sql"):
        assert "at time zone 'UTC'" in path.read_text(encoding="utf-8"), path.name


def test_query_narrative_leaders(ask: Ask) -> None:
    assert ask("narrative_leaders") == [
        (date(2026, 11, 9), "ai", 10.0, 2.5),
        (date(2026, 11, 16), "defi", 10.0, 10.0),
    ]


def test_query_coin_path_through_ranges(ask: Ask) -> None:
    assert ask("coin_path_through_ranges") == [
        (plain(18), plain(18), None, 1, 0.5e9, 0.5e9),
        (plain(19), plain(19, 12), 1e9, 2, 1.2e9, 4e9),
        (plain(20), plain(20), None, 1, 0.8e9, 0.8e9),
    ]


def test_query_rank_changes(ask: Ask) -> None:
    assert ask("rank_changes") == [
        ("solana", 3, 2, 1, 50.0, plain(20)),
        ("ether", 2, 3, -1, -20.0, plain(20)),
    ]


def test_query_biggest_movers(ask: Ask) -> None:
    assert ask("biggest_movers") == [
        ("Narratives", "bitcoin", 1, "Artificial intelligence", -1.5, plain(20)),
        ("Narratives", "us-dollar", 1, "dog", 40.0, plain(20)),
        ("Narratives", "us-dollar", 2, "defi", -30.0, plain(20)),
        ("Narratives", "us-dollar", 3, "Artificial intelligence", 12.5, plain(20)),
    ]


def test_query_coverage_and_gaps(ask: Ask) -> None:
    assert ask("coverage_and_gaps") == [
        ("newcoin", 8, 37.5, 5, 0, 5, plain(13)),
        ("ether", 8, 62.5, 0, 0, 2, plain(15)),
        ("solana", 8, 75.0, 0, 2, 2, plain(19)),
        ("bitcoin", 8, 100.0, 0, 0, 0, None),
    ]


def test_query_credits_used(ask: Ask) -> None:
    assert ask("credits_used") == [
        ("coingecko", date(2026, 11, 1), 4, 1, 1, 1, 1, 2, 2.0, "/coins/{id}/market_chart"),
        ("coingecko", date(2026, 10, 1), 1, 1, 0, 0, 0, 1, 1.0, "/coins/markets"),
    ]


def test_query_narrative_membership_changes(ask: Ask) -> None:
    assert ask("narrative_membership_changes") == [
        (plain(19), "ai", "joined", "c", 1),
        (plain(19), "ai", "left", "b", 2),
    ]


def test_query_cohort_dominance(ask: Ask) -> None:
    assert ask("cohort_dominance") == [
        (date(2026, 11, 20), "bitcoin", 7.2, 90.0, 10.0),
        (date(2026, 11, 20), "ethereum", 0.8, 10.0, -10.0),
        (date(2026, 11, 19), "bitcoin", 16.0, 80.0, -15.0),
        (date(2026, 11, 19), "ethereum", 4.0, 20.0, 15.0),
        (date(2026, 11, 18), "bitcoin", 9.5, 95.0, None),
        (date(2026, 11, 18), "ethereum", 0.5, 5.0, None),
    ]


def test_query_growth_streaks(ask: Ask) -> None:
    assert ask("growth_streaks") == [
        ("Narratives", "dog", 5, plain(16)),
        ("Narratives", "Artificial intelligence", 3, plain(18)),
        ("Narratives", "meme", 2, plain(19)),
    ]


def test_query_unusual_categories(ask: Ask) -> None:
    """The newcomer has quadrupled, and nothing of its own to be compared with."""
    assert ask("unusual_categories") == [
        ("depin", "narrative", -3.0, -20.0, 0.0, 60, None, 2, "ai", plain(20)),
        ("ai", "narrative", 2.35, 12.35, 98.0, 60, None, 2, None, plain(20)),
    ]


def test_query_unusual_events(ask: Ask) -> None:
    """The one of a week before the newest is left out, however strong."""
    assert ask("unusual_events") == [
        (4.32, "extreme", "index_move", "AI", -12.35, "%", None, None, None, 1.23, 60, "market_caps", plain(20)),
        (
            2.5,
            "notable",
            "quadrant_change",
            "DePIN",
            None,
            "%",
            None,
            "lagging",
            "leading",
            1.23,
            60,
            "market_caps",
            plain(14),
        ),
    ]


def test_query_table_freshness(ask: Ask) -> None:
    rows = {row[1]: row for row in ask("table_freshness")}
    published = NOW.replace(minute=30, tzinfo=None)
    assert rows["raw.market_caps"][:6] == ("market_caps", "raw.market_caps", "fresh", 2, NOW.replace(tzinfo=None), 0.5)
    assert rows["core.group_totals"][4:7] == (plain(20), 18.5, published)
    assert rows["core.series"][4:6] == (None, None)
    assert rows["meta.api_calls"][3] == 5


@pytest.mark.slow
def test_a_session_in_another_time_zone_gets_the_same_answers(published: Path, ask: Ask) -> None:
    with duckdb.connect(str(published), read_only=True) as session:
        session.execute("set TimeZone = 'Pacific/Auckland'")
        for path in QUERIES.glob("*.sql"):
            if f"test_query_{path.stem}" not in globals():
                continue
            assert session.execute(path.read_text(encoding="utf-8")).fetchall() == ask(path.stem), path.name
