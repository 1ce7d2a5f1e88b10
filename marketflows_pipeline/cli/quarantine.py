"""`marketflows quarantine`: rows that count for nothing, listed, added and released by hand."""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from marketflows_pipeline.cli.report_command import answering_file, format_option_of, nothing_at, published_path
from marketflows_pipeline.cli.text import argument_text, say, standard_output
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import MarketflowsError, RunLockedError, UserInputError
from marketflows_pipeline.options import TUTORIAL_PRIVATE, RunOptions
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches

if TYPE_CHECKING:
    from marketflows_pipeline.system.run_lock import Lock
    from marketflows_pipeline.warehouse.store import Warehouse
    from marketflows_pipeline.warehouse.stores.seam import Store

_table = click.argument("table")
_key = click.argument("key", callback=argument_text)


@click.group("quarantine", short_help="Rows that are left out, by a rule or by you.")
def quarantine() -> None:
    """Rows of raw tables that are left out of everything that is computed; they stay stored as they are.

    KEY is a row's key columns in the table's order as one CSV record, times in UTC. Examples:

    \b
    marketflows quarantine list
    marketflows quarantine add raw.market_caps bitcoin,2026-11-01T00:00:00Z --reason "a re-count"
    marketflows quarantine release raw.market_caps bitcoin,2026-11-01T00:00:00Z
    """  # noqa: D301 (click wants the backspace itself)


@quarantine.command("list", short_help="What is left out, since when and why.")
@click.option("--all", "released_too", is_flag=True, help="Show what was released too.")
@format_option_of("table", "json", "csv", answer="list")
@click.pass_obj
def list_rows(options: RunOptions, output_format: Literal["table", "json", "csv"], *, released_too: bool) -> None:
    """List what is left out, the newest first.

    While a run goes on, this is as of the last publish, and says so.
    """
    # Imported here, because --help need not wait for DuckDB.
    from marketflows_pipeline.system.run_lock import RunLock, lock_path  # loads filelock
    from marketflows_pipeline.warehouse.quarantine import listing_sql
    from marketflows_pipeline.warehouse.user_query import write_result

    question, private = listing_sql(released_too=released_too), _private_path(options)
    if not private.exists():
        _list_published(question, answering_file(options), output_format)
        return
    from marketflows_pipeline.warehouse.store import Warehouse  # loads polars

    try:
        with RunLock(lock_path(private)).acquire(command=_typed(), wait_s=0):
            Warehouse(private, create=False).close()  # gives a file of an older version the table that is asked for
            write_result(question, private, output_format, standard_output(), for_spreadsheets=True)
    except RunLockedError:
        say("note: a run is going on; this is as of the last publish", is_error=True)
        _list_published(question, published_path(options), output_format)


def _list_published(question: str, path: Path, output_format: Literal["table", "json", "csv"]) -> None:
    from marketflows_pipeline.warehouse.user_query import write_result

    try:
        write_result(question, path, output_format, standard_output(), for_spreadsheets=True)
    except UserInputError as error:
        raise MarketflowsError(f"{path} was published before there was a quarantine; ask after the next run") from error


@quarantine.command("add", short_help="Leave a row out.")
@_table
@_key
@click.option("--column", default="", help="Whose value is at fault; the row is left out as a whole in any case.")
@click.option("--reason", required=True, callback=argument_text, help="Why, for those who read the list.")
@click.pass_obj
def add(options: RunOptions, table: str, key: str, column: str, reason: str) -> None:
    """Leave the row KEY of TABLE out of everything that is computed, from the next run on."""
    from marketflows_pipeline.warehouse import quarantine as stored

    _refuse_unknown(table, column)
    with _alone(options, table) as warehouse:
        row = _row_key(warehouse, table, key)
        if not stored.has_row(warehouse, table, row):
            raise UserInputError(f"{table} has no row {row}{_hint(warehouse, table, row)}")
        words = " ".join(reason.split())
        is_new = stored.quarantine_by_hand(warehouse, table, row, column, reason=words, at=SystemClock().now())
    if not is_new:
        see = options.command_line("quarantine list")
        raise UserInputError(f"{table} {row}{_for(column)} is left out already; see `{see}`")
    say(f"{table} {row} is left out from the next run on{_if_tutorial(options)}")


@quarantine.command("release", short_help="Let a row count again.")
@_table
@_key
@click.option("--column", default=None, help="Release it for this column only; otherwise for all of them.")
@click.pass_obj
def release(options: RunOptions, table: str, key: str, column: str | None) -> None:
    """Let the row KEY of TABLE count again, from the next run on; no rule leaves it out again for the same column."""
    from marketflows_pipeline.warehouse import quarantine as stored

    _refuse_unknown(table, column or "")
    with _alone(options, table) as warehouse:
        row = _row_key(warehouse, table, key)
        active = stored.active_columns(warehouse, table, row)
        chosen = [name for name in active if column in {None, name}]
        if not chosen:
            others = f" but for {', '.join(filter(None, active)) or 'the row as a whole'}" if active else ""
            raise UserInputError(f"{table} {row}{_for(column or '')} is not left out{others}")
        stored.release_by_hand(warehouse, table, row, chosen, at=SystemClock().now())
        left = [name for name in active if name not in chosen]
    if left:
        still = ", ".join(name or "the row as a whole" for name in left)
        say(f"{table} {row}{_for(column or '')} is released, and still left out for {still}")
    else:
        say(f"{table} {row} counts again from the next run on{_if_tutorial(options)}")


@contextlib.contextmanager
def _alone(options: RunOptions, table: str) -> Iterator[Warehouse]:
    """The private file, while no run is going on, or none of the table's part where parts are locked one by one.

    Raises:
        RunLockedError: if a run goes on for longer than a minute; it names the run.
    """
    from marketflows_pipeline.system.run_lock import LOCK_WAIT_S  # loads filelock
    from marketflows_pipeline.warehouse.store import Warehouse

    store, lock = _store_and_lock(options, table)
    if not store.exists():
        raise nothing_at(store.path, options)
    with lock.acquire(command=_typed(), wait_s=LOCK_WAIT_S), Warehouse(store, create=False) as warehouse:
        yield warehouse


def _store_and_lock(options: RunOptions, table: str) -> tuple[Store, Lock]:
    """What holds the table, and what keeps a run out that writes it; keys are read for a lake alone."""
    from marketflows_pipeline.coordination.run_locks import lock_of
    from marketflows_pipeline.schema import TABLES
    from marketflows_pipeline.settings import load_config, load_settings
    from marketflows_pipeline.system.run_lock import RunLock, lock_path
    from marketflows_pipeline.warehouse.stores.chosen import store_of
    from marketflows_pipeline.warehouse.stores.file import FileStore

    on_wait = functools.partial(say, is_error=True)
    if options.tutorial or load_config(options.config, options.provider).warehouse.lake is None:
        private = _private_path(options)
        return FileStore(private), RunLock(lock_path(private), on_wait=on_wait)
    settings = load_settings(options.config, options.secrets, os.environ, needs_key=False, provider=options.provider)
    return store_of(settings), lock_of(settings, [TABLES[table].part], on_wait=on_wait)


def _private_path(options: RunOptions) -> Path:
    if options.tutorial:
        return Path.cwd() / TUTORIAL_PRIVATE
    from marketflows_pipeline.settings import load_config

    return load_config(options.config, options.provider).warehouse.path


def _typed() -> str:
    return shlex.join(sys.argv)


def _refuse_unknown(table: str, column: str) -> None:
    from marketflows_pipeline.schema import TABLES
    from marketflows_pipeline.transforms.plausibility import BOUNDS

    if table not in BOUNDS:
        near = _near(table, [*BOUNDS])
        raise UserInputError(f"TABLE {table!r}: expected a raw table with measured values or times{near}")
    if column and column not in TABLES[table].column_names:
        near = _near(column, TABLES[table].column_names)
        raise UserInputError(f"--column {column!r}: expected a column of {table}{near}")


def _row_key(warehouse: Warehouse, table: str, text: str) -> str:
    from marketflows_pipeline.schema import TABLES
    from marketflows_pipeline.warehouse.quarantine import canonical_key, example_key

    key = canonical_key(warehouse, table, text)
    if key is None:
        expected = f"expected {','.join(TABLES[table].key)} as one CSV record, times in UTC"
        raise UserInputError(f"KEY {text!r}: {expected}, such as {example_key(warehouse, table)}")
    return key


def _hint(warehouse: Warehouse, table: str, key: str) -> str:
    """The nearest rows of the same id, or ids that are spelled alike."""
    from marketflows_pipeline.warehouse.quarantine import ids_of, nearest_keys

    near = nearest_keys(warehouse, table, key)
    if near:
        return f"; the nearest: {' '.join(map(shlex.quote, near))}"
    known = ids_of(warehouse, table)
    return next(filter(None, (_near(part, known) for part in key.split(","))), "")


def _near(wanted: str, known: tuple[str, ...] | list[str]) -> str:
    return did_you_mean(near_matches(wanted, known, limit=3))


def _for(column: str) -> str:
    return f" for {column}" if column else ""


def _if_tutorial(options: RunOptions) -> str:
    if not options.tutorial:
        return ""
    return "; but the tutorial begins anew with each run, which forgets it"
