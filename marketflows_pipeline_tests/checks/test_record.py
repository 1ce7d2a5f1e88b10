"""What a step of checks found is on record, also where one of them fails, blocks, or cannot be evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.charts.rendering.render import Drawing
from marketflows_pipeline.checks.model import WARN, CheckResult, check, evidence
from marketflows_pipeline.checks.record import evaluate_and_record
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.settings import Settings
from marketflows_pipeline_tests.warehouse.empty import new_warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW

TABLE = "raw.coins"
SHOWN = ["check_name", "table_name", "part", "is_blocking", "passed", "offending_rows", "evidence"]


@check(TABLE, "Holds.")
def holds(_run: RunContext) -> pl.DataFrame:
    return pl.DataFrame({"coin_id": []})


@check(TABLE, "Warns.", blocking=False, limit=3)
def warns(_run: RunContext) -> pl.DataFrame:
    return pl.DataFrame({"coin_id": ["a", "b"]})


@check(TABLE, "Blocks.")
def blocks(_run: RunContext) -> pl.DataFrame:
    return pl.DataFrame({"coin_id": ["c"]})


@check(TABLE, "Cannot be evaluated.")
def breaks(_run: RunContext) -> CheckResult:
    raise ArithmeticError


@check(TABLE, "Blocks, but not today.")
def is_lenient(_run: RunContext) -> CheckResult:
    return evidence(pl.DataFrame({"coin_id": ["d"]}), severity=WARN)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunContext]:
    with new_warehouse(tmp_path / "private.duckdb") as warehouse:
        drawing = Drawing(warehouse.path.parent)
        yield RunContext(
            "run-1",
            RunOptions(),
            Settings(),
            FixedClock(NOW + HOUR),
            NOW,
            warehouse,
            LogReporter(),
            drawing,
        )


def recorded(run: RunContext) -> list[tuple[object, ...]]:
    return run.warehouse.read("meta.check_results", columns=SHOWN).sort("check_name").rows()


def test_passing_warning_and_blocking_results_are_recorded(run: RunContext) -> None:
    results = evaluate_and_record("market_caps", [holds, warns, blocks, is_lenient], run)

    assert [result.passed for result in results] == [True, False, False, False]
    assert recorded(run) == [
        ("blocks", TABLE, "market_caps", True, False, 1, "1 row: coin_id c"),
        ("holds", TABLE, "market_caps", True, True, 0, None),
        ("is_lenient", TABLE, "market_caps", False, False, 1, "1 row: coin_id d"),
        ("warns", TABLE, "market_caps", False, False, 2, "2 rows (limit = 3): coin_id a; coin_id b"),
    ]
    row = run.warehouse.read("meta.check_results").row(0, named=True)
    assert (row["run_id"], row["checked_at"]) == ("run-1", NOW + HOUR)


def test_a_check_that_cannot_be_evaluated_ends_the_step_and_keeps_what_was_found_before(run: RunContext) -> None:
    with pytest.raises(ArithmeticError):
        evaluate_and_record("market_caps", [blocks, breaks, holds], run)

    assert [row[0] for row in recorded(run)] == ["blocks"]


def test_the_same_run_once_more_does_not_repeat_a_row(run: RunContext) -> None:
    for _ in range(2):
        evaluate_and_record("market_caps", [holds, warns], run)

    assert [row[0] for row in recorded(run)] == ["holds", "warns"]
