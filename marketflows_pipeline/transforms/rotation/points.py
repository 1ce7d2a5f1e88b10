"""Compute points of a rotation, the log of stays in its quadrants, and its placebo, as frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from marketflows_pipeline.schema import Table
from marketflows_pipeline.transforms.rotation.placebo import closes_hash, placebo
from marketflows_pipeline.transforms.rotation.plane import (
    QUADRANTS,
    Array,
    Plane,
    headings,
    quadrants,
    ratio_and_momentum,
)

LEVELS = {
    "series": pl.String(),
    "ts": pl.Datetime("us", "UTC"),
    "level": pl.Float64(),
    "is_backfilled": pl.Boolean(),
}


@dataclass(frozen=True)
class Chart:
    """One chart of a rotation: which series against what, on which plane.

    Attributes:
        universe: ``narratives``, ``cross-asset`` or ``flows``.
        benchmark: what the levels are divided by.
        plane: how the points are made.
    """

    universe: str
    benchmark: str
    plane: Plane

    @property
    def _key(self) -> dict[str, pl.Expr]:
        return {"universe": pl.lit(self.universe), "benchmark": pl.lit(self.benchmark)}

    def points(self, levels: pl.DataFrame) -> pl.DataFrame:
        """Points of each series from its first ratio on.

        Args:
            levels: series, ts, level, is_backfilled: index over benchmark of each completed step, from the index's
                base on; any unit, which drops out.

        Returns:
            universe, series, benchmark, ts, ratio, momentum, quadrant, heading_deg, speed, is_backfilled by (series,
            ts). Momentum and quadrant are null before there are enough steps, heading too where a point did not move.
        """
        times, series, matrix = as_matrix(levels)
        ratio, momentum = ratio_and_momentum(matrix, self.plane)
        heading, speed = headings(ratio, momentum)
        places = quadrants(ratio, momentum)
        figures = {"ratio": ratio, "momentum": momentum, "heading_deg": heading, "speed": speed}
        found = pl.DataFrame(
            {
                "series": pl.Series(series, dtype=pl.String).gather(np.repeat(np.arange(len(series)), len(times))),
                "ts": pl.concat([times] * len(series)) if series else times,
                "place": places.T.ravel(),
                **{name: values.T.ravel() for name, values in figures.items()},
            }
        ).with_columns(
            pl.col(*figures).fill_nan(None),
            quadrant=pl.col("place").replace_strict(dict(enumerate(QUADRANTS)), default=None, return_dtype=pl.String),
            **self._key,
        )
        flags = levels.select("series", "ts", "is_backfilled")
        return (
            found.drop_nulls("ratio").join(flags, on=["series", "ts"], how="left", maintain_order="left").drop("place")
        )

    def stays(self, points: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
        """The log: each stay of a series in a quadrant, with the return while inside.

        A stay begins with the first point in the quadrant and ends with the first one outside of it, so the return is
        that from the close of the first to the close of the second, or to the newest. A point without a quadrant ends
        one.

        Args:
            points: as `points` returns them.
            values: series, ts, value: what the return is of.

        Returns:
            universe, series, benchmark, entered_at, left_at (null while inside), quadrant, days, return_pct,
            is_seen_to_begin (whether the series was in another quadrant before), is_backfilled (whether the close of
            the entry is), by (series, entered_at).
        """
        valued = points.join(values.select("series", "ts", "value"), on=["series", "ts"], how="left").sort(
            "series", "ts"
        )
        before = pl.col("quadrant").shift(1).over("series")
        is_known = pl.col("quadrant").is_not_null()
        return (
            valued.with_columns(
                pl.col("ts", "value").shift(-1).over("series").name.prefix("next_"),
                is_seen_to_begin=before.is_not_null(),
                stay=pl.struct("series", "quadrant").rle_id(),
            )
            .filter(is_known)
            .group_by("stay", maintain_order=True)
            .agg(
                pl.col("series", "quadrant", "is_seen_to_begin", "is_backfilled").first(),
                entered_at=pl.col("ts").first(),
                newest=pl.col("ts").last(),
                left_at=pl.col("next_ts").last(),
                value=pl.col("value").first(),
                last_value=pl.coalesce("next_value", "value").last(),
            )
            .with_columns(
                days=(pl.coalesce("left_at", "newest") - pl.col("entered_at")).dt.total_days().cast(pl.Int32),
                return_pct=100 * (pl.col("last_value") / pl.col("value") - 1),
                **self._key,
            )
            .drop("stay", "newest", "value", "last_value")
        )

    def placebo(self, levels: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
        """What the chart claims beside what chance alone gives, computed anew only where the closes changed.

        Over the series that have the newest step and as much history as is needed (or, where none has, those with the
        longest), on the steps that all of them have.

        Args:
            levels: as in `points`.
            stored: rows of an earlier call, of this chart or others.

        Returns:
            universe, benchmark, statistic, as_of, value, lower, upper, n_entries, reason, n_series, n_steps,
            n_backfilled, closes_hash: a row a statistic; none where there are no levels.
        """
        shared = self._shared_history(levels)
        times, series, matrix = as_matrix(shared)
        if not series:
            return pl.DataFrame()
        digest = closes_hash(matrix, series, self.plane)
        is_same = (pl.col("closes_hash") == digest) & (pl.col("universe") == self.universe)
        if not stored.is_empty():
            kept = stored.filter(is_same, pl.col("benchmark") == self.benchmark)
            if not kept.is_empty():
                return kept
        backfilled = shared.filter("is_backfilled")["ts"].n_unique()
        return placebo(matrix, self.plane).with_columns(
            as_of=pl.lit(times[-1], LEVELS["ts"]),
            n_series=pl.lit(len(series), pl.Int32),
            n_steps=pl.lit(len(times), pl.Int32),
            n_backfilled=pl.lit(backfilled, pl.Int32),
            closes_hash=pl.lit(digest),
            **self._key,
        )

    def _shared_history(self, levels: pl.DataFrame) -> pl.DataFrame:
        known = levels.drop_nulls("level")
        steps = known.group_by("series").agg(pl.col("ts").max(), n=pl.len())
        counts = steps.filter(pl.col("ts") == pl.col("ts").max())
        enough = pl.min_horizontal(pl.col("n").max(), self.plane.least)
        chosen = known.join(counts.filter(pl.col("n") >= enough), on="series", how="semi")
        return chosen.filter(pl.len().over("ts") == pl.col("series").n_unique())


def as_matrix(levels: pl.DataFrame) -> tuple[pl.Series, list[str], Array]:
    """Times, series and levels of shape (times, series), both in order; NaN where a series has no level."""
    times = levels["ts"].unique().sort()
    series: list[str] = levels["series"].unique().sort().to_list()
    matrix = np.full((len(times), len(series)), np.nan)
    for column, name in enumerate(series):
        of_series = levels.filter(pl.col("series") == name).drop_nulls("level")
        rows = times.search_sorted(of_series["ts"])
        matrix[rows.to_numpy(), column] = of_series["level"].to_numpy()
    return times, series, matrix


def stored_rows(entry: Table, frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The rows of several charts as the table stores them."""
    filled = [frame.select(entry.column_names) for frame in frames if not frame.is_empty()]
    return entry.stored_form(pl.concat(filled).lazy()) if filled else entry.empty()
