"""Evaluate the checks of one step, and record their results before any of them can end the run."""

from collections.abc import Sequence

from marketflows_pipeline.checks.model import Check, CheckResult, evaluate_and_log, is_blocking
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Part
from marketflows_pipeline.warehouse.check_results import CheckFinding, record_findings


def evaluate_and_record(part: Part, checks: Sequence[Check], run: RunContext) -> list[CheckResult]:
    """The results of these checks, in their order, stored in ``meta.check_results`` too.

    What was found before a check that could not be evaluated is stored all the same.
    """
    results: list[CheckResult] = []
    try:
        results.extend(evaluate_and_log(check, run) for check in checks)
    finally:
        findings = [_finding(part, check, result, run) for check, result in zip(checks, results, strict=False)]
        record_findings(run.warehouse, findings, run.started_at)
    return results


def _finding(part: Part, check: Check, result: CheckResult, run: RunContext) -> CheckFinding:
    counted = result.metadata.get("offending_rows")
    n_offending = counted.value if counted is not None else None
    return CheckFinding(
        check_name=check.spec.name,
        table_name=".".join(check.spec.asset_key.path),
        run_id=run.run_id,
        part=part,
        checked_at=run.clock.now(),
        is_blocking=is_blocking(check, result),
        passed=result.passed,
        offending_rows=n_offending if isinstance(n_offending, int) else None,
        evidence=result.description,
    )
