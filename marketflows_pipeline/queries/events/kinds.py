"""What a kind of event is: a name, a unit, and SQL over tables that the published file has too.

The SQL is text without parameters, and independent of the session's time zone: it is run by the pipeline, and stands
again in the evidence of each event.
"""

from __future__ import annotations

from dataclasses import dataclass

from marketflows_pipeline.schema import Part

# A day in microseconds: closes in a row are compared by it, since intervals of days depend on the time zone.
DAY_US = 86_400_000_000
# What a coin's figures look back at most: closes are kept for ever, and more days would cost time at each run.
RECENT_CLOSES = f"epoch_us(ts) > (select epoch_us(max(ts)) from core.daily_closes) - 400 * {DAY_US}"


@dataclass(frozen=True)
class Kind:
    """What all kinds have.

    Attributes:
        name: of the kind.
        part: whose tables it reads.
        unit: of the figures.
        tables: registered tables that must be stored.
        sql: a select, as the kinds below say.
    """

    name: str
    part: Part
    unit: str
    tables: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class Measured(Kind):
    """A kind whose subjects have one figure a day.

    ``sql`` selects ``subject, label, ts, value, coverage_pct``, at most one row a subject and UTC day.
    """


@dataclass(frozen=True)
class Discrete(Kind):
    """A kind whose subjects are in one state or another.

    ``sql`` selects the changes: ``subject, label, ts, was, became, value, reference``, the last two in ``unit``.

    Attributes:
        observed_sql: a select of ``subject, ts`` whenever a subject was observed, or of ``ts`` where all were.
    """

    observed_sql: str


def as_time(day: str) -> str:
    """A DATE column as the moment at which that day began in UTC; a hundredth of the cost of ``at time zone``."""
    return f"make_timestamptz(epoch_us({day}))"


def days_apart(ts: str, before: str, days: int = 1) -> str:
    """A condition: two times are so many days apart."""
    return f"epoch_us({ts}) - epoch_us({before}) = {days * DAY_US}"


def changes_of_stays(stays: str) -> str:
    """Stays in a quadrant that follow another one at once: ``series, entered_at, was, quadrant``.

    Args:
        stays: SQL from ``from`` on that gives them.
    """
    return f"""
    select series, entered_at, was, quadrant
    from (
        select series, entered_at, quadrant, is_seen_to_begin,
               lag(quadrant) over w as was, lag(left_at) over w as left_before
        {stays}
        window w as (partition by series order by entered_at)
    )
    where is_seen_to_begin and left_before = entered_at
"""
