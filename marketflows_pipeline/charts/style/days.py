"""Days of a chart: which are there, which are missing, and where a line has to break."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import cast

import polars as pl


def first_and_last(frame: pl.DataFrame) -> tuple[date, date]:
    """The span of the frame's days; the frame must not be empty."""
    days = frame.get_column("day")
    return cast("date", days.min()), cast("date", days.max())


def as_of(frame: pl.DataFrame, column: str) -> datetime:
    """The latest time in a column of times; the frame must not be empty."""
    return cast("datetime", frame.get_column(column).max())


def epoch_ms(day: date) -> int:
    """Midnight (UTC) at which a day begins, in milliseconds."""
    return round(datetime.combine(day, time(), UTC).timestamp() * 1000)


def on_day_axis(column: str = "day") -> pl.Expr:
    """A day as the milliseconds of its first moment, which is what Vega's time axes take."""
    return pl.col(column).cast(pl.Datetime("ms")).dt.epoch("ms")


def unbroken_run(*over: str) -> pl.Expr:
    """Number of the run of consecutive days that a row belongs to; a chart must not draw across two runs.

    The frame must be sorted by the columns of ``over`` and by day, one row a day.
    """
    jumps = pl.col("day").diff().dt.total_days() > 1
    ordered = jumps.over(*over) if over else jumps
    runs = ordered.fill_null(False).cast(pl.Int32)
    return runs.cum_sum().over(*over) if over else runs.cum_sum()
