"""Series with no more points than a chart can show."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketflows_pipeline.report.gaps import at_gaps
from marketflows_pipeline.report.model import MOST_POINTS


def thinned(
    frame: pl.DataFrame, by: Sequence[str], time: str = "ts", most: int = MOST_POINTS
) -> tuple[pl.DataFrame, int | None]:
    """At most ``most`` rows a series, evenly spread over its own rows; its first and last one are kept.

    Rows at gaps are kept beyond them, unless a series has more of these than that: its gaps are too narrow to be seen.

    Growth and inflection have to be taken before: differences of thinned levels are wrong.

    Args:
        frame: rows of all series.
        by: columns that tell series apart; none where all rows are one series.
        time: column that orders a series.
        most: rows a series keeps, at least 2.

    Returns:
        The rows by series and time, and how many the longest series had; None in place of it where nothing was left
        out.
    """
    ordered = frame.sort(*by, time)
    over: list[pl.Expr] = [pl.col(name) for name in by] or [pl.lit(0)]
    at, count = pl.int_range(pl.len()).over(over), pl.len().over(over)
    longest = ordered.select(count.max()).item() if ordered.height else 0
    if longest <= most:
        return ordered, None
    # The row at which the place on the shorter scale goes up by one; the last row is one of them, as is the first.
    place, before = ((step * (most - 1)) // (count - 1) for step in (at, at - 1))
    is_at_gap = at_gaps(ordered.schema, over)
    is_kept = is_at_gap & (is_at_gap.sum().over(over) <= most)
    kept = ordered.filter((count <= most) | (at == 0) | (place > before) | is_kept)
    return kept, longest
