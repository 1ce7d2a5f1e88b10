"""Tables that one step computes one after the other: a step of Dagster's costs more than most of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.io_manager import as_of_metadata
from marketflows_pipeline.assets.tables import asset_key, table_spec
from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.queries.closes import closes_fingerprint
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.warehouse.store import Warehouse

CLOSES = "core.daily_closes"
COMPUTED = "meta.computed"


@dataclass(frozen=True)
class Measure:
    """One registered table, and what computes it.

    Attributes:
        name: ``schema.table``.
        deps: tables that must be there first.
        compute: gives the whole table.
        is_on_closes: whether it changes only where a day has closed or its inputs have, see `update`.
    """

    name: str
    deps: tuple[str, ...]
    compute: Callable[[RunContext], pl.DataFrame]
    is_on_closes: bool

    def update(self, run: RunContext) -> dg.MaterializeResult[None]:
        """Compute and store the table, where its inputs are not as they were.

        ``core.daily_closes`` takes the fingerprint of the inputs; what is computed from it compares it with its own.
        """
        inputs = self._inputs(run)
        is_same = inputs is not None and inputs == _inputs_of(run.warehouse, self.name)
        if is_same and _is_stored(run.warehouse, self.name):
            unchanged = {"inputs": "unchanged since the table was computed"}
            return dg.MaterializeResult(asset_key=asset_key(self.name), metadata=unchanged)
        rows = self.compute(run)
        with run.warehouse.transaction():
            n_rows = run.warehouse.replace(self.name, rows)
            if inputs is not None:
                noted = pl.DataFrame({"table_name": self.name, "inputs": inputs, "computed_at": run.started_at})
                run.warehouse.merge(COMPUTED, noted.cast(pl.Schema(table(COMPUTED).polars_schema)))
        metadata: dict[str, str | int] = {"dagster/row_count": n_rows, **as_of_metadata(table(self.name), rows)}
        return dg.MaterializeResult(asset_key=asset_key(self.name), metadata=metadata)

    def _inputs(self, run: RunContext) -> str | None:
        if not self.is_on_closes:
            return None
        if self.name == CLOSES:
            return closes_fingerprint(run.warehouse, run.settings, run.started_at)
        return _inputs_of(run.warehouse, CLOSES)


def measure(
    name: str, *, deps: tuple[str, ...], is_on_closes: bool = False
) -> Callable[[Callable[[RunContext], pl.DataFrame]], Measure]:
    """Make a `Measure` of the function below it."""
    return lambda compute: Measure(name, deps, compute, is_on_closes)


def measure_specs(measures: Iterable[Measure]) -> list[dg.AssetSpec]:
    """The specs of these tables."""
    return [table_spec(each.name, deps=map(asset_key, each.deps)) for each in measures]


def _inputs_of(warehouse: Warehouse, name: str) -> str | None:
    """The fingerprint that a table was computed from; None where it was not."""
    found = warehouse.query("select inputs from meta.computed where table_name = ?", [name])
    return None if found.is_empty() else str(found.item())


def _is_stored(warehouse: Warehouse, name: str) -> bool:
    """Whether the table is there with all of its columns."""
    try:
        warehouse.query(f"select {', '.join(table(name).column_names)} from {name} limit 0")  # noqa: S608 (registered)
    except WarehouseError:
        return False
    return True
