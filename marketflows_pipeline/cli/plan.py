"""The command `plan`: what the settings will request, before any request."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import click

from marketflows_pipeline.cli.report_command import table_or_json_option, write_report
from marketflows_pipeline.cli.text import say
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import CoordinationError, MarketflowsError, RunLockedError, UserInputError
from marketflows_pipeline.options import RunOptions

if TYPE_CHECKING:
    from datetime import datetime

    from marketflows_pipeline.cli.reports.plan import Stored
    from marketflows_pipeline.settings import Settings


@click.command("plan", short_help="Calls, credits, minutes and disk of these settings.")
@table_or_json_option
@click.pass_obj
def plan(options: RunOptions, output_format: Literal["table", "json"]) -> None:
    """What the next run and a usual hour, day and month ask of each service, and whether the credits suffice.

    Nothing is requested, and no key is needed. What is stored already counts; what nobody knows before a run is assumed
    and said so.
    """
    # Imported here, because --help need not wait for polars, DuckDB and pydantic.
    from marketflows_pipeline.cli.reports.plan import Stored, plan_report, stored_facts
    from marketflows_pipeline.settings import load_settings
    from marketflows_pipeline.system.run_lock import RunLock, lock_path
    from marketflows_pipeline.warehouse.published import read_published

    if options.tutorial:
        raise click.UsageError("the tutorial asks no service for anything; ask without --tutorial.")
    settings = load_settings(options.config, options.secrets, os.environ, needs_key=False, provider=options.provider)
    now, files = SystemClock().now(), settings.warehouse
    stored = Stored()
    if files.path.exists():
        try:
            with (
                RunLock(lock_path(files.path)).acquire(command=shlex.join(sys.argv), wait_s=0),
                read_published(files.path) as reading,
            ):
                stored = stored_facts(reading, settings, now, "the private file", files.path)
        except RunLockedError:
            stored = Stored(source="the published file, since a run is going on")
        except UserInputError:
            raise
        except MarketflowsError:
            stored = Stored(source="the published file, since the private one could not be read")
    if stored.is_empty and files.has_file and files.published_path.exists():
        with read_published(files.published_path) as reading:
            stored = stored_facts(reading, settings, now, stored.source or "the published file", files.published_path)
    if settings.shared_database is not None and settings.source.makes_requests:
        stored = _counted_by_all(settings, stored, now)
    write_report(plan_report(settings, stored, now), output_format, about="market")


def _counted_by_all(settings: Settings, stored: Stored, now: datetime) -> Stored:
    """The same with the credits that all hosts have spent, where their database answers."""
    from marketflows_pipeline.coordination.credits import shared_count  # for several hosts

    try:
        spent = shared_count(settings, settings.provider, now)
    except CoordinationError as error:
        say(f"note: {error}; credits are those that this host knows of", is_error=True)
        return stored
    known = f"{stored.source}, and " if stored.source else ""
    return replace(stored, spent=spent, source=f"{known}the credits that all hosts have spent")
