"""The query beside an event gives its figures again, whatever its subject is called, wherever it is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from marketflows_pipeline.queries.events.evidence import evidence_sql, literal
from marketflows_pipeline.queries.events.finding import KINDS, events_of_kind, kinds_of
from marketflows_pipeline.queries.events.market_caps import INDEX_MOVE
from marketflows_pipeline.queries.events.quality import PROVIDER_DIFFERENCE, failed_check
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse import engine
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.hostile_names import HARMLESS_NAMES, HOSTILE_NAMES, dangerous
from marketflows_pipeline_tests.queries.events.stores import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import frame

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
CLOSE = datetime(2026, 11, 20, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
DAY = timedelta(days=1)
# Halves of characters are in no DuckDB file.
NAMES = [name for attack, name in HOSTILE_NAMES.items() if attack != "half a character"] + list(HARMLESS_NAMES)


def store_index(warehouse: Warehouse, series: str, n_days: int = 62) -> None:
    """An index that rises and falls by a percent, and on the last day doubles."""
    levels = [1000.0 * (1.01 if day % 2 else 1.0) for day in range(n_days)] + [2020.0]
    rows = [
        {
            "category": "Narratives",
            "series": series,
            "base_asset": "us-dollar",
            "ts": CLOSE - (n_days - day) * DAY,
            "price_index": level,
            "coverage_pct": 80.0,
        }
        for day, level in enumerate(levels)
    ]
    warehouse.replace("core.index_closes", frame("core.index_closes", *rows))


def asked(path: Path, sql: str) -> list[dict[str, Any]]:
    """The answer in a session that is far from Greenwich."""
    with duckdb.connect(str(path), read_only=True) as session:
        session.execute("set TimeZone = 'Pacific/Auckland'")
        answer = session.execute(sql)
        names = [column[0] for column in answer.description or []]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


@pytest.mark.parametrize("text", NAMES)
def test_any_text_is_a_literal_that_gives_it_back(text: str) -> None:
    sql = f"select {literal(text)}"
    assert duckdb.sql(sql).fetchall() == [(text,)]
    assert not dangerous(sql, allowed="")
    assert len(duckdb.extract_statements(sql)) == 1


def test_a_literal_calls_nothing() -> None:
    assert engine.reaches_out(f"select {literal('write_log(1)')}") is None
    assert literal("") == "''"
    assert literal("o'clock") == "concat('o', chr(39), 'clock')"
    assert literal("layer-1") == "'layer-1'"


@pytest.mark.slow
@pytest.mark.parametrize("series", ["layer-1", HOSTILE_NAMES["sql"], HOSTILE_NAMES["new lines of unicode"], "copy()"])
def test_evidence_of_a_measured_kind_gives_its_figures(warehouse: Warehouse, private: Path, series: str) -> None:
    store_index(warehouse, series)
    warehouse.replace("core.series", frame("core.series", {"category": "Narratives", "series": series, "label": "L"}))
    (event,) = events_of_kind(warehouse, INDEX_MOVE, SINCE, NOW).rows(named=True)
    assert (event["event_id"], event["as_of"]) == (f"index_move:{series}:2026-11-20", CLOSE)
    assert (event["subject"], event["label"], event["part"], event["unit"]) == (series, "L", "market_caps", "%")
    assert (event["coverage_pct"], event["score"]) == (80.0, pytest.approx(0.8 * event["z"]))
    assert event["first_seen_at"] == NOW
    warehouse.close()
    (found,) = asked(private, event["evidence_sql"])
    assert found == {name: pytest.approx(event[name], rel=1e-9) for name in found}
    assert set(found) == {"value", "reference", "z", "percentile"}
    assert found["value"] == pytest.approx(100.0, abs=1e-9)


def test_evidence_of_a_change_gives_its_states(warehouse: Warehouse, private: Path) -> None:
    runs = [
        {
            "check_name": check,
            "table_name": "core.series",
            "run_id": f"run-{day}",
            "part": "market_caps",
            "checked_at": CLOSE - (40 - day) * DAY,
            "is_blocking": blocking,
            "passed": day < 40,
            "offending_rows": 0 if day < 40 else 7,
        }
        for check, blocking in (("warns", False), ("blocks", True))
        for day in range(41)
    ]
    warehouse.replace("meta.check_results", frame("meta.check_results", *runs))
    (event,) = events_of_kind(warehouse, failed_check("market_caps"), SINCE, NOW).rows(named=True)
    assert (event["subject"], event["was"], event["became"]) == ("warns of core.series", "passed", "failed")
    assert (event["value"], event["reference"], event["n_past"]) == (7.0, 0.0, 40)
    assert events_of_kind(warehouse, failed_check("exchanges"), SINCE, NOW).is_empty()
    warehouse.close()
    assert asked(private, event["evidence_sql"]) == [
        {"was": "passed", "became": "failed", "value": 7.0, "reference": 0.0}
    ]


def test_an_event_older_than_asked_for_is_none(warehouse: Warehouse) -> None:
    store_index(warehouse, "layer-1")
    assert events_of_kind(warehouse, INDEX_MOVE, CLOSE, NOW).is_empty()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.part}-{kind.name}")
def test_every_kind_reads_the_tables_that_it_names_and_no_other(warehouse: Warehouse, kind: Any) -> None:
    """Its SQL and its evidence run on empty tables, and name none that it does not say it needs."""
    found = events_of_kind(warehouse, kind, SINCE, NOW)
    assert (found.height, list(found.columns)) == (0, list(TABLES["mart.events"].column_names))
    assert warehouse.query(evidence_sql(kind, "x", NOW)).is_empty()
    words = set((kind.sql + getattr(kind, "observed_sql", "")).replace("(", " ").replace(")", " ").split())
    read = {word.rstrip(",").replace("accepted.", "raw.") for word in words}
    assert {name for name in read if name in TABLES} == set(kind.tables)


@pytest.mark.slow
def test_a_kind_whose_tables_are_missing_is_skipped(warehouse: Warehouse, private: Path) -> None:
    assert {kind.part for kind in KINDS if kind not in kinds_of(warehouse, kind.part)} == set()
    warehouse.execute("drop table meta.check_results")
    assert "failed_check" not in {kind.name for kind in kinds_of(warehouse, "exchanges")}


def test_kinds_of_a_part_are_named_once() -> None:
    names = [(kind.part, kind.name) for kind in KINDS]
    assert len(names) == len(set(names))


def compared(coin: str, day: int, difference: float) -> dict[str, Any]:
    return {"coin_id": coin, "provider": "coinpaprika", "ts": CLOSE - (40 - day) * DAY, "difference_pct": difference}


def test_a_market_cap_that_comes_to_differ_at_the_other_provider_is_an_event(warehouse: Warehouse) -> None:
    """One that has always differed is none: both count its supply by rules of their own."""
    rows = [compared("bittensor", day, 14.0 if day == 40 else 1.0) for day in range(41)]
    rows += [compared("ripple", day, -20.0) for day in range(41)]
    rows += [compared("solana", day, 10.0 if day == 40 else 1.0) for day in range(41)]
    warehouse.replace("core.provider_comparison", frame("core.provider_comparison", *rows))

    (event,) = events_of_kind(warehouse, PROVIDER_DIFFERENCE, SINCE, NOW).rows(named=True)

    assert (event["subject"], event["value"], event["reference"]) == ("bittensor", 14.0, 1.0)
    assert (event["was"], event["became"]) == ("at most 10 % apart", "more than 10 % apart from coinpaprika")
