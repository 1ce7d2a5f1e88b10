"""How old the figures of each part may be before they are stale, and how old they are: one list for page and commands.

Only what says when it ends to be fresh is judged, so that a page can go on judging after it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from marketflows_pipeline.transforms.cross_asset.weekdays import weekdays_later
from marketflows_pipeline.warehouse.accepted import accepted_name

if TYPE_CHECKING:
    from marketflows_pipeline.report.published import PublishedFile

HOURLY_LIMIT = timedelta(hours=2)
DAILY_LIMIT = timedelta(hours=26)
# DefiLlama's record of a day may come a day late: 50 hours, and a day to fetch it.
RECORD_LIMIT = timedelta(hours=76)
# The longest way from one session to the next is a holiday beside a weekend.
SESSION_LIMIT = timedelta(days=5)
# Issuers publish a session's shares on the next one.
FLOW_LIMIT = timedelta(days=7)
# Of weekdays alone.
FETCH_LIMIT = timedelta(hours=26)

# In reading order; the schema, which names them too, loads polars.
PART_NAMES: Mapping[str, str] = {"market_caps": "market caps", "exchanges": "exchanges", "cross_asset": "cross-asset"}
BARS = "raw.daily_bars"
CAPS = "raw.market_caps"
# People's own files of market caps have rows as often as their people add them.
OWN_FILES = "folder"
_TIMES_OF_OWN_FILES = 11
# The first of each part is due whenever the part is there; the others are judged where they hold rows.
_LIMITS: Mapping[str, Mapping[str, timedelta]] = {
    "market_caps": {
        CAPS: HOURLY_LIMIT,
        "core.daily_closes": DAILY_LIMIT,
        "mart.category_radar": DAILY_LIMIT,
    },
    "exchanges": {
        "raw.exchanges": HOURLY_LIMIT,
        "raw.cex_snapshots": HOURLY_LIMIT,
        "mart.exchange_flows": HOURLY_LIMIT,
        "mart.exchange_netflow": RECORD_LIMIT,
    },
}
_SESSIONS: Mapping[str, timedelta] = {
    "mart.pressure": SESSION_LIMIT,
    "raw.volatility_index": SESSION_LIMIT,
    "raw.shares_outstanding": FLOW_LIMIT,
}
# What a page shows as the part's own moment: the first that is there.
_SHOWN: Mapping[str, tuple[str, ...]] = {
    "market_caps": ("core.daily_closes",),
    "exchanges": ("mart.exchange_flows", "mart.exchange_netflow"),
    "cross_asset": ("mart.pressure",),
}
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class TableAge:
    """How old one table is.

    Attributes:
        table: its name.
        as_of: its newest time, of sessions 00:00 UTC of the day; None where it is not published.
        stale_at: the last moment at which it is not yet stale; None where it is so already for want of a time.
        is_stale: whether that is past.
    """

    table: str
    as_of: datetime | None
    stale_at: datetime | None
    is_stale: bool


@dataclass(frozen=True)
class PartAge:
    """How old the figures of one part are.

    Attributes:
        as_of: their newest close, record or session, in UTC; None where the part has no data.
        is_stale: whether any table of the part is older than it should be.
        tables: those that say how old the part is.
    """

    as_of: datetime | None
    is_stale: bool
    tables: tuple[TableAge, ...] = ()


def part_ages(file: PublishedFile) -> Mapping[str, PartAge]:
    """The age of each part's figures, with None for a part of which nothing is published."""
    return {part: _part_age(file, part) for part in PART_NAMES}


def table_ages(file: PublishedFile, part: str) -> tuple[TableAge, ...]:
    """The tables of a part that say how old it is, the one that is always due first."""
    if part == "cross_asset":
        return tuple(_ages_of_sessions(file))
    adapt = market_cap_limit if part == "market_caps" else lambda _, limit: limit
    return tuple(
        _age(file, table, as_of := file.as_of(table), None if as_of is None else as_of + adapt(file, limit))
        for place, (table, limit) in enumerate(_LIMITS[part].items())
        if place == 0 or file.has(table)
    )


def market_cap_limit(file: PublishedFile, usual: timedelta) -> timedelta:
    """How old figures from market caps may be: the usual limit; of own files at least twice the time between rows.

    That time is the median of those between their ten or so newest moments: a day where they have a row a day.
    """
    if file.provider != OWN_FILES or not file.has(CAPS):
        return usual
    newest = f"select distinct ts from {accepted_name(CAPS)} order by ts desc limit {_TIMES_OF_OWN_FILES}"
    steps = sorted(later - earlier for later, earlier in pairwise(row["ts"] for row in file.rows(newest)))
    return max(usual, 2 * steps[len(steps) // 2]) if steps else usual


def bars_stale_at(session: date, fetched_at: datetime) -> datetime:
    """The last moment at which prices are fresh: 5 days of the calendar, and 26 hours of weekdays since the fetch."""
    return min(session_stale_at(session, SESSION_LIMIT), weekdays_later(fetched_at, FETCH_LIMIT))


def session_stale_at(session: date, limit: timedelta) -> datetime:
    """The last moment of the last day (UTC) that is no further from a session than the limit, in whole days."""
    return _midnight(session) + limit + timedelta(days=1) - _TICK


def _part_age(file: PublishedFile, part: str) -> PartAge:
    tables = table_ages(file, part)
    moments = (_shown_moment(file, table) for table in _SHOWN[part])
    is_published = any(age.as_of is not None for age in tables)
    return PartAge(
        as_of=next((moment for moment in moments if moment is not None), None),
        is_stale=is_published and any(age.is_stale for age in tables),
        tables=tables,
    )


def _shown_moment(file: PublishedFile, table: str) -> datetime | None:
    if table not in _SESSIONS:
        return file.as_of(table)
    session = _newest_session(file, table)
    return None if session is None else _midnight(session)


def _ages_of_sessions(file: PublishedFile) -> Iterator[TableAge]:
    bars, fetched_at = _newest_session(file, BARS), file.as_of(BARS)
    if bars is None or fetched_at is None:
        yield _age(file, BARS, None if bars is None else _midnight(bars), None)
    else:
        yield _age(file, BARS, _midnight(bars), bars_stale_at(bars, fetched_at))
    for table, limit in _SESSIONS.items():
        session = _newest_session(file, table)
        if session is not None:
            yield _age(file, table, _midnight(session), session_stale_at(session, limit))


def _age(file: PublishedFile, table: str, as_of: datetime | None, stale_at: datetime | None) -> TableAge:
    return TableAge(table, as_of, stale_at, is_stale=stale_at is None or file.now > stale_at)


def _newest_session(file: PublishedFile, table: str) -> date | None:
    if not file.has(table):
        return None
    newest: date | None = file.rows(f"select max(session) as session from {accepted_name(table)}")[0]["session"]
    return newest


def _midnight(session: date) -> datetime:
    return datetime.combine(session, time(), UTC)
