"""Lines over daily closes whose back-filled part is dashed."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.style.broken_lines import lone_dots
from marketflows_pipeline.charts.style.marks import csv_chart

DASH = [3, 2.5]
NOTE = "dashed: back-filled with coins that were known later only"


def broken_runs(is_backfilled: str = "is_backfilled") -> pl.Expr:
    """Number of the stretch of consecutive days of one kind that a row belongs to; rows by series and ``day``."""
    gap = pl.col("day").diff().dt.total_days() > 1
    turn = pl.col(is_backfilled) != pl.col(is_backfilled).shift(1)
    return (gap | turn).fill_null(value=False).cast(pl.Int32).cum_sum().over("series")


def with_joints(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows, and at the end of each back-filled stretch the point that it leads to, so that no gap is drawn.

    Args:
        rows: series, day, run (see `broken_runs`), is_backfilled, and what is drawn, by series and day.
    """
    before = pl.col("run", "is_backfilled").shift(1).over("series").name.suffix("_before")
    is_joint = pl.col("is_backfilled_before") & ~pl.col("is_backfilled")
    is_next_day = pl.col("day").diff().dt.total_days().over("series") == 1
    joints = (
        rows.with_columns(before)
        .filter(is_joint & is_next_day)
        .with_columns(run=pl.col("run_before"), is_backfilled=pl.col("is_backfilled_before"))
    )
    return pl.concat([rows, joints.select(rows.columns)]).sort("series", "run", "day", maintain_order=True)


def dashed_lines(rows: pl.DataFrame, *, width: float = 2, **channels: Any) -> list[alt.Chart]:  # noqa: ANN401 (what Altair takes)
    """Lines of the rows, dashed where they are back-filled, and a dot for each value between two gaps.

    Args:
        rows: series, run, is_backfilled and the fields of the channels.
        width: of the lines.
        channels: position, colour and what else tells lines apart.
    """
    layers = []
    for is_backfilled in (False, True):
        some = rows.filter(pl.col("is_backfilled") == is_backfilled)
        if some.is_empty():
            continue
        look: dict[str, Any] = {"strokeDash": DASH} if is_backfilled else {}
        mark = csv_chart(some.drop("day", "is_backfilled")).mark_line(
            strokeWidth=width, interpolate="linear", strokeJoin="round", **look
        )
        layers.append(mark.encode(**channels))
    dots = {name: channel for name, channel in channels.items() if name in {"x", "y", "color"}}
    return [*layers, *lone_dots(rows.drop("day", "is_backfilled"), "series", "run", **dots)]
