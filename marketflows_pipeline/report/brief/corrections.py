"""Sentences that turned out otherwise: found at publish by asking their evidence again, and told apart from moves."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeGuard

from marketflows_pipeline.report.brief.shown import place_of, reads_otherwise, state_text, without_days
from marketflows_pipeline.report.brief.statement import Correction, Figure
from marketflows_pipeline.system.printable import presentable

# Sums of the same rows may differ in their last digits.
SMALLEST_CHANGE = 1e-6
# No sentence that this program tells is as long.
_TEXT_LENGTH = 1_000
# What sentences show; z-scores, percentiles and counts of days stand below them, and move with every figure since.
_IN_TEXT = ("was", "became", "value", "reference")
NOT_FOUND = "its figures can no longer be found"


def differs(text: str, told: Mapping[str, Figure], found: Mapping[str, Any]) -> bool:
    """Whether a sentence would read otherwise with the figures that were found, in any digit or state that it shows."""
    return any(_reads_otherwise(text, told[name], found.get(name)) for name in _IN_TEXT if name in told)


def correction_of(row: Mapping[str, Any]) -> Correction:
    """A row of ``meta.brief_statements`` that has been corrected, for people."""
    told = figures_of(row["figures"]) or {}
    found = figures_of(row["corrected_figures"])
    text = presentable(row["text"], _TEXT_LENGTH)
    return Correction(
        statement_id=row["statement_id"],
        part=row["part"],
        subject=row["subject"],
        as_of=row["as_of"],
        text=text,
        told_at=row["told_at"],
        corrected_at=row["corrected_at"],
        now=NOT_FOUND if found is None else "; ".join(_changes(text, told, found)),
        figures=told,
        corrected_figures=found,
        evidence=row["evidence"],
    )


def corrections_since(rows: Sequence[Mapping[str, Any]], since: datetime) -> tuple[Correction, ...]:
    """Corrections that were found after a moment, the newest first."""
    found = [row for row in rows if row["corrected_at"] is not None and row["corrected_at"] > since]
    found.sort(key=lambda row: (-row["corrected_at"].timestamp(), row["statement_id"]))
    return tuple(map(correction_of, found))


def figures_of(text: str | None) -> dict[str, Any] | None:
    """Figures from their JSON object; None where there is none."""
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _reads_otherwise(text: str, was: Figure, now: object) -> bool:
    if isinstance(was, str):
        shown = state_text(was)
        return shown in text and (not isinstance(now, str) or state_text(now) != shown)
    text = without_days(text)
    if place_of(text, was) is None:
        return False
    if not _is_number(now):
        return True
    return abs(now - was) > SMALLEST_CHANGE * abs(was) and reads_otherwise(text, was, now)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _changes(text: str, told: Mapping[str, Figure], found: Mapping[str, Any]) -> Iterator[str]:
    """What of a sentence reads otherwise: "+3.1% instead of +4.2%"."""
    for name, was in told.items():
        now = found.get(name)
        if name not in _IN_TEXT or not _reads_otherwise(text, was, now):
            continue
        if isinstance(was, str):
            yield f"{state_text(str(now)) if now is not None else 'unknown'} instead of {state_text(was)}"
        elif (place := place_of(without_days(text), was)) is not None:
            yield f"{place.with_figure(float(now)) if _is_number(now) else 'unknown'} instead of {place.text}"
