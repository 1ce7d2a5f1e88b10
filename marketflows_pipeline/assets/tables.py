"""Asset definitions of tables: key, description, group and columns, all from the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Table, table
from marketflows_pipeline.system.markdown import plain_markdown

OWNERS = ["team:marketflows"]
IO_MANAGER = "warehouse"
# The resource, as assets take it.
Run = dg.ResourceParam[RunContext]


def asset_key(name: str) -> dg.AssetKey:
    """``mart.normalized`` as the asset ``mart/normalized``."""
    return dg.AssetKey(name.split("."))


def table_asset(
    name: str, *, reads: Mapping[str, str] | None = None, deps: tuple[str, ...] = ()
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset that computes the registered table `name` and returns it as a frame.

    Args:
        name: ``schema.table``.
        reads: parameter name to the table whose frame it receives.
        deps: further tables that must be there first, which the asset reads in part by itself.
    """
    decorate: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
        key=asset_key(name),
        ins={parameter: dg.AssetIn(key=asset_key(source)) for parameter, source in (reads or {}).items()},
        deps=map(asset_key, deps),
        io_manager_key=IO_MANAGER,
        **described(table(name)),
    )
    return decorate


def view_asset(name: str, *, deps: tuple[str, ...]) -> dg.AssetsDefinition:
    """An asset that makes the registered view `name` over the tables in `deps`."""

    def make(run: Run) -> dg.MaterializeResult[None]:
        run.warehouse.ensure_views()
        rows = run.warehouse.query(f"select count(*) as n from {name}").item()  # noqa: S608 (registered name)
        return dg.MaterializeResult(metadata={"dagster/row_count": rows})

    made: dg.AssetsDefinition = dg.asset(
        key=asset_key(name), deps=map(asset_key, deps), io_manager_key=IO_MANAGER, **described(table(name))
    )(make)
    return made


def table_spec(name: str, *, deps: Iterable[dg.AssetKey] = ()) -> dg.AssetSpec:
    """The spec of a table that an asset writes by itself rather than returns."""
    return dg.AssetSpec(asset_key(name), deps=deps, **described(table(name))).with_io_manager_key(IO_MANAGER)


def described(entry: Table) -> dict[str, Any]:
    """Description, group, kinds, owners and metadata of a table's asset."""
    return {
        "description": f"{entry.description}\n\nOne row is {entry.grain}. Key: {', '.join(entry.key)}.",
        "group_name": f"{entry.part}_{entry.schema_name}",
        "kinds": {"duckdb", "polars"} if entry.schema_name != "raw" else {"duckdb", "api"},
        "owners": OWNERS,
        "metadata": {"dagster/column_schema": column_schema(entry), "dagster/table_name": entry.name},
    }


def column_schema(entry: Table) -> dg.TableSchema:
    """The registry's columns as the Dagster UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=column.dtype.value,
                description=column.comment,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=entry.key == (column.name,)),
            )
            for column in entry.columns
        ]
    )


def as_markdown(rows: pl.DataFrame) -> str:
    """A frame as a Markdown table, for the metadata that the Dagster UI shows; no cell is read as markup."""
    lines = [" | ".join(rows.columns), " | ".join("---" for _ in rows.columns)]
    lines += [" | ".join(map(_cell, row)) for row in rows.iter_rows()]
    return "\n".join(f"| {line} |" for line in lines)


def _cell(value: object) -> str:
    return str(value) if isinstance(value, int | float | date | None) else plain_markdown(str(value))
