"""The command `status`: how each part stands, for people, cron and monitors."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from marketflows_pipeline.cli.report_command import context_of, table_or_json_option
from marketflows_pipeline.cli.report_context import PIPELINE
from marketflows_pipeline.cli.text import say, standard_output
from marketflows_pipeline.options import TUTORIAL_PRIVATE, RunOptions


@click.command("status", short_help="How each part stands; exit code 1 where one is stale.")
@table_or_json_option
@click.pass_obj
def status(options: RunOptions, output_format: Literal["table", "json"]) -> None:
    """Each part's last run, age, failed warning checks and next run, with credits left and sizes of the files.

    From what is published, so a run that published nothing is not seen. The exit code is 1 where a part of the settings
    is stale or was never published, for cron and monitors; a part that is not in the settings never is.
    """
    # Imported here, because --help need not wait for DuckDB and pydantic.
    from marketflows_pipeline.cli.reports.published_data import open_published_data  # noqa: PLC0415
    from marketflows_pipeline.cli.reports.report import text_of  # noqa: PLC0415
    from marketflows_pipeline.cli.reports.status import status as report  # noqa: PLC0415
    from marketflows_pipeline.settings import why_no_exchanges  # noqa: PLC0415

    context = context_of(options, PIPELINE, "", "run the pipeline")
    if not options.tutorial and (reason := why_no_exchanges(context.config, options.secrets, os.environ)):
        say(f"note: {reason}", is_error=True)
        # What no run fetches is not stale.
        context = replace(context, config=context.config.model_copy(update={"exchanges": None}))
    private = Path.cwd() / TUTORIAL_PRIVATE if options.tutorial else context.config.warehouse.path
    if context.path.exists():
        with open_published_data(context) as data:
            answer = report(context, data, private)
    else:
        answer = report(context, None, private)
    text = "".join(text_of(answer, output_format, about=PIPELINE.about))
    standard_output().write(text.encode())
    if answer.body["stale"]:
        raise click.exceptions.Exit(1)
