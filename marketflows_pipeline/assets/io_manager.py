"""How frames pass between assets: through the warehouse, whole tables or in blocks, validated by the registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
import polars as pl

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Table, table
from marketflows_pipeline.warehouse.store import Warehouse


@dataclass(frozen=True)
class Blocks:
    """A table that is made and stored some coins at a time, where the whole of it would take too much memory.

    Attributes:
        frames: the blocks, in the order of the table's key.
    """

    frames: Iterator[pl.DataFrame]


def table_name(key: dg.AssetKey) -> str:
    """The asset ``mart/normalized`` as ``mart.normalized``."""
    return ".".join(key.path)


class WarehouseIOManager(dg.IOManager):
    """Stores an asset's frame as the table of the same name, and reads it back."""

    def __init__(self, warehouse: Warehouse, clock: Clock) -> None:
        self._warehouse, self._clock = warehouse, clock

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame | Blocks) -> None:
        """Replace the table in one transaction; a frame that breaks the registry's rules leaves it as it was."""
        entry = table(table_name(context.asset_key))
        if isinstance(obj, pl.DataFrame):
            n_rows, dated = self._warehouse.replace(entry.name, obj), obj
        else:
            n_rows = self._warehouse.replace_in_blocks(entry.name, obj.frames)
            newest = f"select max({entry.as_of}) as {entry.as_of} from {entry.name}"  # noqa: S608 (registered names)
            dated = self._warehouse.query(newest) if entry.as_of else entry.empty()
        context.add_output_metadata({"dagster/row_count": n_rows, **as_of_metadata(entry, dated, self._clock.now())})

    def load_input(self, context: dg.InputContext) -> pl.DataFrame:
        """The whole table; of a raw one all that is not quarantined."""
        return self._warehouse.accepted(table_name(context.asset_key))


def as_of_metadata(entry: Table, frame: pl.DataFrame, now: datetime) -> dict[str, str]:
    """The newest time in the frame, under ``as_of``, where the table has one; the present, where that is to come."""
    newest = frame[entry.as_of].max() if entry.as_of and not frame.is_empty() else None
    return {"as_of": str(min(newest, now))} if isinstance(newest, datetime) else {}


@dg.io_manager(required_resource_keys={"run"}, description="Tables of the private DuckDB file")
def warehouse_io_manager(context: dg.InitResourceContext) -> WarehouseIOManager:
    """The IO manager over this run's warehouse."""
    run: RunContext = context.resources.run
    return WarehouseIOManager(run.warehouse, run.clock)
