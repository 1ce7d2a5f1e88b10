"""The rules at work: stored rows that cannot be true are left out before anything is computed from them.

What belongs here: finding them in the warehouse. What does not: what is impossible (transforms/plausibility.py), and
how a row is left out (warehouse/quarantine.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl

from marketflows_pipeline.schema import DType, Part, table
from marketflows_pipeline.session import Session
from marketflows_pipeline.transforms.plausibility import (
    BOUNDS,
    Bound,
    TimeBound,
    implausible,
)
from marketflows_pipeline.warehouse.quarantine import quarantine
from marketflows_pipeline.warehouse.store import Warehouse

log = logging.getLogger(__name__)

RULE = "bounds"
SHOWN = 3


def quarantine_implausible(session: Session, part: Part) -> None:
    """Leave out every row of the part's raw tables that cannot be true, and let corrected ones count again.

    Each table is read through once by DuckDB, and only rows that may be at fault leave it.
    """
    for name in BOUNDS:
        if table(name).part == part:
            now = session.clock.now()
            found = implausible(name, suspects(session.warehouse, name, now), now)
            say_left_out(name, quarantine(session.warehouse, name, found, rule=RULE, at=now))


def suspects(warehouse: Warehouse, name: str, moment: datetime) -> pl.DataFrame:
    """Stored rows of a raw table that may be impossible: all that `implausible` would find at fault, and few others."""
    return warehouse.query(f"select * from {name} where {' or '.join(_suspicions(name, moment))}")  # noqa: S608


def _suspicions(name: str, moment: datetime) -> Iterator[str]:
    """SQL conditions of which a row at fault meets one."""
    now = f"timestamptz '{moment.astimezone(UTC).isoformat()}'"
    for bound in BOUNDS[name].values:
        yield _is_outside(bound)
    for time in BOUNDS[name].times:
        yield from _is_out_of_time(name, time, now)


def _is_outside(bound: Bound) -> str:
    limits = [f"isfinite({bound.column})"]
    if bound.least is not None:
        limits.append(f"{bound.column} {'>' if bound.is_above else '>='} {bound.least!r}")
    if bound.most is not None:
        limits.append(f"{bound.column} <= {bound.most!r}")
    return f"not ({' and '.join(limits)})"


def _is_out_of_time(name: str, bound: TimeBound, now: str) -> Iterator[str]:
    entry = table(name)
    is_date = entry.column(bound.column).dtype is DType.DATE
    first = f"date '{bound.earliest}'" if is_date else f"timestamptz '{bound.earliest} 00:00:00Z'"
    yield f"{bound.column} < {first}"
    for known, ahead in bound.latest(entry).items():
        # In whole numbers: sums of times with a time zone take five times as long.
        last = f"epoch_us({now if known == 'now' else known}) + {ahead // timedelta(microseconds=1)}"
        yield f"epoch_us({bound.column}) > {last}"


def say_left_out(name: str, added: pl.DataFrame, what: str = "impossible values") -> None:
    """Warn of rows that are left out since now, if there are any.

    Args:
        name: of the raw table.
        added: ``key, column_name, reason`` of these rows.
        what: what they are.
    """
    if added.is_empty():
        return
    shown = "; ".join(f"{key}: {reason}" for key, reason in added.select("key", "reason").head(SHOWN).iter_rows())
    more = f"; and {added.height - SHOWN} more" if added.height > SHOWN else ""
    log.warning(
        "%s: %s left out from now on: %d (%s%s); see `marketflows quarantine list`",
        name,
        what,
        added.height,
        shown,
        more,
    )
