"""The brief of a published file: what was unusual since a moment, what was corrected, and how far that reaches."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketflows_pipeline.charts.style.wording import counted, moment
from marketflows_pipeline.report.ages import PART_NAMES, PartAge, part_ages
from marketflows_pipeline.report.brief.choosing import LONGEST_RUN, MOST_STATEMENTS, candidates, choose, one_a_subject
from marketflows_pipeline.report.brief.corrections import corrections_since
from marketflows_pipeline.report.brief.statement import Correction, Statement
from marketflows_pipeline.report.brief.wording import Event
from marketflows_pipeline.report.published import PublishedFile

EVENTS_KEPT_FOR = timedelta(days=30)
EARLIER = timedelta(days=28)
# A figure over 24 hours is of the newest record of its day, which moves on until the day is over.
LATEST_RECORD = timedelta(days=1)
MADE_UP = "TUTORIAL: made-up figures, about no real coin, exchange or asset."
NO_EVENTS = "Nothing can be told: this file holds no events, which the next run computes."

# A file that somebody else made may hold other types than the registry's, and nulls.
_EVENTS = """
select event_id::varchar as event_id, kind::varchar as kind, coalesce(subject::varchar, '') as subject,
    coalesce(label::varchar, '') as label, part::varchar as part, as_of::timestamptz as as_of, value::double as value,
    coalesce(unit::varchar, '') as unit, reference::double as reference, z::double as z,
    percentile::double as percentile, first_seen_at::timestamptz as first_seen_at,
    coalesce(severity::varchar, '') as severity, evidence_sql::varchar as evidence_sql, was::varchar as was,
    became::varchar as became, n_past::integer as n_past, frequency_pct::double as frequency_pct,
    coverage_pct::double as coverage_pct, score::double as score
from mart.events
where isfinite(as_of::timestamptz) and isfinite(first_seen_at::timestamptz) and isfinite(score::double)
    and event_id is not null and kind is not null and part is not null and evidence_sql is not null
"""
_CORRECTED = """
select statement_id::varchar as statement_id, part::varchar as part, subject::varchar as subject,
    as_of::timestamptz as as_of, coalesce(text::varchar, '') as text, told_at::timestamptz as told_at,
    corrected_at::timestamptz as corrected_at, figures::varchar as figures,
    corrected_figures::varchar as corrected_figures, evidence::varchar as evidence
from meta.brief_statements
where corrected_at::timestamptz > $since and isfinite(corrected_at::timestamptz)
    and isfinite(as_of::timestamptz) and isfinite(told_at::timestamptz)
"""


@dataclass(frozen=True)
class Brief:
    """What is told since a moment.

    Attributes:
        headline: how much there is to tell, in one sentence; "Nothing unusual since ..." where there is nothing.
        since: the moment.
        now: the present; in the tutorial that of its publish.
        statements: at most ten, the most unusual first.
        corrections: of earlier sentences, the newest first.
        as_of: age of each part's figures.
        not_covered: what the brief says nothing about, and why.
        is_tutorial: whether the figures are made up.
        is_known: whether the file holds events at all.
        told_up_to: when its events were published; None where it holds none.
        event_ids: of those found about then, for whoever asks next what is new.
    """

    headline: str
    since: datetime
    now: datetime
    statements: tuple[Statement, ...]
    corrections: tuple[Correction, ...]
    as_of: Mapping[str, PartAge]
    not_covered: tuple[str, ...]
    is_tutorial: bool
    is_known: bool
    told_up_to: datetime | None
    event_ids: frozenset[str]

    @property
    def is_stale(self) -> bool:
        """Whether any part's figures are older than they should be."""
        return any(age.is_stale for age in self.as_of.values())


def brief_of(file: PublishedFile, since: datetime, known: Collection[str] | None = None) -> Brief:
    """The brief of an open published file.

    Args:
        file: the published file.
        since: up to when everything has been told; aware.
        known: ids of events that were told or passed over then; None where nobody is known to have looked.
    """
    ages = part_ages(file)
    published_at: datetime | None = file.publish_row("mart.events").get("published_at")
    events = events_of(file)
    statements = choose(events, since, file.now, known)
    n_all = len(one_a_subject(candidates(events, since, file.now, known)))
    is_kept = bool(file.publish_row("meta.brief_statements"))
    corrected = file.rows(_CORRECTED, {"since": since}) if is_kept else []
    return Brief(
        headline=_headline(len(statements), n_all, since) if published_at else NO_EVENTS,
        since=since,
        now=file.now,
        statements=statements,
        corrections=corrections_since(corrected, since),
        as_of=ages,
        not_covered=_not_covered(ages, file.now - since),
        is_tutorial=file.is_tutorial,
        is_known=published_at is not None,
        told_up_to=published_at,
        event_ids=frozenset(_found_lately(events, published_at)) if published_at else frozenset(),
    )


def events_of(file: PublishedFile) -> Sequence[Event]:
    """The events that a file holds."""
    return file.rows(_EVENTS) if file.publish_row("mart.events") else []


def earlier_statements(file: PublishedFile, brief: Brief | None) -> tuple[Statement, ...]:
    """What was unusual in the four weeks before, as far as the brief of the day leaves room for it."""
    told = brief.statements if brief else ()
    subjects = {each.subject for each in told}
    weeks = choose(events_of(file), file.now - EARLIER, file.now)
    return tuple(each for each in weeks if each.subject not in subjects)[: MOST_STATEMENTS - len(told)]


def _found_lately(events: Sequence[Event], published_at: datetime) -> Iterator[str]:
    """Those which whoever looks next may take for new: their run had not ended, or their day has later records."""
    return (
        event["event_id"]
        for event in events
        if event["first_seen_at"] > published_at - 2 * LONGEST_RUN or event["as_of"] > published_at - LATEST_RECORD
    )


def as_of_words(brief: Brief) -> str:
    """The as-of of each part that has data: "market caps 4 Mar 2026 00:00 UTC, exchanges ... (STALE)"."""
    known = ((PART_NAMES[part], age) for part, age in brief.as_of.items())
    words = [
        f"{name} {moment(age.as_of)}{' (STALE)' if age.is_stale else ''}"
        for name, age in known
        if age.as_of is not None
    ]
    return ", ".join(words) or "no part has data"


def _headline(n_told: int, n_all: int, since: datetime) -> str:
    if not n_told:
        return f"Nothing unusual since {moment(since)}."
    most = f", the {n_told} most unusual first" if n_all > n_told == MOST_STATEMENTS else ""
    return f"{counted(n_all, 'unusual change')} since {moment(since)}{most}."


def _not_covered(ages: Mapping[str, PartAge], reach: timedelta) -> tuple[str, ...]:
    notes = [f"{PART_NAMES[part]}: nothing is published" for part, age in ages.items() if age.as_of is None]
    notes += [
        f"{PART_NAMES[part]}: STALE, so nothing newer is told"
        for part, age in ages.items()
        if age.as_of is not None and age.is_stale
    ]
    if reach > EVENTS_KEPT_FOR:
        notes.append(f"what happened more than {EVENTS_KEPT_FOR.days} days ago: events are kept no longer")
    return (*notes, "whatever has less than 20 days of its own past")
