"""The horizontal axis of days and sessions, and where a line has to break on it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

import altair as alt
import polars as pl

_TICKS_MOST = 12
# Beyond the last of these, ticks stand at the first of months.
_DAY_STEPS = (1, 2, 3, 5, 7, 10, 14)
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60)
_MONTH_DAYS = 30.5


def time_x(field: str, first: date, last: date, axis: alt.Axis | None = None) -> alt.X:
    """A field of milliseconds on the axis from one day to another, or with an axis of its own from time to time."""
    scale = alt.Scale(type="utc", domain=[epoch_ms(first), epoch_ms(last)], nice=False)
    return alt.X(f"{field}:T", scale=scale, axis=axis or time_axis(first, last))


def time_axis(first: date, last: date) -> alt.Axis:
    """Ticks back from the last day, or over a long span at the first of months, with the year at each January."""
    quiet: dict[str, Any] = {"title": None, "grid": False, "labelOverlap": True}
    span = (last - first).days
    days = next((days for days in _DAY_STEPS if span // days < _TICKS_MOST), None)
    if days is not None:
        values = [epoch_ms(last - timedelta(days=back)) for back in range(0, span + 1, days)]
        return alt.Axis(**quiet, labelExpr="utcFormat(datum.value, '%-d %b')", values=values)
    months = next((step for step in _MONTH_STEPS if span / _MONTH_DAYS / step <= _TICKS_MOST), _MONTH_STEPS[-1])
    label = "utcFormat(datum.value, utcmonth(datum.value) == 0 || datum.index == 0 ? '%b %Y' : '%b')"
    return alt.Axis(**quiet, labelExpr=label, tickCount=alt.TimeIntervalStep(interval="month", step=months))


def first_and_last(frame: pl.DataFrame, column: str = "day") -> tuple[date, date]:
    """The span of the frame's days; the frame must not be empty."""
    days = frame.get_column(column)
    return cast("date", days.min()), cast("date", days.max())


def first_and_last_time(frame: pl.DataFrame, column: str = "ts") -> tuple[datetime, datetime]:
    """The same of a column of times."""
    return cast("tuple[datetime, datetime]", first_and_last(frame, column))


def as_of(frame: pl.DataFrame, column: str) -> datetime:
    """The latest time in a column of times; the frame must not be empty."""
    return cast("datetime", frame.get_column(column).max())


def epoch_ms(when: date) -> int:
    """A time, or the midnight (UTC) at which a day begins, in milliseconds."""
    moment = when if isinstance(when, datetime) else datetime.combine(when, time(), UTC)
    return round(moment.timestamp() * 1000)


def on_time_axis(column: str) -> pl.Expr:
    """A day as the milliseconds of its first moment, which is what Vega's time axes take."""
    return pl.col(column).cast(pl.Datetime("ms")).dt.epoch("ms")


def unbroken_run(*over: str, time: str = "day", step: timedelta = timedelta(days=1)) -> pl.Expr:
    """Number of the run of consecutive days, or other steps, of a row; a chart must not draw across two runs.

    The frame must be sorted by the columns of ``over`` and by time, one row a step.
    """
    jumps = pl.col(time).diff() > step
    ordered = jumps.over(*over) if over else jumps
    runs = ordered.fill_null(False).cast(pl.Int32)
    return runs.cum_sum().over(*over) if over else runs.cum_sum()


def is_alone(*over: str) -> pl.Expr:
    """Whether a row is the only one of its run, which no line can show: ``over`` are what tells runs apart."""
    return pl.len().over(over) == 1


def known_run(is_known: pl.Expr, *over: str) -> pl.Expr:
    """Number of the run of known values that a row belongs to; a line must not be drawn across two of them.

    The rows must be in order of their session within what makes a line (``over``).
    """
    steps = (~is_known).cast(pl.Int32).cum_sum()
    return steps.over(*over) if over else steps
