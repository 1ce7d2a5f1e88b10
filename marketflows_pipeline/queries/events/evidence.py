"""The query that gives an event's figures again: the kind's own SQL, filtered for one subject and moment.

It is whole in itself (no parameters, no setting of a session), so that anybody can run it on the published file. What
it computes of a figure's past, DuckDB computes: a second way to the z-score that the event was found by.
"""

from __future__ import annotations

from datetime import UTC, datetime

from marketflows_pipeline.queries.events.kinds import Discrete, Kind
from marketflows_pipeline.transforms.events.measured import PAST_VALUES

# Subjects are text that anybody may have chosen. Beside these and plain letters, characters are written by their
# number: no quote ends the literal, none is mistaken for a call by a guard that reads words, and none changes how a
# line reads.
_PLAIN = frozenset(" -_.,:/$%")


def evidence_sql(kind: Kind, subject: str, ts: datetime) -> str:
    """One select that gives the figures of an event.

    Args:
        kind: of the event.
        subject: its subject, any text.
        ts: its time, aware.

    Returns:
        SQL with the columns ``value, reference, z, percentile`` of a measured kind, ``was, became, value, reference``
        of a discrete one.
    """
    mine, moment = f"subject = {literal(subject)}", f"timestamptz '{ts.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
    if isinstance(kind, Discrete):
        return f"select was, became, value, reference\nfrom ({kind.sql})\nwhere {mine} and ts = {moment}"
    return _of_measured(kind, mine, moment)


def _of_measured(kind: Kind, mine: str, moment: str) -> str:
    return f"""with series as (
select ts, value from ({kind.sql}) where {mine} and isfinite(value)
),
now as (select value as x from series where ts = {moment}),
past as (select value from series where ts < {moment} order by ts desc limit {PAST_VALUES})
select x as value, avg(value) as reference, (x - avg(value)) / stddev_samp(value) as z,
       100 * (count(*) filter (value < x) + 0.5 * count(*) filter (value = x)) / count(*) as percentile
from now, past
group by x"""


def literal(text: str) -> str:
    """A text as SQL, whatever is in it: ``concat('o', chr(39), 'clock')``."""
    pieces: list[str] = []
    plain = ""
    for character in text:
        if character in _PLAIN or (character.isascii() and character.isalnum()):
            plain += character
            continue
        pieces += [f"'{plain}'"] * bool(plain) + [f"chr({ord(character)})"]
        plain = ""
    pieces += [f"'{plain}'"] * bool(plain or not pieces)
    return pieces[0] if pieces == [f"'{text}'"] else f"concat({', '.join(pieces)})"
