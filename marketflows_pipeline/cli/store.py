"""`marketflows store`: the upkeep of a lake, and the way into one and back."""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import click

from marketflows_pipeline.cli.text import say
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.options import RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.progress import Reporter
    from marketflows_pipeline.settings import Settings
    from marketflows_pipeline.system.run_lock import Lock

_KINDS = click.Choice(["duckdb", "ducklake"])


@click.group("store", short_help="The upkeep of a lake.")
def store() -> None:
    """Where a run's tables are stored, where that is a lake: see docs/ducklake.md.

    \b
    marketflows store maintain
    marketflows store copy --from duckdb --to ducklake
    """  # noqa: D301 (click wants the backspace itself)


@store.command("maintain", short_help="Merge small files, forget old snapshots.")
@click.pass_obj
def maintain(options: RunOptions) -> None:
    """Merge small files of the lake, forget snapshots older than a week, and delete files that no snapshot needs.

    Writers of all hosts wait meanwhile; readers do not. Once a week is enough.
    """
    from marketflows_pipeline.settings import load_settings
    from marketflows_pipeline.warehouse.lake_maintenance import maintain as maintained
    from marketflows_pipeline.warehouse.store import Warehouse
    from marketflows_pipeline.warehouse.stores.chosen import store_of

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


@store.command("copy", short_help="Copy all tables into a lake, or back.")
@click.option("--from", "source", type=_KINDS, required=True, help="What is copied; it stays as it is.")
@click.option("--to", "target", type=_KINDS, required=True, help="What is written.")
@click.option("--replace", "replaces", is_flag=True, help="Put them in the place of other rows that are there.")
@click.pass_obj
def copy(
    options: RunOptions, source: Literal["duckdb", "ducklake"], target: Literal["duckdb", "ducklake"], *, replaces: bool
) -> None:
    """Copy the tables of runs from the file warehouse.path to the lake of [warehouse.ducklake], or back.

    Both are taken from config.toml, whatever store says there. Each table is compared once it is copied; a copy that
    was ended goes on with the tables that are left. No run goes on meanwhile.
    """
    from marketflows_pipeline.settings import load_config, load_settings
    from marketflows_pipeline.warehouse.store_copy import copy_store
    from marketflows_pipeline.warehouse.stores.chosen import store_of
    from marketflows_pipeline.warehouse.stores.file import FileStore

    if options.tutorial:
        raise UserInputError("the tutorial has no lake to copy to")
    if source == target:
        raise click.UsageError(f"--from and --to are both {source}: expected duckdb and ducklake.")
    # As with the lake in use, so that its password and keys are read.
    settings = load_settings(
        options.config, options.secrets, os.environ, needs_key=False, provider=options.provider, store="ducklake"
    )
    stores = {"duckdb": FileStore(settings.warehouse.path), "ducklake": store_of(settings)}
    with _alone(settings) as lock:
        copied = copy_store(stores[source], stores[target], replaces=replaces, reporter=_reporter(), guard=lock.check)
    earlier = f" ({copied.earlier} of them were there already)" if copied.earlier else ""
    in_use = load_config(options.config, options.provider).warehouse.store == target
    then = "is in use" if in_use else f'to use it, set store = "{target}" under [warehouse] in {options.config}'
    say(f"copied {copied.tables} tables, {copied.rows:,} rows, to {stores[target]}{earlier}; {then}")


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[Lock]:
    """While no run goes on: none that uses the file, and none of the lake where its parts are locked for all hosts.

    Raises:
        RunLockedError: if one goes on for longer than a minute.
    """
    from marketflows_pipeline.coordination.run_locks import lock_of  # loads filelock
    from marketflows_pipeline.system.run_lock import LOCK_WAIT_S, RunLock, lock_path

    on_wait, command = functools.partial(say, is_error=True), shlex.join(sys.argv)
    lock: Lock = RunLock(lock_path(settings.warehouse.path), on_wait=on_wait)
    with contextlib.ExitStack() as held:
        held.enter_context(lock.acquire(command=command, wait_s=LOCK_WAIT_S))
        if settings.locks_parts:
            lock = lock_of(settings, on_wait=on_wait)
            held.enter_context(lock.acquire(command=command, wait_s=LOCK_WAIT_S))
        yield lock


def _reporter() -> Reporter:
    from rich.console import Console

    from marketflows_pipeline.progress import LogReporter, TerminalReporter

    console = Console(stderr=True)
    return TerminalReporter(console) if console.is_terminal else LogReporter()
