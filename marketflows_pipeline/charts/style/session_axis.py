"""The horizontal axis of sessions: calendar days with ticks at the beginning of months."""

from __future__ import annotations

from datetime import date

import altair as alt
import polars as pl

from marketflows_pipeline.charts.style.axes import day_scale
from marketflows_pipeline.charts.style.days import epoch_ms

_STEPS = (1, 2, 3, 6, 12, 24, 60)
_TICKS_MOST = 12
# Below this the beginning of months says too little, and days are named.
_SHORT_DAYS = 62


def session_x(field: str, first: date, last: date) -> alt.X:
    """A field of milliseconds on the axis from one session to another."""
    return alt.X(f"{field}:T", scale=day_scale(first, last), axis=session_axis(first, last))


def session_axis(first: date, last: date) -> alt.Axis:
    """Ticks at the first of months, the year at each January and at the first tick."""
    if (last - first).days < _SHORT_DAYS:
        return alt.Axis(
            title=None, grid=False, tickCount=8, labelExpr="utcFormat(datum.value, '%-d %b')", labelOverlap=True
        )
    ticks = [epoch_ms(day) for day in month_starts(first, last)]
    with_year = f"utcmonth(datum.value) == 0 || datum.value == {ticks[0]}"
    return alt.Axis(
        title=None,
        grid=False,
        values=ticks,
        labelExpr=f"{with_year} ? utcFormat(datum.value, '%b %Y') : utcFormat(datum.value, '%b')",
        labelOverlap=True,
    )


def month_starts(first: date, last: date) -> list[date]:
    """First days of every month, second month, quarter and so on within a span: the finest that makes at most 12."""
    months = [
        date(year, month, 1)
        for year in range(first.year, last.year + 1)
        for month in range(1, 13)
        if first <= date(year, month, 1) <= last
    ]
    for step in _STEPS:
        kept = [day for day in months if (day.year * 12 + day.month - 1) % step == 0]
        if len(kept) <= _TICKS_MOST:
            return kept
    return kept


def on_session_axis(column: str = "session") -> pl.Expr:
    """A session as the milliseconds of its first moment, which is what Vega's time axes take."""
    return pl.col(column).cast(pl.Datetime("ms")).dt.epoch("ms")


def known_run(is_known: pl.Expr, *over: str) -> pl.Expr:
    """Number of the stretch of known values that a row belongs to; a line must not be drawn across two of them.

    Args:
        is_known: of each row, the rows in order of their session.
        over: what makes a line.
    """
    steps = (~is_known).cast(pl.Int32).cum_sum()
    return steps.over(*over) if over else steps
