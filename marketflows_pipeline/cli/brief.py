"""`marketflows brief`: what changed, how unusual it is, and what it is not; what was told is remembered."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import click

from marketflows_pipeline.cli.report_command import answering_file, format_option_of
from marketflows_pipeline.cli.text import argument_text, say, standard_output
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import MarketflowsError, UnsafeFileError, UserInputError
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.system.safe_files import private_folder, read_plain, write_whole
from marketflows_pipeline.system.state_folder import state_folder

LAST = "last"
USUAL = timedelta(hours=24)
_BACK = re.compile(r"(?P<number>[1-9][0-9]{0,4})(?P<unit>[hd])")
# Before any market; the windows before a moment of the year 1 have no dates.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_EXPECTED = "expected hours such as 24h, days such as 7d, a day such as 2026-11-20, or last"
_MOST_BYTES = 1_000_000
_INSTEAD = "this one goes back 24 hours"


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


@dataclass(frozen=True)
class LastBrief:
    """What the last brief of a published file told.

    Attributes:
        told_up_to: when the events that it chose from were published, aware.
        event_ids: of those found about then, told or not.
    """

    told_up_to: datetime
    event_ids: frozenset[str]


def recalled(published: Path) -> tuple[LastBrief | None, tuple[str, ...]]:
    """What the last brief of a published file told; where that is not known, None and why, in a line."""
    try:
        path = _place(published)
        return _read(path), ()
    except FileNotFoundError:
        return None, (f"no earlier brief of {published} is remembered: {_INSTEAD}",)
    except OSError as error:
        reason = f"{error.filename or 'the state folder'}: {error.strerror or error}"
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        reason = f"{path} does not hold it; remove that file"
    return None, (f"what the last brief told cannot be read ({reason}): {_INSTEAD}",)


def remembered(published: Path, last: LastBrief) -> str | None:
    """Keep what a brief told, in place of what the one before did; in a line what keeps that from being done."""
    kept = {
        "published": str(published.absolute()).encode(errors="replace").decode(),
        "told_up_to": last.told_up_to.astimezone(UTC).isoformat(),
        "event_ids": sorted(last.event_ids),
    }
    try:
        path = _place(published)
        for folder in (path.parents[1], path.parent):
            private_folder(folder)
        write_whole(path, json.dumps(kept, indent=1).encode(), private=True)
    except (OSError, UnsafeFileError) as error:
        return f"`--since last` will not know of this brief: {error}"
    return None


def _read(path: Path) -> LastBrief:
    found = json.loads(read_plain(path, most=_MOST_BYTES))
    told_up_to, event_ids = datetime.fromisoformat(found["told_up_to"]), found["event_ids"]
    if (
        told_up_to.tzinfo is None
        or not isinstance(event_ids, list)
        or not all(isinstance(each, str) for each in event_ids)
    ):
        raise ValueError("no moment, or no list of ids")
    return LastBrief(told_up_to.astimezone(UTC), frozenset(event_ids))


def _place(published: Path) -> Path:
    """The file about this published path; the link counts, not the version that it leads to today."""
    name = hashlib.sha256(str(published.absolute()).encode(errors="surrogateescape")).hexdigest()[:16]
    return state_folder("briefs") / f"{name}.json"
