"""The brief as text for a terminal, as JSON for programs, and as Markdown to paste into a chat."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict

import click

from marketflows_pipeline.charts.style.wording import moment
from marketflows_pipeline.cli.reports.report import plain
from marketflows_pipeline.report.brief.brief import MADE_UP, Brief, as_of_words
from marketflows_pipeline.report.brief.statement import Correction, Statement
from marketflows_pipeline.system.markdown import plain_markdown
from marketflows_pipeline.system.printable import escaped_in_json, visible

_WIDTH, _LEAST_WIDTH = 110, 40
STALE = "STALE: figures of a part are older than they should be."


def as_text(brief: Brief, notes: Sequence[str] = ()) -> str:
    """The brief for a person at a terminal; what belongs to a sentence stands below it, dimmed where colours are."""
    page = max(_LEAST_WIDTH, min(shutil.get_terminal_size().columns, _WIDTH)) if _is_terminal() else _WIDTH
    lines = [*_filled(brief.headline, page), *_filled(f"As of: {as_of_words(brief)}", page)]
    lines += [line for mark in _marks(brief) for line in _filled(mark, page)]
    for place, statement in enumerate(brief.statements, start=1):
        lines += ["", *_filled(statement.text, page, f"{place:>2}. ")]
        lines += map(_dimmed, _filled(_details(statement), page, "    "))
    if brief.corrections:
        lines += ["", "Corrections of earlier sentences:"]
        lines += [line for each in brief.corrections for line in _filled(_corrected(each), page, "  * ")]
    lines += ["", *(line for note in _not_told(brief, notes) for line in _filled(note, page, "* "))]
    return "\n".join(lines) + "\n"


def as_markdown(brief: Brief, notes: Sequence[str] = ()) -> str:
    """The brief to be pasted into a chat or an issue; no name in it becomes a link, a picture or markup."""
    lines = [f"**{_markdown(brief.headline)}**", "", f"As of: {_markdown(as_of_words(brief))}"]
    lines += [line for mark in _marks(brief) for line in ("", f"**{_markdown(mark)}**")]
    for place, statement in enumerate(brief.statements, start=1):
        lines += ["", f"{place}. {_markdown(statement.text)}  "]
        lines += [f"   *{_markdown(_details(statement))}*"]
    if brief.corrections:
        lines += ["", "**Corrections of earlier sentences**", ""]
        lines += [f"- {_markdown(_corrected(each))}" for each in brief.corrections]
    lines += ["", *(f"- {_markdown(note)}" for note in _not_told(brief, notes))]
    return "\n".join(lines) + "\n"


def as_json(brief: Brief, notes: Sequence[str] = ()) -> str:
    """The brief for programs: every sentence with its exact figures and the query that gives them again."""
    body = {
        "timestamp": brief.now,
        "since": brief.since,
        "stale": brief.is_stale,
        "synthetic": brief.is_tutorial,
        "headline": brief.headline,
        "as_of": {part: {"as_of": age.as_of, "is_stale": age.is_stale} for part, age in brief.as_of.items()},
        "statements": list(map(asdict, brief.statements)),
        "corrections": list(map(asdict, brief.corrections)),
        "not_covered": brief.not_covered,
        "notes": notes,
    }
    text = json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False, default=plain)
    # Queries have to stay as they are, so what cannot be shown is spelt out, and reads back as the same.
    return escaped_in_json(text) + "\n"


# A colon before a blank or between digits, and a plus before a number, are never markup.
_NEEDLESS = re.compile(r"\\(:(?= )|(?<=\d\\):(?=\d)|\+(?=[\d$]))")

FORMS: Mapping[str, Callable[[Brief, Sequence[str]], str]] = {
    "text": as_text,
    "json": as_json,
    "markdown": as_markdown,
}


def _marks(brief: Brief) -> Iterator[str]:
    """What nobody may overlook."""
    if brief.is_tutorial:
        yield MADE_UP
    if brief.is_stale:
        yield STALE


def _details(statement: Statement) -> str:
    """How unusual a statement is, what it is not, and as of when."""
    how = f"{statement.severity.capitalize()}: {statement.how_unusual or 'it never was before'}."
    return f"{how} {statement.caveat} As of {moment(statement.as_of)}."


def _markdown(text: str) -> str:
    """Text as Markdown that shows just that text, without escapes that do nothing but disturb where none are read."""
    return _NEEDLESS.sub(r"\1", plain_markdown(visible(text)))


def _corrected(correction: Correction) -> str:
    told, found = moment(correction.told_at), moment(correction.corrected_at)
    return f"\u201c{correction.text}\u201d, told {told}. Found {found}: {correction.now}."


def _not_told(brief: Brief, notes: Sequence[str]) -> Iterator[str]:
    """What the brief says nothing about, and what its user should know of it."""
    yield f"Not covered: {'; '.join(brief.not_covered)}."
    yield from (f"{note[:1].upper()}{note[1:]}." for note in notes)


def _filled(text: str, page: int, mark: str = "") -> list[str]:
    """Text as lines of the page, the first after a mark and the others below its text."""
    below = "".ljust(len(mark))
    lines = textwrap.wrap(visible(text), page, initial_indent=mark, subsequent_indent=below, break_on_hyphens=False)
    return lines or [mark]


def _dimmed(line: str) -> str:
    return click.style(line, dim=True) if _is_terminal() and "NO_COLOR" not in os.environ else line


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()
