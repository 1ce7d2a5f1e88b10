"""How old the tables of each part may be: the limits of the commands that answer from them, in one list."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from marketflows_pipeline.cli.reports.cross_asset import provenance
from marketflows_pipeline.cli.reports.exchanges.netflow import RECORD_LIMIT
from marketflows_pipeline.cli.reports.published_data import DAILY_LIMIT, HOURLY_LIMIT, PublishedData
from marketflows_pipeline.warehouse.accepted import accepted_name


class Age(NamedTuple):
    """One table: the newest time in it, None where it is not published, and whether that is too old."""

    table: str
    as_of: datetime | None
    is_stale: bool


# The first of each part is the part's own as-of; the others are judged where they hold rows.
_LIMITS: dict[str, dict[str, timedelta]] = {
    "market_caps": {
        "raw.market_caps": HOURLY_LIMIT,
        "core.daily_closes": DAILY_LIMIT,
        "mart.category_radar": DAILY_LIMIT,
    },
    "exchanges": {
        "raw.exchanges": HOURLY_LIMIT,
        "raw.cex_snapshots": HOURLY_LIMIT,
        "mart.exchange_netflow": RECORD_LIMIT,
    },
}
_SESSIONS: dict[str, timedelta] = {
    provenance.VOLATILITY: provenance.SESSION_LIMIT,
    provenance.SHARES: provenance.FLOW_LIMIT,
}


def ages(data: PublishedData, part: str) -> list[Age]:
    """The tables of a part that say how old it is, the part's own as-of first.

    The cross-asset part is as of sessions, each at 00:00 UTC of its day.
    """
    if part == "cross_asset":
        return _ages_of_sessions(data)
    return [
        Age(table, data.as_of(table), data.is_stale(data.as_of(table), limit))
        for place, (table, limit) in enumerate(_LIMITS[part].items())
        if place == 0 or data.has(table)
    ]


def _ages_of_sessions(data: PublishedData) -> list[Age]:
    bars = _newest_session(data, provenance.BARS)
    found = [
        Age(provenance.BARS, _midnight(bars), provenance.is_stale(data, bars, data.as_of(provenance.BARS))),
    ]
    for table, limit in _SESSIONS.items():
        session = _newest_session(data, table)
        if session is not None:
            found.append(Age(table, _midnight(session), provenance.is_past(data, session, limit)))
    return found


def _newest_session(data: PublishedData, table: str) -> date | None:
    if not data.has(table):
        return None
    newest: date | None = data.row(f"select max(session) as session from {accepted_name(table)}")["session"]  # noqa: S608
    return newest


def _midnight(session: date | None) -> datetime | None:
    return None if session is None else datetime.combine(session, time(), UTC)
