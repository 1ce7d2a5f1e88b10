"""Assets on daily closes: computed where a day has closed or their inputs have changed, else left as they are."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.io_manager import as_of_metadata
from marketflows_pipeline.assets.tables import IO_MANAGER, Run, asset_key, described
from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.queries.closes import closes_fingerprint
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.warehouse.store import Warehouse

CLOSES = "core.daily_closes"
COMPUTED = "meta.computed"


def closes_asset(
    name: str, *, deps: tuple[str, ...]
) -> Callable[[Callable[[RunContext], pl.DataFrame]], dg.AssetsDefinition]:
    """An asset that computes the registered table `name` from daily closes, where its inputs are not as they were.

    ``core.daily_closes`` takes the fingerprint of the inputs; what is computed from it compares it with its own.

    Args:
        name: ``schema.table``.
        deps: tables that must be there first; all but ``core.daily_closes`` depend on that one too.
    """
    entry = table(name)

    def decorate(compute: Callable[[RunContext], pl.DataFrame]) -> dg.AssetsDefinition:
        def make(run: Run) -> dg.MaterializeResult[None]:
            inputs = (
                closes_fingerprint(run.warehouse, run.settings, run.started_at)
                if name == CLOSES
                else _inputs_of(run.warehouse, CLOSES)
            )
            if inputs is not None and inputs == _inputs_of(run.warehouse, name) and _is_stored(run.warehouse, name):
                return dg.MaterializeResult(metadata={"inputs": "unchanged since the table was computed"})
            rows = compute(run)
            with run.warehouse.transaction():
                n_rows = run.warehouse.replace(name, rows)
                if inputs is not None:
                    noted = pl.DataFrame({"table_name": name, "inputs": inputs, "computed_at": run.started_at})
                    run.warehouse.merge(COMPUTED, noted.cast(pl.Schema(table(COMPUTED).polars_schema)))
            return dg.MaterializeResult(metadata={"dagster/row_count": n_rows, **as_of_metadata(entry, rows)})

        made: dg.AssetsDefinition = dg.asset(
            key=asset_key(name),
            deps=map(asset_key, deps if name == CLOSES else dict.fromkeys((CLOSES, *deps))),
            io_manager_key=IO_MANAGER,
            **described(entry),
        )(make)
        return made

    return decorate


def _inputs_of(warehouse: Warehouse, name: str) -> str | None:
    """The fingerprint that a table was computed from; None where it was not."""
    found = warehouse.read(COMPUTED, columns=["inputs"], where="table_name = ?", params=[name])
    return None if found.is_empty() else str(found.item())


def _is_stored(warehouse: Warehouse, name: str) -> bool:
    """Whether the table is stored as the registry has it."""
    if name not in warehouse.tables():
        return False
    try:
        warehouse.read(name, where="false")
    except WarehouseError:
        return False
    return True
