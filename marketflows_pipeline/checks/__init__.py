"""Asset checks: what must hold before anything is published, and what an analyst should be warned about.

Each check is one property, named as such; its result counts the rows that break it and shows the worst five.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

import dagster as dg

from marketflows_pipeline.assets.cross_asset_rotation import rotation_of_assets
from marketflows_pipeline.assets.exchanges_mart import exchanges_side_by_side
from marketflows_pipeline.assets.market_caps_measures import market_cap_measures
from marketflows_pipeline.checks import (
    cap_flows,
    cross_asset,
    cross_asset_sources,
    exchange_league,
    exchanges,
    market_caps,
    market_caps_breadth,
    narrative_index,
    radar,
)
from marketflows_pipeline.checks.model import Check, CheckResult, key_check, quarantine_check
from marketflows_pipeline.checks.record import evaluate_and_record
from marketflows_pipeline.checks.rotation import rotation_checks
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Part, tables_of
from marketflows_pipeline.transforms.plausibility import BOUNDS


def _of(*modules: ModuleType) -> list[Check]:
    return [each for module in modules for each in vars(module).values() if isinstance(each, Check)]


_CHECKS: Mapping[Part, Sequence[Check]] = {
    "market_caps": [
        *_of(market_caps, narrative_index, cap_flows, market_caps_breadth),
        *rotation_checks("mart.rotation"),
        *_of(radar),
    ],
    "exchanges": _of(exchanges, exchange_league),
    "cross_asset": [*_of(cross_asset), *rotation_checks("mart.cross_asset_rotation"), *_of(cross_asset_sources)],
}

_STEP_OF = {
    ".".join(key.path): definition.op.name
    for definition in (market_cap_measures, rotation_of_assets, exchanges_side_by_side)
    for key in definition.keys
}


def checks_of(part: Part) -> list[Check]:
    """All checks of one part: its keys from the registry, its quarantined rows, and the checks of its modules."""
    tables = tables_of(part)
    quarantined = (quarantine_check(entry) for entry in tables if entry.name in BOUNDS)
    return [*map(key_check, tables), *quarantined, *_CHECKS.get(part, ())]


def check_steps(part: Part) -> list[dg.AssetChecksDefinition]:
    """All checks of one part as Dagster runs them: those of a table in one step, those of the raw tables too.

    So do those of tables that one step computes. A step costs more than the checks in it.
    """
    grouped: dict[str, list[Check]] = {}
    for check in checks_of(part):
        schema, table_name = check.spec.asset_key.path
        own = _STEP_OF.get(f"{schema}.{table_name}", f"{schema}__{table_name}")
        grouped.setdefault(f"{part}_raw" if schema == "raw" else own, []).append(check)
    return [_in_one_step(f"{name}__checks", part, checks) for name, checks in grouped.items()]


def _in_one_step(name: str, part: Part, checks: list[Check]) -> dg.AssetChecksDefinition:
    # A job may hold some of the raw tables only.
    @dg.multi_asset_check(name=name, specs=[check.spec for check in checks], can_subset=True)
    def step(context: dg.AssetCheckExecutionContext, run: dg.ResourceParam[RunContext]) -> Iterator[CheckResult]:
        selected = [check for check in checks if check.spec.key in context.selected_asset_check_keys]
        for check, found in zip(selected, evaluate_and_record(part, selected, run), strict=True):
            yield CheckResult(
                asset_key=check.spec.asset_key,
                check_name=check.spec.name,
                passed=found.passed,
                severity=found.severity,
                metadata=found.metadata,
                description=found.description,
            )

    return step
