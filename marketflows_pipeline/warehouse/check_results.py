"""What checks found, kept in ``meta.check_results``: written once per step, whatever came of its checks.

Rows are written out in one insert: to hand over a frame, or as many parameters, takes two to four times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.pruning import prune
from marketflows_pipeline.warehouse.store import Warehouse

CHECK_RESULTS = "meta.check_results"
KEPT_FOR = timedelta(days=90)
_PARAMETER = object()


class CheckFinding(NamedTuple):
    """One row of ``meta.check_results``, in the order of its columns."""

    check_name: str
    table_name: str
    run_id: str
    part: str
    checked_at: datetime
    is_blocking: bool
    passed: bool
    offending_rows: int | None
    evidence: str | None


def record_findings(warehouse: Warehouse, findings: Sequence[CheckFinding], run_started_at: datetime) -> None:
    """Store what the checks of one step of one run found, in place of what an earlier try of that step stored.

    Nothing of a run is older than its start, which bounds what is looked through.
    """
    if not findings:
        return
    table = ddl.qualified(CHECK_RESULTS)
    with warehouse.transaction() as cursor:
        # Tables of one step are those of no other.
        tables = _tuple(sorted({finding.table_name for finding in findings}))
        cursor.execute(
            f"delete from {table} where checked_at >= ? and run_id = ? and table_name in {tables}",
            [run_started_at, findings[0].run_id],
        ).fetchall()
        # What a service named is a parameter; few have any.
        rows = ", ".join(_tuple((*finding[:-1], _PARAMETER if finding.evidence else None)) for finding in findings)
        evidence = [finding.evidence for finding in findings if finding.evidence]
        cursor.execute(f"insert into {table} values {rows}", evidence).fetchall()


def forget_old_findings(warehouse: Warehouse, now: datetime) -> None:
    """Delete what was found more than 90 days ago."""
    prune(warehouse, CHECK_RESULTS, now - KEPT_FOR)


def _tuple(values: Sequence[object]) -> str:
    return f"({', '.join(map(_written, values))})"


def _written(value: object) -> str:
    if value is None or value is _PARAMETER:
        return "?" if value is _PARAMETER else "null"
    if isinstance(value, datetime):
        return ddl.moment(value)
    return ddl.literal(value) if isinstance(value, str) else str(value)
