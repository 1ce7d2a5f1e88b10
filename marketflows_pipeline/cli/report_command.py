"""What all commands that print a report share: format, refresh, the settings that are followed, and the printing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from marketflows_pipeline.cli.report_context import ReportContext, ReportPart
from marketflows_pipeline.cli.text import say, standard_output
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.options import TUTORIAL_PUBLISHED, WEEKLY_TRAININGS, RunOptions, Training

if TYPE_CHECKING:
    from marketflows_pipeline.cli.reports.published_data import PublishedData
    from marketflows_pipeline.cli.reports.report import Report, ReportFormat
    from marketflows_pipeline.schema import Part
    from marketflows_pipeline.settings import ConfigFile

Build: TypeAlias = "Callable[[PublishedData], Report]"
Run: TypeAlias = Callable[[RunOptions], int]
F = TypeVar("F", bound=Callable[..., Any])

TUTORIAL_CONFIG = Path(__file__).parents[1] / "tutorial" / "config.toml"
MAX_DAYS = 36_500
ROWS = click.IntRange(1, 1_000_000)


def format_option_of(*formats: str, answer: str = "answer", more: str = "") -> Callable[[F], F]:
    """The option --format; the first of the formats is the usual one."""
    words = f"How the {answer} is written to standard output{more}."
    return choice_option(formats, "--format", "output_format", words=words)


def choice_option(choices: Sequence[str], *names: str, words: str) -> Callable[[F], F]:
    """An option that takes one of some words; the first of these is the usual one."""
    return click.option(*names, type=click.Choice(choices), default=choices[0], show_default=True, help=words)


def days_option(
    usual: int, words: str = "How many sessions, back from the newest.", most: int = MAX_DAYS
) -> Callable[[F], F]:
    """The option --days."""
    return click.option("--days", type=click.IntRange(1, most), default=usual, show_default=True, help=words)


format_option = format_option_of("json", "table", "csv")
table_or_json_option = format_option_of("table", "json")
refresh_option = click.option(
    "--refresh", is_flag=True, help="Fetch and publish now, instead of answering from what is published."
)


def run_of(
    part: Part, job_name: str, *, asks_again: bool = False, trainings: tuple[Training, ...] = WEEKLY_TRAININGS
) -> Run:
    """A run of a job for a command that answers after it.

    Args:
        part: what the settings must have.
        job_name: of the job, as Dagster knows it.
        asks_again: as of `RunOptions`.
        trainings: as of `RunOptions`.
    """

    def run(options: RunOptions) -> int:
        from marketflows_pipeline.cli.run import refresh  # Dagster takes over a second to import

        return refresh(part, job_name, replace(options, asks_again=asks_again, trainings=trainings))

    return run


def prints_report(
    part: ReportPart, command: str | Callable[..., str] = "", *, verb: str = "fetch it", refresh_by: Run | None = None
) -> Callable[[Callable[..., Build]], Callable[..., None]]:
    """Make a command of a function that takes the command's own arguments and returns what builds the report.

    Args:
        part: what the report is about.
        command: as of `print_report`; ``{name}`` stands for an argument of the command, or it is made of them.
        verb: as of `print_report`.
        refresh_by: the run that --refresh means; None for a command without this option.
    """

    def decorate(build_of: Callable[..., Build]) -> Callable[..., None]:
        @click.pass_obj
        @functools.wraps(build_of)
        def command_of(
            options: RunOptions, /, *, output_format: ReportFormat, refresh: bool = False, **asked: object
        ) -> None:
            build, run_first = build_of(**asked), refresh_by if refresh else None
            how = command.format(**asked) if isinstance(command, str) else command(**asked)
            print_report(options, part, build, output_format, how, verb=verb, run_first=run_first)

        return format_option(command_of if refresh_by is None else refresh_option(command_of))

    return decorate


def print_report(
    options: RunOptions,
    part: ReportPart,
    build: Build,
    output_format: ReportFormat,
    command: str,
    *,
    verb: str = "fetch it",
    run_first: Run | None = None,
) -> None:
    """Print a report; warnings go to standard error, and an error leaves standard output empty.

    Args:
        options: files and mode.
        part: what the report is about.
        build: makes the report from the published file.
        output_format: json, table or csv.
        command: the subcommand that brings the data where there is none.
        verb: what that command does.
        run_first: the run that the user asked for, which gives its exit code; None to report what is published.
    """
    if run_first is not None:
        context_of(options, part, command, verb)  # a run would be for nothing where no file can answer
        if exit_code := run_first(options):
            raise click.exceptions.Exit(exit_code)
    # Imported here, because --help need not wait for DuckDB and pydantic.
    from marketflows_pipeline.cli.reports.published_data import open_published_data

    with open_published_data(context_of(options, part, command, verb)) as data:
        report = build(data)
    write_report(report, output_format, about=part.about)


def write_report(report: Report, output_format: ReportFormat, *, about: str) -> None:
    """Write a report to standard output, and its warnings to standard error."""
    from marketflows_pipeline.cli.reports.report import text_of

    text = "".join(text_of(report, output_format, about=about))
    out = standard_output()
    if output_format == "csv" and report.body["stale"]:
        say("note: these figures are stale; --format json says of when they are", is_error=True)
    for warning in report.warnings:
        say(f"warning: {warning}", is_error=True)
    out.write(text.encode())


def nothing_at(path: Path, options: RunOptions) -> MarketflowsError:
    """The fault of a database file that no run has made yet, with the run that makes it."""
    return MarketflowsError(f"there is nothing at {path} yet; run `{options.command_line()}` first")


def answering_file(options: RunOptions) -> Path:
    """The file of `published_path`.

    Raises:
        MarketflowsError: if no run has made it yet.
    """
    path = published_path(options)
    if not path.exists():
        raise nothing_at(path, options)
    return path


def published_path(options: RunOptions) -> Path:
    """The file that answers: the tutorial's, or the one that config.toml names."""
    if options.tutorial:
        return Path.cwd() / TUTORIAL_PUBLISHED
    from marketflows_pipeline.settings import load_config

    return published_file(load_config(options.config, options.provider))


def published_file(config: ConfigFile) -> Path:
    """The file that answers, whether or not it is there yet.

    Raises:
        UserInputError: if the settings say that none is written; one from before would be out of date.
    """
    if not config.warehouse.has_file:
        raise UserInputError(
            "export = false under [warehouse.ducklake]: expected true, since this command answers from the published "
            'file; SQL asks the lake itself: marketflows sql --snapshot latest "..."'
        )
    return config.warehouse.published_path


def context_of(options: RunOptions, part: ReportPart, command: str, verb: str) -> ReportContext:
    """What options, settings and clock say about a report; arguments as of `print_report`."""
    from marketflows_pipeline.settings import load_config

    config = load_config(TUTORIAL_CONFIG) if options.tutorial else load_config(options.config, options.provider)
    how_to_fetch = f"{verb}: {options.command_line(command)}"
    if options.tutorial and not TUTORIAL_PUBLISHED.exists():
        how_to_fetch = f"run the tutorial first: {options.command_line()}"
    elif part.table is not None and getattr(config, part.table) is None:
        how_to_fetch = f"{options.config} has no table [{part.table}]: add it, then {how_to_fetch}"
    return ReportContext(
        part=part,
        path=Path.cwd() / TUTORIAL_PUBLISHED if options.tutorial else published_file(config),
        now=SystemClock().now(),
        config=config,
        is_tutorial=options.tutorial,
        how_to_fetch=how_to_fetch,
    )
