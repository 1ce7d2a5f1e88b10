"""Series as the page shows them: labels in their order, colours, and no more points than a chart can show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from marketflows_pipeline.charts.style.theme import GREY
from marketflows_pipeline.report.gaps import at_gaps
from marketflows_pipeline.report.model import MOST_POINTS
from marketflows_pipeline.report.published import PublishedFile, with_texts
from marketflows_pipeline.report.sections.cards import known
from marketflows_pipeline.report.specs import series_of
from marketflows_pipeline.system.printable import presentable_name, visible
from marketflows_pipeline.transforms.categories import COHORT, NARRATIVES, PORTFOLIOS, RANGES
from marketflows_pipeline.warehouse.ddl import literal

# The column whose value is singled out in all charts: what a series is called, unique in its category.
KEY = "label"
ALL_COINS = "All ranges"
"""All coins above the smallest limit of the ranges together."""

# Rows of a chart's data: fifty series have fewer points each, so that the page stays small.
_MOST_ROWS = 10_000
_LEAST_POINTS = 120

Series = tuple[tuple[str, str, str], ...]


def labels_of(file: PublishedFile, category: str) -> tuple[str, ...]:
    """Labels of a category's series in their order; none where it has no series."""
    if not file.has("core.series"):
        return ()
    rows = file.frame(f"select label from core.series where category = {literal(category)} order by sort_order, series")
    return tuple(dict.fromkeys(rows["label"]))


def portfolios_of(file: PublishedFile) -> tuple[str, ...]:
    """Categories that are one portfolio's coins, in alphabetical order."""
    if not file.has("core.series"):
        return ()
    categories = file.frame("select distinct category from core.series order by category")["category"]
    return tuple(category for category in categories if category not in (NARRATIVES, PORTFOLIOS, RANGES, COHORT))


def those_in(labels: tuple[str, ...], rows: pl.DataFrame) -> tuple[str, ...]:
    """The labels that rows have, in their order."""
    known = set(rows[KEY].unique())
    return tuple(label for label in labels if label in known)


def styled(labels: tuple[str, ...]) -> Series:
    """Key, label and colour of each series."""
    return series_of([(label, label) for label in labels])


def plain(labels: tuple[str, ...]) -> Series:
    """Key and label of each series of a chart whose colours mean something else."""
    return tuple((label, label, GREY) for label in labels)


def row_height(rows: int) -> int:
    """Height of a row of bars, px: few rows are higher, so that the chart fills its card."""
    return max(22, min(44, 264 // max(rows, 1)))


def newest_figures(rows: pl.DataFrame, field: str) -> dict[str, float]:
    """The known figures of a column at the newest time, by label."""
    return known(dict(rows.filter(pl.col("ts") == pl.col("ts").max()).select(KEY, field).iter_rows()))


def over_days(
    rows: pl.DataFrame, field: str, days: int, change: Callable[[pl.Expr, pl.Expr], pl.Expr]
) -> dict[str, float | None]:
    """What a column did in so many days up to the newest time, by label; null where either end is not known.

    Args:
        rows: label, ts, the column.
        field: the column.
        days: back to its value before.
        change: of the value before and the newest one.
    """
    newest, value = pl.col("ts").max(), pl.col(field).sort_by("ts")
    ends = rows.filter((pl.col("ts") == newest) | (pl.col("ts") == newest - pl.duration(days=days)))
    changes = ends.group_by(KEY, maintain_order=True)
    return dict(changes.agg(change=pl.when(pl.len() == 2).then(change(value.first(), value.last()))).iter_rows())


def points_for(series: int) -> int:
    """Points that each of so many series has at most."""
    return max(_LEAST_POINTS, min(MOST_POINTS, _MOST_ROWS // max(series, 1)))


def shown(frame: pl.DataFrame, names: tuple[str, ...] = (), lists: tuple[str, ...] = ()) -> pl.DataFrame:
    """The frame with text from outside as it can be shown, beyond the columns that every answer has so.

    Args:
        frame: rows as they were read.
        names: columns of one name each.
        lists: columns of several names each.
    """
    return with_texts(with_texts(frame, names, presentable_name), lists, visible)


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
