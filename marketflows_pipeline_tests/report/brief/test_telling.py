"""What is told is kept, and told apart from what it turns out to be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.report.brief.corrections import NOT_FOUND, correction_of, corrections_since
from marketflows_pipeline.report.brief.telling import STATEMENTS, Told, tell
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.report.brief.events import CLOSE, DAY, EVIDENCE, NOW, event, events, share

HOUR = timedelta(hours=1)
PART_RUNS = TABLES["meta.part_runs"].polars_schema


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """A private file with one event, its evidence, and a market-cap part that has passed."""
    with Warehouse(tmp_path / "warehouse.duckdb") as opened:
        opened.replace("mart.events", events(event()))
        opened.replace("mart.dominance", share(48.25))
        mark(opened, passed=True)
        yield opened


def mark(warehouse: Warehouse, *, passed: bool) -> None:
    row = {"part": "market_caps", "run_id": "r", "started_at": NOW, "passed_at": NOW if passed else None}
    warehouse.merge("meta.part_runs", pl.DataFrame([row], schema=PART_RUNS))


def kept(warehouse: Warehouse) -> dict[str, Any]:
    (row,) = warehouse.read(STATEMENTS).to_dicts()
    return row


def test_a_sentence_is_told_once_with_its_figures(warehouse: Warehouse) -> None:
    assert tell(warehouse, "run-1", NOW) == Told(1, 0)
    assert tell(warehouse, "run-2", NOW + HOUR) == Told(0, 0)

    row = kept(warehouse)
    assert row["publish"] == "run-1"
    assert row["text"].startswith("Bitcoin: share of all market cap followed here +48.2 pp in the day to 20 Nov 2026")
    assert json.loads(row["figures"]) == warehouse.query(row["evidence"]).to_dicts()[0]
    assert (row["corrected_at"], row["corrected_figures"]) == (None, None)


@pytest.mark.slow
def test_a_figure_that_changes_is_corrected_once(warehouse: Warehouse) -> None:
    tell(warehouse, "run-1", NOW)
    warehouse.replace("mart.dominance", share(47.5))

    assert tell(warehouse, "run-2", NOW + HOUR) == Told(0, 1)
    warehouse.replace("mart.dominance", share(30.0))
    assert tell(warehouse, "run-3", NOW + 2 * HOUR) == Told(0, 0)

    row = kept(warehouse)
    assert row["corrected_at"] == NOW + HOUR
    assert json.loads(row["corrected_figures"])["value"] == 47.5
    assert correction_of(row).now == "+47.5 instead of +48.2"
    assert "+48.2 pp" in row["text"]


def test_digits_that_are_not_shown_are_no_correction(warehouse: Warehouse) -> None:
    tell(warehouse, "run-1", NOW)
    warehouse.replace("mart.dominance", share(48.2499999))

    assert tell(warehouse, "run-2", NOW + HOUR) == Told(0, 0)


@pytest.mark.slow
def test_a_figure_that_is_no_more_is_a_correction(warehouse: Warehouse) -> None:
    tell(warehouse, "run-1", NOW)
    warehouse.replace("mart.dominance", share(48.25, CLOSE - DAY))
    tell(warehouse, "run-2", NOW + HOUR)

    row = kept(warehouse)
    assert row["corrected_figures"] is None
    assert correction_of(row).now == NOT_FOUND


@pytest.mark.slow
def test_a_figure_that_became_none_is_a_correction(warehouse: Warehouse) -> None:
    tell(warehouse, "run-1", NOW)
    warehouse.replace("mart.dominance", share(None))
    tell(warehouse, "run-2", NOW + HOUR)

    assert correction_of(kept(warehouse)).now == "unknown instead of +48.2"


@pytest.mark.slow
def test_evidence_that_is_refused_warns_and_is_no_correction(
    warehouse: Warehouse, log: pytest.LogCaptureFixture
) -> None:
    warehouse.replace("mart.events", events(event(evidence_sql="select 1 from nowhere.at_all")))
    tell(warehouse, "run-1", NOW)

    assert tell(warehouse, "run-2", NOW + HOUR) == Told(0, 0)
    (line,) = [record.getMessage() for record in log.records if record.levelname == "WARNING"]
    assert line.startswith("The figures of dominance_change:bitcoin:2026-11-20 could not be asked for: ")
    assert "\n" not in line
    assert kept(warehouse)["corrected_at"] is None


def test_what_was_stale_and_left_the_lists_was_stale(warehouse: Warehouse) -> None:
    row = event("staleness", "core.daily_closes:ember", was="up to date", became="no figure since 2026-11-17")
    warehouse.replace("mart.events", events(row | {"evidence_sql": "select 'x' as was, 'y' as became where false"}))
    tell(warehouse, "run-1", NOW)

    assert tell(warehouse, "run-2", NOW + HOUR) == Told(0, 0)


@pytest.mark.slow
def test_a_state_that_changes_is_a_correction(warehouse: Warehouse) -> None:
    sql = "select 'up' as was, if(bitcoin_pct > 48, 'down', 'side_ways') as became from mart.dominance"
    row = event("quadrant_change", was="up", became="down", evidence_sql=sql)
    warehouse.replace("mart.events", events(row))
    tell(warehouse, "run-1", NOW)
    warehouse.replace("mart.dominance", share(47.0))
    tell(warehouse, "run-2", NOW + HOUR)

    assert correction_of(kept(warehouse)).now == "side-ways instead of down"


@pytest.mark.slow
def test_a_day_that_is_not_over_has_later_records_and_no_correction(warehouse: Warehouse) -> None:
    sql = EVIDENCE.replace("00:00:00", "10:50:00")
    warehouse.replace("mart.dominance", share(48.25, CLOSE.replace(hour=10, minute=50)))
    warehouse.replace("mart.events", events(event(as_of=CLOSE.replace(hour=10, minute=50), evidence_sql=sql)))
    tell(warehouse, "run-1", NOW)
    warehouse.replace("mart.dominance", share(49.0, CLOSE.replace(hour=11, minute=50)))

    assert tell(warehouse, "run-2", NOW + HOUR) == Told(0, 0)


@pytest.mark.slow
def test_tables_that_a_run_is_writing_are_not_asked(warehouse: Warehouse) -> None:
    tell(warehouse, "run-1", NOW)
    warehouse.replace("mart.dominance", share(30.0))
    mark(warehouse, passed=False)

    assert tell(warehouse, "run-2", NOW + HOUR) == Told(0, 0)
    assert tell(warehouse, "run-2", NOW + HOUR, part="exchanges") == Told(0, 0)
    assert tell(warehouse, "run-2", NOW + HOUR, part="market_caps") == Told(0, 1)


@pytest.mark.slow
def test_what_is_known_to_be_unchanged_is_not_asked_again(warehouse: Warehouse) -> None:
    tell(warehouse, "run-1", NOW)
    warehouse.replace("mart.dominance", share(30.0))
    computed = TABLES["meta.computed"]
    row = {"table_name": "mart.events:market_caps:dominance_change", "inputs": "x", "computed_at": NOW}
    warehouse.merge(computed.name, pl.DataFrame([row], schema=computed.polars_schema))

    assert tell(warehouse, "run-2", NOW + HOUR, changed_since=NOW + HOUR) == Told(0, 0)
    assert tell(warehouse, "run-2", NOW + HOUR, changed_since=NOW) == Told(0, 1)


@pytest.mark.slow
def test_sentences_are_asked_again_for_a_month_and_kept_for_400_days(warehouse: Warehouse) -> None:
    tell(warehouse, "run-1", NOW)
    warehouse.replace("mart.events", TABLES["mart.events"].empty())
    warehouse.replace("mart.dominance", share(30.0))

    assert tell(warehouse, "run-2", NOW + 31 * DAY) == Told(0, 0)
    tell(warehouse, "run-3", NOW + 400 * DAY)
    assert warehouse.read(STATEMENTS).height == 1
    tell(warehouse, "run-4", NOW + 401 * DAY)
    assert warehouse.read(STATEMENTS).is_empty()


@pytest.mark.slow
def test_a_new_file_has_nothing_to_tell(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "new.duckdb") as new:
        assert tell(new, "run-1", NOW) == Told(0, 0)
        assert tell(new, "run-1", NOW) == Told(0, 0)


def test_corrections_since_a_moment_are_the_newest_first(warehouse: Warehouse) -> None:
    tell(warehouse, "run-1", NOW)
    told = kept(warehouse)
    rows = [
        told,
        told | {"statement_id": "a", "corrected_at": NOW, "corrected_figures": "no json"},
        told | {"statement_id": "b", "corrected_at": NOW + HOUR, "corrected_figures": "[1]"},
        told | {"statement_id": "c", "corrected_at": NOW - DAY, "corrected_figures": "{}"},
    ]

    found = corrections_since(rows, NOW - HOUR)
    assert [each.statement_id for each in found] == ["b", "a"]
    assert {each.now for each in found} == {NOT_FOUND}
