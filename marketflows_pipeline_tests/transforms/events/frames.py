"""Series and changes as tests of events write them: one letter a subject, one number a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

START = datetime(2026, 1, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")


def on_day(day: int) -> datetime:
    return START + timedelta(days=day)


def series(values: Mapping[str, Sequence[float | None]], coverage_pct: float | None = None) -> pl.DataFrame:
    """Figures of subjects from day 0 on."""
    rows = [
        {"subject": subject, "label": subject.upper(), "ts": on_day(day), "value": value, "coverage_pct": coverage_pct}
        for subject, path in values.items()
        for day, value in enumerate(path)
    ]
    types: dict[str, Any] = {
        "subject": pl.String,
        "label": pl.String,
        "ts": TIME,
        "value": pl.Float64,
        "coverage_pct": pl.Float64,
    }
    return pl.DataFrame(rows, schema=types)


def changes(days: Mapping[str, Iterable[int]], coverage_pct: float | None = None) -> pl.DataFrame:
    """Changes of subjects on these days."""
    types: dict[str, Any] = {
        **dict.fromkeys(("subject", "label"), pl.String),
        "ts": TIME,
        **dict.fromkeys(("was", "became"), pl.String),
        **dict.fromkeys(("value", "reference", "coverage_pct"), pl.Float64),
    }
    rows = [
        {
            "subject": subject,
            "label": subject.upper(),
            "ts": on_day(day),
            "was": "before",
            "became": "after",
            "coverage_pct": coverage_pct,
        }
        for subject, of_subject in days.items()
        for day in of_subject
    ]
    return pl.DataFrame(rows, schema=types)


def observed(subjects: Iterable[str], n_days: int) -> pl.DataFrame:
    """Each subject on each day."""
    rows = [{"subject": subject, "ts": on_day(day)} for subject in subjects for day in range(n_days)]
    return pl.DataFrame(rows, schema={"subject": pl.String, "ts": TIME})
