"""Which events the brief tells: the most unusual ones since a moment, one of a subject."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta

from marketflows_pipeline.report.brief.statement import Statement
from marketflows_pipeline.report.brief.wording import Event, statement_of

MOST_STATEMENTS = 10
# What the page tells, and a publish keeps as told.
TOLD_OF = timedelta(hours=24)
# From the first figure that a run computes to the publish of its last part.
LONGEST_RUN = timedelta(hours=6)
# Issuers count shares days after a session, and services restate: what is older than that when it is found is no news.
LATEST = timedelta(days=7)
# The first run of a part finds a month of events at once: only what is about its newest days is news.
LATEST_AT_FIRST = timedelta(days=2)


def choose(
    events: Sequence[Event], since: datetime, now: datetime, known: Collection[str] | None = None
) -> tuple[Statement, ...]:
    """The sentences of a brief, at most ten, the most unusual first; see `candidates`."""
    chosen = one_a_subject(candidates(events, since, now, known))[:MOST_STATEMENTS]
    return tuple(map(statement_of, chosen))


def candidates(
    events: Sequence[Event], since: datetime, now: datetime, known: Collection[str] | None = None
) -> list[Event]:
    """Events that are about a later moment than ``since``, or were found later and are the newest of their kind.

    What was found later is told where it is about a moment at most a week before; two days where nothing of the part
    was found earlier, since its first run finds a month at once.

    Args:
        events: rows of ``mart.events``, all that there are.
        since: up to when everything has been told; aware.
        now: the present; nothing that is about a later moment is told.
        known: ids of events that were there when somebody last looked, none maybe; they are left out, and ``since``
            is then held to be that much earlier as a run takes, since its parts are published one after the other.
            None where nobody is known to have looked.
    """
    found_since = since if known is None else since - LONGEST_RUN
    past = [event for event in events if event["as_of"] <= now]
    newest: dict[tuple[str, str], date] = {}
    found_first: dict[str, datetime] = {}
    for event in past:
        found_first[event["part"]] = min(event["first_seen_at"], found_first.get(event["part"], event["first_seen_at"]))
        key, day = _kind_and_day(event)
        newest[key] = max(day, newest.get(key, day))

    def is_new(event: Event) -> bool:
        reach = LATEST if found_first[event["part"]] <= since else LATEST_AT_FIRST
        key, day = _kind_and_day(event)
        is_late = event["first_seen_at"] > found_since and day == newest[key] and event["as_of"] > since - reach
        return event["event_id"] not in (known or ()) and (event["as_of"] > since or is_late)

    return list(filter(is_new, past))


def _kind_and_day(event: Event) -> tuple[tuple[str, str], date]:
    """Parts have days of their own, and records of one day are minutes apart."""
    return (event["part"], event["kind"]), event["as_of"].astimezone(UTC).date()


def one_a_subject(events: Collection[Event]) -> list[Event]:
    """The most unusual event of each subject, the most unusual subject first."""
    first: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: (-event["score"], event["event_id"])):
        first.setdefault(event["subject"], event)
    return list(first.values())
