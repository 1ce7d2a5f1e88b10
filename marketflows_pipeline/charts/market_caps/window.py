"""Which rows a chart draws: the visible window, thinned to what its pixels can show."""

from __future__ import annotations

from datetime import timedelta

import polars as pl


def visible_rows(frame: pl.DataFrame, steps: int | None, step: timedelta) -> pl.DataFrame:
    """Rows from the first to the last time at which any series has a value, at most ``steps`` back from the last.

    Non-finite values become null and steps without a row get one, so that they break a line like any other missing
    value.

    Args:
        frame: series, ts, value.
        steps: grid steps to show (``steps + 1`` points), or None for all.
        step: length of a grid step.

    Returns:
        series, ts, value, sorted by series and ts.
    """
    clean = frame.select(
        "series", "ts", value=pl.when(pl.col("value").is_finite()).then(pl.col("value").cast(pl.Float64))
    )
    after = pl.col("ts").shift(-1).over("series", order_by="ts")
    # A step that has no row is as unknown as one whose value is null.
    gaps = clean.filter(after - pl.col("ts") > step).with_columns(pl.col("ts") + step, value=pl.lit(None, pl.Float64))
    clean = pl.concat([clean, gaps])
    times = clean.filter(pl.col("value").is_not_null()).get_column("ts")
    if times.is_empty():
        return clean.clear()
    first, last = times.min(), times.max()
    start = first if steps is None else pl.max_horizontal(pl.lit(first), pl.lit(last) - steps * step)
    return clean.filter(pl.col("ts") >= start, pl.col("ts") <= last).sort("series", "ts")


def without_flat_start(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out the first time where no series moves until the second: nothing was observed there.

    A window begins up to one step before the first observation, whose value then also stands at the first grid time.
    """
    times = frame.get_column("ts").unique().sort()
    first_step = frame.filter(pl.col("ts").is_in(times.head(2).implode())).drop_nulls("value")
    pairs = first_step.filter(pl.len().over("series") == 2).group_by("series").agg(pl.col("value").n_unique())
    is_flat = not pairs.is_empty() and (pairs.get_column("value") == 1).all()
    return frame.filter(pl.col("ts") > times[0]) if is_flat and len(times) > 2 else frame


def thinned(frame: pl.DataFrame, buckets: int) -> pl.DataFrame:
    """Keep the first, last, smallest and largest value of each series in each of ``buckets`` equal spans of time.

    A line through these points covers the same pixels as the full line when a bucket is about as wide as its
    stroke, and no extreme is lost. Runs of nulls keep at least one null, so a gap stays a gap. A frame whose
    series have no more times than twice the buckets is returned as it is.

    Source: M4 aggregation, Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014.

    Args:
        frame: series, ts, value, sorted by series and ts, as it stays.
        buckets: number of spans over the frame's whole time range.
    """
    if frame.get_column("ts").n_unique() <= 2 * buckets:
        return frame
    seconds = (pl.col("ts") - pl.col("ts").min()).dt.total_microseconds()
    kept = (
        frame.with_row_index("row")
        .with_columns(
            bucket=(seconds * buckets // (seconds.max() + 1)).cast(pl.Int32),
            run=pl.struct("series", pl.col("value").is_null()).rle_id(),
        )
        .group_by("run", "bucket")
        .agg(
            first=pl.col("row").first(),
            last=pl.col("row").last(),
            low=pl.col("row").get(pl.col("value").arg_min(), null_on_oob=True),
            high=pl.col("row").get(pl.col("value").arg_max(), null_on_oob=True),
        )
        .select(pl.concat_list("first", "last", "low", "high").explode().alias("row"))
        .get_column("row")
        .drop_nulls()
        .unique()
        .sort()
    )
    return frame[kept]


def lone_points(frame: pl.DataFrame) -> pl.DataFrame:
    """Values with no value right before and after them in their series: a line cannot show them, a dot can."""
    before = pl.col("value").shift(1).over("series").is_null()
    after = pl.col("value").shift(-1).over("series").is_null()
    return frame.filter(pl.col("value").is_not_null(), before, after)
