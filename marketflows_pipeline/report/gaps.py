"""Where lines over time break: no line leads over a day or step that has no row or value, as if it were known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import altair as alt

# The column that tells stretches without a gap apart. Rows without any gap have no such column: the page stays small.
UNBROKEN = "unbroken"
DAY = timedelta(days=1)
_OF_LINES = ("order", "strokeDash", "strokeWidth", "tooltip")
_DOT = 16


def usual_step(rows: pl.DataFrame, time: str = "ts") -> timedelta:
    """The usual distance of two times; a day where there is one time only."""
    usual = rows[time].unique().sort().diff().drop_nulls().median()
    return usual if isinstance(usual, timedelta) else DAY


def with_stretches(
    rows: pl.DataFrame, by: Sequence[str], step: timedelta = DAY, *, time: str = "ts", value: str | None = None
) -> pl.DataFrame:
    """The rows with the number of the stretch that each belongs to; as they are where no series has a gap.

    Has to be taken before rows are thinned, which leaves out rows that are known.

    Args:
        rows: by series and time.
        by: columns that tell series apart.
        step: the farthest that two neighbours lie apart.
        time: column of times or days.
        value: column without whose value a row is a gap; None where every row counts.
    """
    at = pl.col(time) if value is None else pl.when(pl.col(value).is_finite()).then(time)
    before = at.shift(1).forward_fill().over(by, order_by=time)
    is_after_gap = ((at - before) > step).fill_null(value=False).cast(pl.Int32)
    found = rows.with_columns(is_after_gap.cum_sum().over(by, order_by=time).alias(UNBROKEN))
    return found if found[UNBROKEN].max() else rows


def course(rows: pl.DataFrame, value: str, step: timedelta = DAY, *, time: str = "ts") -> tuple[float | None, ...]:
    """The values of one series for a small line, oldest first, with null at each step that has no row."""
    ordered = rows.sort(time)
    steps = ordered.select((pl.col(time).diff() / step).round().fill_null(1).cast(pl.Int32)).to_series()
    return tuple(
        each for n_steps, known in zip(steps, ordered[value], strict=True) for each in (*[None] * (n_steps - 1), known)
    )


def at_gaps(schema: pl.Schema, over: Sequence[pl.Expr]) -> pl.Expr:
    """Whether a row begins or follows a gap: a thinned line that lacks such a row would lead over the gap.

    Args:
        schema: of rows by series and time.
        over: what tells series apart.
    """
    turns = [pl.col(UNBROKEN) != pl.col(UNBROKEN).shift(1)] if UNBROKEN in schema else []
    for name, dtype in schema.items():
        if dtype.is_float():
            is_known = pl.col(name).is_finite().fill_null(value=False)
            # Averages and growth begin later than levels, which is no gap.
            has_begun = is_known.cast(pl.Int32).cum_sum().shift(1) > 0
            turns.append(has_begun & (is_known != is_known.shift(1)))
    return pl.any_horizontal([turn.over(over) for turn in turns] or [pl.lit(value=False)]).fill_null(value=False)


def broken_lines(
    rows: alt.Chart,
    by: str,
    time: str,
    value: str,
    *,
    look: Mapping[str, Any] | None = None,
    **channels: Any,  # noqa: ANN401 (what Altair takes)
) -> list[alt.Chart]:
    """A line a series that breaks at gaps and unknown values, and a dot for each value between two of them.

    Args:
        rows: with the stretches that `with_stretches` gives, if there are gaps.
        by: column that tells series apart; "" for a single one.
        time: column of times.
        value: column without whose value there is a gap.
        look: of lines, as Altair's ``mark_line`` takes it.
        channels: position, colour, opacity and what tells lines apart.
    """
    import altair as alt

    look = look or {}
    apart = [f"{UNBROKEN}:N", *channels.pop("detail", [])]
    lines = rows.mark_line(**look).encode(detail=apart, **channels)
    beside: dict[str, Any] = {
        f"{name}_{place}": f"{function}({name})"
        for name in (value, UNBROKEN)
        for place, function in (("before", "lag"), ("after", "lead"))
    }
    joined = " || ".join(
        f"(isValid(datum.{value}_{place}) && datum.{UNBROKEN}_{place} == datum.{UNBROKEN})"
        for place in ("before", "after")
    )
    lone = f"!({joined})"
    # The first point is there in any case, without a size: a layer without any row has no extent, and Vega warns of it.
    dots = (
        rows.transform_window(**beside, groupby=[by] if by else [], sort=[{"field": time}])
        .transform_filter(f"isValid(datum.{value})")
        .transform_window(nth="row_number()")
        .transform_filter(f"{lone} || datum.nth == 1")
        .mark_point(filled=True, **{name: look[name] for name in ("clip", "color") if name in look})
        .encode(
            size=alt.condition(lone, alt.value(_DOT), alt.value(0)),
            **{name: channel for name, channel in channels.items() if name not in _OF_LINES},
        )
    )
    return [lines, dots]
