"""The brief as the page shows it: what was unusual in the last day, and in the four weeks before that."""

from __future__ import annotations

from datetime import timedelta

from marketflows_pipeline.report.brief.brief import Brief, brief_of, events_of
from marketflows_pipeline.report.brief.choosing import MOST_STATEMENTS, choose
from marketflows_pipeline.report.brief.statement import Statement
from marketflows_pipeline.report.published import PublishedFile

TOLD_OF = timedelta(hours=24)
EARLIER = timedelta(days=28)


def told_brief(file: PublishedFile) -> Brief:
    """The brief of the day up to the file's present."""
    return brief_of(file, file.now - TOLD_OF)


def told_earlier(file: PublishedFile, brief: Brief | None) -> tuple[Statement, ...]:
    """What was unusual in the four weeks before, as far as the brief of the day leaves room for it."""
    told = brief.statements if brief else ()
    subjects = {each.subject for each in told}
    weeks = choose(events_of(file), file.now - EARLIER, file.now)
    return tuple(each for each in weeks if each.subject not in subjects)[: MOST_STATEMENTS - len(told)]
