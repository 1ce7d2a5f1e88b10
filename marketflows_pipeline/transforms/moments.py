"""Days of moments, and moments of days."""

from __future__ import annotations

import polars as pl

NEW_YORK = "America/New_York"


def utc_day(column: str) -> pl.Expr:
    """The date in UTC of the moments of a column."""
    return pl.col(column).dt.convert_time_zone("UTC").dt.date()


def end_of_utc_day(day: str) -> pl.Expr:
    """The midnight in UTC that ends the dates of a column."""
    return pl.col(day).cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + pl.duration(days=1)


def in_new_york(day: pl.Expr, *, hours: int, minutes: int = 0) -> pl.Expr:
    """The moment, in UTC, at which it is so late in New York on a date."""
    there = day.cast(pl.Datetime("us")) + pl.duration(hours=hours, minutes=minutes)
    return there.dt.replace_time_zone(NEW_YORK).dt.convert_time_zone("UTC")
