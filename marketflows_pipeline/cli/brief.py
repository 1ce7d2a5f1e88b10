"""`marketflows brief`: what changed, how unusual it is, and what it is not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

import click

from marketflows_pipeline.cli.report_command import answering_file, format_option_of
from marketflows_pipeline.cli.text import argument_text, say, standard_output
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.options import RunOptions

LAST = "last"
USUAL = timedelta(hours=24)
_BACK = re.compile(r"(?P<number>[1-9][0-9]{0,4})(?P<unit>[hd])")
# Before any market; the windows before a moment of the year 1 have no dates.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_EXPECTED = "expected hours such as 24h, days such as 7d, a day such as 2026-11-20, or last"


@click.command("brief", short_help="What was unusual since a moment, in at most ten sentences.")
@click.option(
    "--since",
    default="24h",
    show_default=True,
    callback=argument_text,
    metavar="24h|7d|2026-11-20|last",
    help="From when on: hours or days back, the beginning of a UTC day, or what the last brief told.",
)
@format_option_of("text", "json", "markdown", more="; json has figures and queries too")
@click.pass_obj
def brief(options: RunOptions, since: str, output_format: Literal["text", "json", "markdown"]) -> None:
    """What was unusual against its own past, the most unusual first, one sentence a subject.

    Each sentence has its figure, what it is compared with, as of when it is, and what it is not. Sentences that turned
    out otherwise are listed as corrections. Where nothing is unusual, that is said.
    """
    asked_at = SystemClock().now()
    start = None if since == LAST else start_of(since, asked_at)
    path = answering_file(options)
    # Imported here, because --help need not wait for DuckDB.
    from marketflows_pipeline.cli.last_brief import LastBrief, recalled, remembered
    from marketflows_pipeline.cli.reports.brief import FORMS
    from marketflows_pipeline.report.brief.brief import NO_EVENTS, brief_of
    from marketflows_pipeline.report.published import open_published_file

    last, warnings = recalled(path) if start is None else (None, ())
    with open_published_file(path, is_tutorial=options.tutorial, now=asked_at) as file:
        if last is not None:
            told = brief_of(file, last.told_up_to, last.event_ids)
        else:
            told = brief_of(file, start if isinstance(start, datetime) else file.now - (start or USUAL))
    if told.told_up_to is None:
        raise MarketflowsError(f"{path}: {NO_EVENTS} {options.command_line()}")
    out = standard_output()
    text = FORMS[output_format](told, warnings)
    for warning in warnings:
        say(f"warning: {warning}", is_error=True)
    out.write(text.encode())
    out.flush()
    if fault := remembered(path, LastBrief(told.told_up_to, told.event_ids)):
        say(f"warning: {fault}", is_error=True)


def start_of(since: str, now: datetime) -> datetime | timedelta:
    """The moment, or the time back from the present, that ``--since`` names.

    Raises:
        UserInputError: if it names none, one to come, or one before any market.
    """
    if found := _BACK.fullmatch(since):
        number = int(found["number"])
        return timedelta(hours=number) if found["unit"] == "h" else timedelta(days=number)
    try:
        moment = datetime.fromisoformat(since)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UserInputError(f"--since {since!r}: {_EXPECTED}") from error
    if moment < _EARLIEST:
        raise UserInputError(f"--since {since!r} is before {_EARLIEST:%Y-%m-%d}: {_EXPECTED}")
    if moment > now:
        raise UserInputError(f"--since {since!r} is still to come: {_EXPECTED}")
    return moment
