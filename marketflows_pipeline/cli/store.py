"""`marketflows store`: the upkeep of a lake."""

from __future__ import annotations

import os

import click

from marketflows_pipeline.cli.text import say
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.options import RunOptions


@click.group("store", short_help="The upkeep of a lake.")
def store() -> None:
    r"""Where a run's tables are stored, where that is a lake: see docs/ducklake.md.

    \b
    marketflows store maintain
    """


@store.command("maintain", short_help="Merge small files, forget old snapshots.")
@click.pass_obj
def maintain(options: RunOptions) -> None:
    """Merge small files of the lake, forget snapshots older than a week, and delete files that no snapshot needs.

    Writers of all hosts wait meanwhile; readers do not. Once a week is enough.
    """
    from marketflows_pipeline.settings import load_settings  # noqa: PLC0415 (--help need not wait for pydantic)
    from marketflows_pipeline.warehouse.lake_maintenance import maintain as maintained  # noqa: PLC0415 (nor for DuckDB)
    from marketflows_pipeline.warehouse.store import Warehouse  # noqa: PLC0415
    from marketflows_pipeline.warehouse.stores.chosen import store_of  # noqa: PLC0415

    if options.tutorial:
        raise UserInputError("the tutorial has no lake to maintain")
    settings = load_settings(options.config, options.secrets, os.environ, needs_key=False, provider=options.provider)
    if settings.warehouse.lake is None:
        raise UserInputError(
            settings.fault_line(
                "warehouse.store", settings.warehouse.store, 'expected "ducklake": a file needs no upkeep'
            )
        )
    with Warehouse(store_of(settings), create=False) as warehouse:
        left = maintained(warehouse, SystemClock().now())
    say(f"maintained {warehouse.store}: {left} published snapshots can be asked")
