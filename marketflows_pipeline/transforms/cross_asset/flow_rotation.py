"""Compare the flows of two classes or assets: which one money favours, since when, and whether they move together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from marketflows_pipeline.transforms.unusualness import LEAST_PAST

# A month of sessions: the sign of a shorter sum turns every few days.
TURN_SESSIONS = 21


@dataclass(frozen=True)
class Rotation:
    """How the flows of two units compare.

    Attributes:
        sessions: session, first_pct, second_pct (flow in percent of the assets before), difference_pct, cumulative_pct
            (the sum of differences from the first session shown), trailing_pct (that of the last 21 sessions).
        favoured: first or second by the sign of the newest trailing_pct; None while that is not known.
        turned_on: first session of the present run of that sign; None where it is as long as the history.
        since: the same, or the first session with a trailing sum.
        correlation: Pearson's, of the two flows over the sessions shown; None under 20, or where one does not vary.
        opposite_pct: sessions shown on which one took in and the other lost, in percent; None under 20.
        n_unknown: sessions of the same span on which only one of the flows is known.
    """

    sessions: pl.DataFrame
    favoured: str | None
    turned_on: date | None
    since: date | None
    correlation: float | None
    opposite_pct: float | None
    n_unknown: int


def flow_rotation(first: pl.DataFrame, second: pl.DataFrame, days: int) -> Rotation:
    """Cumulative difference of two flows in percent of assets, its last turn, and their co-movement.

    With f and g the flows of a session in percent of the assets before, over the sessions on which both are known::

        difference = f - g     cumulative[t] = sum of differences since the first session shown
        trailing[t] = sum of the last 21 differences

    The last turn is the session from which on ``trailing`` has had its present sign; a sum of exactly 0 turns nothing.
    Percent of assets makes a small class comparable with a large one: it says nothing of dollars that left one for the
    other, which nobody sees.

    Args:
        first: session, flow_pct of one unit, windows of one session, as `flow_windows` returns them.
        second: the same of another.
        days: how many of the newest sessions with both are shown.
    """
    joined = (
        first.select("session", first_pct="flow_pct")
        .join(second.select("session", second_pct="flow_pct"), on="session", how="full", coalesce=True)
        .sort("session")
    )
    is_both = pl.all_horizontal(pl.col("first_pct", "second_pct").is_not_null())
    both = joined.filter(is_both).with_columns(difference_pct=pl.col("first_pct") - pl.col("second_pct"))
    trailing = pl.sum_horizontal(pl.col("difference_pct").shift(back) for back in range(TURN_SESSIONS))
    is_whole = pl.int_range(pl.len()) >= TURN_SESSIONS - 1
    both = both.with_columns(trailing_pct=pl.when(is_whole).then(trailing))
    shown = both.tail(days).with_columns(cumulative_pct=pl.col("difference_pct").cum_sum())
    favoured, turned_on, since = _last_turn(both)
    span = joined.filter(pl.col("session") >= shown["session"].min()) if shown.height else joined
    either = span.select(pl.any_horizontal(pl.col("first_pct", "second_pct").is_not_null()).sum()).item()
    correlation, opposite = _co_movement(shown)
    columns = ("session", "first_pct", "second_pct", "difference_pct", "cumulative_pct", "trailing_pct")
    return Rotation(shown.select(columns), favoured, turned_on, since, correlation, opposite, either - shown.height)


def _last_turn(both: pl.DataFrame) -> tuple[str | None, date | None, date | None]:
    signed = both.drop_nulls("trailing_pct").with_columns(
        sign=pl.when(pl.col("trailing_pct") != 0).then(pl.col("trailing_pct").sign()).forward_fill()
    )
    signed = signed.drop_nulls("sign")
    if signed.is_empty():
        return None, None, None
    runs = signed.with_columns(run=pl.col("sign").rle_id())
    newest = runs.filter(pl.col("run") == pl.col("run").max())
    since: date = newest.item(0, "session")
    favoured = "first" if newest.item(0, "sign") > 0 else "second"
    return favoured, since if newest.item(0, "run") > 0 else None, since


def _co_movement(shown: pl.DataFrame) -> tuple[float | None, float | None]:
    """Pearson's correlation, and the share of sessions with opposite signs in percent."""
    if shown.height < LEAST_PAST:
        return None, None
    first, second = pl.col("first_pct"), pl.col("second_pct")
    varies = (first.n_unique() > 1) & (second.n_unique() > 1)
    return shown.select(
        pl.when(varies).then(pl.corr(first, second)),
        opposite=100 * ((first * second) < 0).mean(),
    ).row(0)
