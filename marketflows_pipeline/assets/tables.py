"""What every table asset shares: its key, words, group and columns, all from the registry."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from marketflows_pipeline.schema import Table, table
from marketflows_pipeline.system.printable import escaped

# Any punctuation may stand behind a backslash; a dot only matters in an address, which becomes a link by itself.
_MARKUP = re.compile(r"[\\`*{}\[\]<>#+!|~&:@]|(?<=www)\.|(?<![^\W_])_|_(?![^\W_])", re.IGNORECASE)
OWNERS = ["team:marketflows"]
IO_MANAGER = "warehouse"


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
    entry = table(name)
    decorate: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
        key=asset_key(name),
        ins={parameter: dg.AssetIn(key=asset_key(source)) for parameter, source in (reads or {}).items()},
        deps=[asset_key(source) for source in deps],
        io_manager_key=IO_MANAGER,
        **described(entry),
    )
    return decorate


def own_table_asset(
    name: str, *, deps: tuple[str, ...], is_skippable: bool = False
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset that adds to the registered table `name` by itself.

    Args:
        name: ``schema.table``.
        deps: tables that must be there first.
        is_skippable: whether it may yield nothing, so that what follows is skipped.
    """
    decorate: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
        key=asset_key(name),
        deps=[asset_key(source) for source in deps],
        output_required=not is_skippable,
        **described(table(name)),
    )
    return decorate


def view_asset(name: str, *, deps: tuple[str, ...]) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset that makes the registered view `name` over the tables in `deps`."""
    decorate: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
        key=asset_key(name), deps=[asset_key(source) for source in deps], **described(table(name))
    )
    return decorate


def table_spec(name: str, *, deps: tuple[dg.AssetKey, ...] = ()) -> dg.AssetSpec:
    """The spec of a table that an asset writes by itself rather than returns."""
    words = described(table(name))
    return dg.AssetSpec(asset_key(name), deps=list(deps), **words).with_io_manager_key(IO_MANAGER)


def described(entry: Table) -> dict[str, Any]:
    """Words, group, kinds, owners and metadata of a table's asset."""
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


def plain_markdown(text: str) -> str:
    """A text as Markdown that shows just that text: no HTML, link, picture, or further cell comes of it."""
    return _MARKUP.sub(r"\\\g<0>", escaped(text))


def _cell(value: object) -> str:
    return str(value) if isinstance(value, int | float | date | None) else plain_markdown(str(value))
