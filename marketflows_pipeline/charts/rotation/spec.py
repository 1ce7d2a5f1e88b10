"""Specification of the chart of a rotation: everything about it except its figures.

This module must not import Altair, so that unchanged charts are recognised cheaply.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle, Spec


@dataclass(frozen=True, kw_only=True)
class RotationSpec(Spec):
    """One chart: the paths of all series on the plane, and the log of their quadrants.

    Attributes:
        universe: ``narratives`` or ``cross-asset``.
        benchmark: id of what the series are measured against.
        benchmark_label: its short name.
        subject: what the series are called in the title.
        series: their styles, in their sort order.
        as_of: the newest close.
        step: what a step is called.
        window: steps of the z-scores.
        chance: what the placebo says, in words.
        tail: steps of a path that are drawn.
    """

    draw = "marketflows_pipeline.charts.rotation.plane_and_log:rotation_chart"
    file_pattern = "Rotation_{universe}_by_{benchmark}.png"
    is_essential = True
    columns = (
        "series", "ts", "ratio", "momentum", "quadrant", "is_backfilled", "entered_at", "is_seen_to_begin",
        "return_pct",
    )  # fmt: skip

    universe: str
    benchmark: str
    benchmark_label: str
    subject: str
    series: tuple[SeriesStyle, ...]
    as_of: datetime
    step: str
    window: int
    chance: tuple[str, ...]
    tail: int

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without a point at the newest close."""
        at_newest = frame.filter(pl.col("ts") == self.as_of, pl.col("quadrant").is_not_null())
        if not at_newest.is_empty():
            return None
        return f"no series has the {2 * self.window} {self.step}s that a point takes"
