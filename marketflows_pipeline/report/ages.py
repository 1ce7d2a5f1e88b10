"""How old the figures of each part may be before they are stale, and how old they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from marketflows_pipeline.transforms.cross_asset.weekdays import weekday_time

if TYPE_CHECKING:
    from marketflows_pipeline.report.published import PublishedFile

HOURLY_LIMIT = timedelta(hours=2)
DAILY_LIMIT = timedelta(hours=26)
# DefiLlama's record of a day may come a day late: 50 hours, and a day to fetch it.
RECORD_LIMIT = timedelta(hours=76)
# The longest way from one session to the next is a holiday beside a weekend.
SESSION_LIMIT = timedelta(days=5)
# Of weekdays alone.
FETCH_LIMIT = timedelta(hours=26)


@dataclass(frozen=True)
class PartAge:
    """How old the figures of one part are.

    Attributes:
        as_of: their newest close, record or session, in UTC; None where the part has no data.
        is_stale: whether that is older than it should be.
    """

    as_of: datetime | None
    is_stale: bool


def part_ages(file: PublishedFile) -> Mapping[str, PartAge]:
    """The age of each part's figures, with None for a part of which nothing is published."""
    return {part: age(file) for part, age in _AGES.items()}


def _closes(file: PublishedFile) -> PartAge:
    as_of = file.as_of("core.daily_closes")
    return PartAge(as_of, is_stale=_is_older(file, as_of, DAILY_LIMIT))


def _exchanges(file: PublishedFile) -> PartAge:
    as_of, record = file.as_of("mart.exchange_flows"), file.as_of("mart.exchange_netflow")
    is_stale = _is_older(file, as_of, HOURLY_LIMIT) or _is_older(file, record, RECORD_LIMIT)
    return PartAge(as_of or record, is_stale=is_stale)


def _sessions(file: PublishedFile) -> PartAge:
    if not file.has("mart.pressure"):
        return PartAge(None, is_stale=False)
    session: date = file.rows("select max(session) as session from mart.pressure")[0]["session"]
    fetched_at = file.as_of("raw.daily_bars")
    is_stale = (
        file.now.astimezone(UTC).date() - session > SESSION_LIMIT
        or fetched_at is None
        or weekday_time(fetched_at, file.now) > FETCH_LIMIT
    )
    return PartAge(datetime.combine(session, time(), UTC), is_stale=is_stale)


def _is_older(file: PublishedFile, as_of: datetime | None, limit: timedelta) -> bool:
    return as_of is not None and file.now - as_of > limit


_AGES: Mapping[str, Callable[[PublishedFile], PartAge]] = {
    "market_caps": _closes,
    "exchanges": _exchanges,
    "cross_asset": _sessions,
}
