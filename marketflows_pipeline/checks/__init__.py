"""Asset checks: what must hold before anything is published, and what an analyst should be warned about.

Each check is one property, named as such, and returns its evidence: how many rows break it, the worst five, and the
threshold.
"""

from collections.abc import Iterator

import dagster as dg

from marketflows_pipeline.checks.cross_asset import CROSS_ASSET_CHECKS
from marketflows_pipeline.checks.exchanges import EXCHANGE_CHECKS
from marketflows_pipeline.checks.market_caps import MARKET_CAP_CHECKS
from marketflows_pipeline.checks.model import Check, CheckResult, evaluate_and_log, key_check, quarantine_check
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Part, tables_of
from marketflows_pipeline.transforms.plausibility import BOUNDS

_OWN_CHECKS: dict[Part, list[Check]] = {
    "market_caps": MARKET_CAP_CHECKS,
    "exchanges": EXCHANGE_CHECKS,
    "cross_asset": CROSS_ASSET_CHECKS,
    "meta": [],
}


def checks_of(part: Part) -> list[Check]:
    """All checks of one part: its keys from the registry, what is left out of raw tables, and its own properties."""
    tables = tables_of(part)
    return [
        *map(key_check, tables),
        *(quarantine_check(entry) for entry in tables if entry.name in BOUNDS),
        *_OWN_CHECKS[part],
    ]


def check_steps(part: Part) -> list[dg.AssetChecksDefinition]:
    """All checks of one part as Dagster runs them: those of a table in one step, those of the raw tables too.

    A step costs more than the checks in it.
    """
    grouped: dict[str, list[Check]] = {}
    for check in checks_of(part):
        schema, table_name = check.spec.asset_key.path
        grouped.setdefault(f"{part}_raw" if schema == "raw" else f"{schema}__{table_name}", []).append(check)
    return [_in_one_step(f"{name}__checks", checks) for name, checks in grouped.items()]


def _in_one_step(name: str, checks: list[Check]) -> dg.AssetChecksDefinition:
    # A job may hold some of the raw tables only.
    @dg.multi_asset_check(name=name, specs=[check.spec for check in checks], can_subset=True)
    def step(context: dg.AssetCheckExecutionContext, run: dg.ResourceParam[RunContext]) -> Iterator[CheckResult]:
        for check in checks:
            if check.spec.key not in context.selected_asset_check_keys:
                continue
            found = evaluate_and_log(check, run)
            yield CheckResult(
                asset_key=check.spec.asset_key,
                check_name=check.spec.name,
                passed=found.passed,
                severity=found.severity,
                metadata=found.metadata,
                description=found.description,
            )

    return step


__all__ = ["Check", "CheckResult", "check_steps", "checks_of", "evaluate_and_log", "key_check"]
