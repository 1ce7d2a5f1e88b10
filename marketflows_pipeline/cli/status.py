"""The command `status`: how each part stands, for people, cron and monitors."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from marketflows_pipeline.cli.report_command import context_of, table_or_json_option, write_report
from marketflows_pipeline.cli.report_context import PIPELINE
from marketflows_pipeline.cli.text import say
from marketflows_pipeline.errors import CoordinationError
from marketflows_pipeline.options import TUTORIAL_PRIVATE, RunOptions, parts_named

if TYPE_CHECKING:
    from datetime import datetime

    from marketflows_pipeline.system.run_lock import Lock


@click.command("status", short_help="How each part stands; exit code 1 where one is stale.")
@table_or_json_option
@click.pass_obj
def status(options: RunOptions, output_format: Literal["table", "json"]) -> None:
    """Each part's last run, age, failed warning checks and next run, with credits left and sizes of the files.

    From what is published, so a run that published nothing is not seen. The exit code is 1 where a part of the settings
    is stale or was never published, for cron and monitors; a part that is not in the settings never is.
    """
    # Imported here, because --help need not wait for DuckDB and pydantic.
    from marketflows_pipeline.cli.reports.published_data import open_published_data
    from marketflows_pipeline.cli.reports.status import status as report
    from marketflows_pipeline.settings import why_no_exchanges
    from marketflows_pipeline.system.run_lock import RunLock, lock_path

    context = context_of(options, PIPELINE, "", "run the pipeline")
    if not options.tutorial and (reason := why_no_exchanges(context.config, options.secrets, os.environ)):
        say(f"note: {reason}", is_error=True)
        # What no run fetches is not stale.
        context = replace(context, config=context.config.model_copy(update={"exchanges": None}))
    private = Path.cwd() / TUTORIAL_PRIVATE if options.tutorial else context.config.warehouse.path
    lock: Lock = RunLock(lock_path(private))
    spent = None
    if not options.tutorial and context.config.shared_database is not None:
        lock, spent = _shared(options, lock, context.now)
    with open_published_data(context) if context.path.exists() else nullcontext() as data:
        is_one_of_several = bool(parts_named(os.environ))
        answer = report(context, data, private, lock=lock, shared_spent=spent, is_one_of_several=is_one_of_several)
    write_report(answer, output_format, about=PIPELINE.about)
    if answer.body["stale"]:
        raise click.exceptions.Exit(1)


def _shared(options: RunOptions, lock: Lock, now: datetime) -> tuple[Lock, int | None]:
    """The lock and the month's credits of all hosts; what this one knows by itself where Postgres does not answer."""
    from marketflows_pipeline.coordination.credits import shared_count  # for several hosts
    from marketflows_pipeline.coordination.database import PATIENCE_OF_AN_ANSWER_S
    from marketflows_pipeline.coordination.run_locks import lock_of
    from marketflows_pipeline.settings import load_settings

    settings = load_settings(options.config, options.secrets, os.environ, needs_key=False, provider=options.provider)
    try:
        spent = shared_count(settings, settings.provider, now)
        return lock_of(settings, patience_s=PATIENCE_OF_AN_ANSWER_S), spent
    except CoordinationError as error:
        say(f"note: {error}; credits and runs are those that this host knows of", is_error=True)
        return lock, None
