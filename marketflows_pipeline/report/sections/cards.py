"""What the cards of all sections share: rows of a query, findings, captions, and what is left out."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.wording import counted, day_text, moment, names_text, percent_text, value_text
from marketflows_pipeline.report.credits import credit
from marketflows_pipeline.report.model import Card, Section
from marketflows_pipeline.report.published import PublishedFile, with_texts
from marketflows_pipeline.system.printable import presentable

# Long enough for the evidence of a check.
TEXT_LENGTH = 300
UNUSUAL_Z = 2.0
NOT_KNOWN = "none of the figures is known"
OF_RECORDS = "From the records of this file's own runs"
_OF_GRID = """
select 100 * avg((fill = 'interpolated')::int) as interpolated_pct,
       100 * avg((fill in ('before_first', 'after_last'))::int) as held_pct,
       count(*) filter (where fill = 'after_last' and ts = newest) as n_stale
from core.market_cap_grid, (select max(ts) as newest from core.market_cap_grid)
"""
_WORTH_SAYING_PCT = 0.05
PRICE_NOT_INFLOW = "a change of market cap is mostly price, not money that came in"
_NAMED = 3

Figures = Mapping[str, float | None]


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


def source_of(file: PublishedFile) -> str:
    """The credit; in the tutorial that its figures are made up."""
    return credit(file, file.market_credit)


def held_words(file: PublishedFile) -> tuple[str, ...]:
    """What of all coins' values on the grid is held flat or interpolated; nothing where all are observed."""
    if not file.has("core.market_cap_grid"):
        return ()
    row = file.frame(_OF_GRID).row(0, named=True)
    shares = [
        f"{value_text(row[name], 1, signed=False)} % {words}"
        for name, words in (("held_pct", "held flat"), ("interpolated_pct", "interpolated"))
        if row[name] is not None and row[name] >= _WORTH_SAYING_PCT
    ]
    of_all = (f"of all coins' values {' and '.join(shares)}",) if shares else ()
    stale = f"{counted(row['n_stale'], 'coin')} held at an older value at the newest time"
    return (*of_all, *((stale,) if row["n_stale"] else ()))


def known(figures: Figures) -> dict[str, float]:
    """The figures that are numbers, in the order they came in."""
    return {label: value for label, value in figures.items() if value is not None and math.isfinite(value)}


def change_finding(figures: Figures, span: str, *, noun: str = "series") -> str:
    """Which series gained most over a span, and which least: "Layer 1 fell least since 4 Mar 2025, −12.0%; ...".

    Args:
        figures: percent by label; nulls are left out.
        span: such as ``over 28 days in US dollars``.
        noun: what the series are called, in the plural.
    """
    ranked = sorted(known(figures).items(), key=lambda each: -each[1])
    if not ranked:
        return f"No change of {noun} is known {span}"
    if len(ranked) == 1:
        label, value = ranked[0]
        return f"{label} {_moved(value)} {span}"
    first, last = percent_text(ranked[0][1]), percent_text(ranked[-1][1])
    leaders = [label for label, value in ranked if percent_text(value) == first]
    if first == last:
        return f"All {len(ranked)} {noun} stand alike {span}: {first}"
    others = f"; {ranked[-1][0]} {_least(last)}"
    if sum(percent_text(value) == last for _, value in ranked) > 1:
        others = f"; the last stand at {last}"
    each = " each" if len(leaders) > 1 else ""
    return f"{listed(leaders)} {_most(first)} {span}, {first}{each}{others}"


def _most(figure: str) -> str:
    """What the highest of several did, by its figure as it is shown."""
    return "did not move" if figure[0].isdigit() else "gained most" if figure[0] == "+" else "fell least"


def _least(figure: str) -> str:
    """What the lowest of several did, with its figure."""
    return "did not move" if figure[0].isdigit() else f"{'rose least' if figure[0] == '+' else 'fell most'}, {figure}"


def extreme(figures: Figures) -> tuple[str, float] | None:
    """The label with the figure furthest from 0, and it; None where none is known or two share it."""
    ranked = sorted(known(figures).items(), key=lambda each: abs(each[1]), reverse=True)
    if not ranked or (len(ranked) > 1 and abs(ranked[0][1]) == abs(ranked[1][1])):
        return None
    return ranked[0]


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """Names as a sentence has them: "A", "A and B", "A, B and C", "A, B, C and 2 more"."""
    if len(names) > most:
        return names_text(names, most)
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1] if names else "")))


def described(title: str, subtitle: str, figures: Iterable[tuple[str, str]], most: int = 12) -> str:
    """A chart in words, for those who do not see it: what it finds, what it shows, and the newest figures."""
    rows = list(figures)
    more = f"; and {len(rows) - most} more in the table" if len(rows) > most else ""
    newest = "; ".join(f"{label} {figure}" for label, figure in rows[:most])
    return f"{title}. {subtitle}. {f'Newest: {newest}{more}.' if rows else ''}".strip()


def _moved(value: float) -> str:
    shown = percent_text(value)
    if shown[0].isdigit():
        return "did not move"
    return f"{'gained' if value > 0 else 'lost'} {shown[1:]}"
