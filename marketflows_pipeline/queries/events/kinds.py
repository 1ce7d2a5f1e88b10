"""What a kind of event is: a name, a unit, and SQL over tables that the published file has too.

The SQL is text without parameters, and independent of the session's time zone: it is run by the pipeline, and stands
again in the evidence of each event.
"""

from __future__ import annotations

from dataclasses import dataclass

from marketflows_pipeline.schema import Part

# A day in microseconds: closes in a row are compared by it, since intervals of days depend on the time zone.
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Measured:
    """A kind whose subjects have one figure a day.

    Attributes:
        name: of the kind.
        part: whose tables it reads.
        unit: of the figures.
        tables: registered tables that must be stored.
        sql: a select of ``subject, label, ts, value, coverage_pct``, at most one row a subject and UTC day.
    """

    name: str
    part: Part
    unit: str
    tables: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class Discrete:
    """A kind whose subjects are in one state or another.

    Attributes:
        name: of the kind.
        part: whose tables it reads.
        unit: of the figures beside the states.
        tables: registered tables that must be stored.
        sql: a select of the changes: ``subject, label, ts, was, became, value, reference``.
        observed_sql: a select of ``subject, ts`` whenever a subject was observed, or of ``ts`` where all were.
    """

    name: str
    part: Part
    unit: str
    tables: tuple[str, ...]
    sql: str
    observed_sql: str


Kind = Measured | Discrete


def as_time(day: str) -> str:
    """A DATE column as the moment at which that day began in UTC; a hundredth of the cost of ``at time zone``."""
    return f"make_timestamptz(epoch_us({day}))"


def steps_a_day(ts: str, before: str) -> str:
    """A condition: two times are a day apart."""
    return f"epoch_us({ts}) - epoch_us({before}) = {DAY_US}"
