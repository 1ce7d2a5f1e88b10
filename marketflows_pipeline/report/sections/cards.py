"""What the cards of all sections share: rows of a query, captions, and what is left out where a table is missing."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.wording import counted, day_text, moment
from marketflows_pipeline.report.model import Card, Section
from marketflows_pipeline.report.published import PublishedFile, with_texts
from marketflows_pipeline.report.sections.words import listed
from marketflows_pipeline.system.printable import presentable

# Long enough for the evidence of a check.
TEXT_LENGTH = 300
UNUSUAL_Z = 2.0
NOT_KNOWN = "none of the figures is known"
OF_RECORDS = "From the records of this file's own runs"


@dataclass(frozen=True)
class Wanted:
    """A card that a section would have.

    Attributes:
        what: it shows, in the plural, for the note that says why it is not there.
        tables: that it needs rows of.
        make: makes it; None where nothing in the rows is known.
        nothing: said where the tables are there and hold nothing to show.
        is_optional: whether the settings need not have it, so that nobody misses it where a table has no rows.
    """

    what: str
    tables: tuple[str, ...]
    make: Callable[[PublishedFile], Card | None]
    nothing: str = NOT_KNOWN
    is_optional: bool = False


def section_of(file: PublishedFile, key: str, title: str, wanted: Sequence[Wanted]) -> Section:
    """The cards that can be made, and a note for each of the others."""
    cards, notes = [], []
    for each in wanted:
        has_rows = all(file.has(table) for table in each.tables)
        if each.is_optional and not has_rows:
            continue
        absent = [table for table in each.tables if not file.publish_row(table)]
        card = each.make(file) if has_rows else None
        if card is not None:
            cards.append(card)
        elif absent:
            notes.append(note(each.what, f"{joined(absent)} {'is' if len(absent) == 1 else 'are'} not published"))
        else:
            notes.append(note(each.what, each.nothing))
    return Section(key, title, tuple(cards), tuple(notes))


def section_of_cards(key: str, title: str, cards: Mapping[str, Card | None]) -> Section:
    """The cards that there are, and a note for each of which no figure is known.

    Args:
        key: of the section.
        title: its heading.
        cards: in reading order, by what each shows; None where there is nothing to show.
    """
    notes = tuple(note(what, NOT_KNOWN) for what, card in cards.items() if card is None)
    return Section(key, title, tuple(card for card in cards.values() if card is not None), notes)


def note(what: str, why: str) -> str:
    """Why a section has no card of something."""
    return f"{what[0].upper()}{what[1:]}: {why}."


def select(sql: str) -> str:
    """A select without the indentation that it has in the source; people copy it, so that every value stands in it."""
    return textwrap.dedent(sql).strip()


def rows(file: PublishedFile, sql: str) -> pl.DataFrame:
    """All rows of a select, with texts in one line of at most 300 characters."""
    frame = file.frame(sql)
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return with_texts(frame, texts, lambda text: presentable(text, TEXT_LENGTH))


def caption(credit: str, as_of: datetime | date | None, *caveats: str) -> str:
    """Source, as-of and caveats, each a sentence.

    Args:
        credit: where the figures are from.
        as_of: a moment, or the day of a session; None where the file does not say.
        caveats: what the figures are not.
    """
    if isinstance(as_of, datetime):
        when = f"As of {moment(as_of)}"
    elif as_of is not None:
        when = f"As of the session of {day_text(as_of)}"
    else:
        when = "As-of not known"
    return " ".join(f"{part[0].upper()}{part[1:].removesuffix('.')}." for part in (credit, when, *caveats) if part)


def newest_time(frame: pl.DataFrame, column: str) -> datetime | date | None:
    """The latest time or day in a column; None where none is known."""
    newest = frame[column].max()
    return newest if isinstance(newest, date) else None


def joined(names: Sequence[str]) -> str:
    """Names as a sentence has them: "A", "A and B", "A, B and C"."""
    return listed(names, len(names))


def most_both_ways(
    ordered: pl.DataFrame, name: str, flow: str, span: str, amount: Callable[[dict[str, Any]], str]
) -> list[str]:
    """Who took in most and who lost most, as far as anything moved that way.

    Args:
        ordered: the largest inflow first.
        name: column of who it is.
        flow: column of what moved.
        span: over which.
        amount: a row's flow in words.
    """
    highest, lowest = ordered.row(0, named=True), ordered.row(-1, named=True)
    parts = [f"{highest[name]} took in most {span}, {amount(highest)}"] if highest[flow] > 0 else []
    if lowest[flow] < 0:
        parts.append(f"{lowest[name]} lost most{'' if parts else f' {span}'}, {amount(lowest)}")
    return parts


def of_all(count: int, total: int, what: str) -> str:
    """A part of all: "none of 8 funds", "all 8 funds", "3 of 8 funds", "the only fund"."""
    if total == 1:
        return f"the only {what}" if count else f"not the only {what}"
    if count in {0, total}:
        return f"{'none of' if count == 0 else 'all'} {counted(total, what)}"
    return f"{count} of {counted(total, what)}"
