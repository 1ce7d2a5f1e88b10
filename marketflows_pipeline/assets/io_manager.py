"""How frames pass between assets: through the warehouse, whole tables, validated by the registry."""

from __future__ import annotations

import dagster as dg
import polars as pl

from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Table, table
from marketflows_pipeline.warehouse.store import Warehouse


def table_name(key: dg.AssetKey) -> str:
    """The asset ``mart/normalized`` as ``mart.normalized``."""
    return ".".join(key.path)


class WarehouseIOManager(dg.IOManager):
    """Stores an asset's frame as the table of the same name, and reads it back."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame) -> None:
        """Replace the table in one transaction; a frame that breaks the registry's rules leaves it as it was."""
        entry = table(table_name(context.asset_key))
        n_rows = self._warehouse.replace(entry.name, obj)
        context.add_output_metadata({"dagster/row_count": n_rows, **as_of_metadata(entry, obj)})

    def load_input(self, context: dg.InputContext) -> pl.DataFrame:
        """The whole table; of a raw one all that is not quarantined."""
        return self._warehouse.accepted(table_name(context.asset_key))


def as_of_metadata(entry: Table, frame: pl.DataFrame) -> dict[str, str]:
    """The newest time in the frame, under ``as_of``, where the table has one."""
    newest = frame[entry.as_of].max() if entry.as_of and not frame.is_empty() else None
    return {"as_of": str(newest)} if newest is not None else {}


@dg.io_manager(required_resource_keys={"run"}, description="Tables of the private DuckDB file")
def warehouse_io_manager(context: dg.InitResourceContext) -> WarehouseIOManager:
    """The IO manager over this run's warehouse."""
    run: RunContext = context.resources.run
    return WarehouseIOManager(run.warehouse)
