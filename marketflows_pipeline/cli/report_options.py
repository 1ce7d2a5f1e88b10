"""What all commands that answer share: the format, whether to fetch first, and how an answer is printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from marketflows_pipeline.cli.text import say, standard_output
from marketflows_pipeline.options import TUTORIAL_PUBLISHED, RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.cli.reports.published_data import PublishedData, ReportContext
    from marketflows_pipeline.cli.reports.report import AnswerFormat, Report

TUTORIAL_CONFIG = Path(__file__).parents[1] / "tutorial" / "config.toml"

format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["json", "table", "csv"]),
    default="json",
    show_default=True,
    help="How the answer is written to standard output.",
)
refresh_option = click.option(
    "--refresh", is_flag=True, help="Fetch and publish now, instead of answering from what is published."
)


def print_answer(setting: ReportContext, build: Callable[[PublishedData], Report], output_format: AnswerFormat) -> None:
    """Print the answer; warnings go to standard error, and a fault leaves standard output empty."""
    from marketflows_pipeline.cli.reports.published_data import open_source  # noqa: PLC0415
    from marketflows_pipeline.cli.reports.report import text_of  # noqa: PLC0415 (--help need not wait for DuckDB)

    with open_source(setting) as source:
        answer = build(source)
    text = "".join(text_of(answer, output_format))
    out = standard_output()
    if output_format == "csv" and answer.body["stale"]:
        say("note: these figures are stale; --format json says of when they are", is_error=True)
    for warning in answer.warnings:
        say(f"warning: {warning}", is_error=True)
    out.write(text.encode())


def how_to_fetch(options: RunOptions, line: str, *, table: str, is_on: bool, verb: str = "fetch it") -> str:
    """What to do where there is no data yet, in words.

    Args:
        options: of the run.
        line: the whole command that brings it.
        table: of the settings that the part needs.
        is_on: whether that table is there.
        verb: what the command does.
    """
    if options.tutorial and not TUTORIAL_PUBLISHED.exists():
        return f"run the tutorial first: {options.command_line()}"
    if is_on:
        return f"{verb}: {line}"
    return f"{options.config} has no table [{table}]: add it, then {verb}: {line}"
