"""What checks found is on record once a run, however often a step is tried, and for 90 days."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketflows_pipeline.warehouse.check_results import (
    KEPT_FOR,
    CheckFinding,
    forget_old_findings,
    record_findings,
)
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW


def finding(
    name: str = "caps_are_positive",
    *,
    run_id: str = "run-1",
    at: datetime = NOW,
    table: str = "raw.market_caps",
    evidence: str | None = None,
) -> CheckFinding:
    return CheckFinding(
        name, table, run_id, "market_caps", at, is_blocking=True, passed=evidence is None,
        offending_rows=0 if evidence is None else 2, evidence=evidence,
    )  # fmt: skip


def stored(warehouse: Warehouse) -> list[CheckFinding]:
    return [CheckFinding(*row) for row in warehouse.read("meta.check_results").sort("run_id", "check_name").rows()]


def test_findings_are_stored_as_they_were_found(warehouse: Warehouse) -> None:
    found = [finding("a"), finding("b", evidence="2 rows: coin o'hara, cap -1")]

    record_findings(warehouse, found, NOW)
    record_findings(warehouse, [], NOW)

    assert stored(warehouse) == found


def test_a_step_that_is_tried_again_in_the_same_run_leaves_one_row_a_check(warehouse: Warehouse) -> None:
    record_findings(warehouse, [finding("a", evidence="1 row"), finding("b")], NOW)

    record_findings(warehouse, [finding("a", at=NOW + HOUR), finding("b", at=NOW + HOUR)], NOW)

    assert stored(warehouse) == [finding("a", at=NOW + HOUR), finding("b", at=NOW + HOUR)]


def test_other_runs_and_other_tables_stay(warehouse: Warehouse) -> None:
    others = [finding("a"), finding("a", run_id="run-2", at=NOW + HOUR, table="raw.coins")]
    for each in others:
        record_findings(warehouse, [each], NOW)

    again = finding("a", run_id="run-2", at=NOW + HOUR)
    record_findings(warehouse, [again], NOW + HOUR)

    assert len(stored(warehouse)) == 3
    assert {*stored(warehouse)} == {*others, again}


def test_what_a_service_named_is_stored_as_text_and_nothing_else(warehouse: Warehouse) -> None:
    """Evidence names coins as services do: a name that is SQL must not become a statement."""
    names = [name for attack, name in HOSTILE_NAMES.items() if attack != "half a character" and "\0" not in name]
    names += ["'); drop table meta.check_results; --", "?"]

    record_findings(
        warehouse, [finding(f"{at:03}", evidence=name, run_id="it's") for at, name in enumerate(names)], NOW
    )

    assert [each.evidence for each in stored(warehouse)] == names


def test_findings_are_kept_for_90_days(warehouse: Warehouse) -> None:
    young = finding("young", at=NOW - KEPT_FOR + HOUR)
    record_findings(warehouse, [finding("old", at=NOW - KEPT_FOR - HOUR), young], NOW - KEPT_FOR - HOUR)

    forget_old_findings(warehouse, NOW)

    assert stored(warehouse) == [young]
    assert timedelta(days=90) == KEPT_FOR
