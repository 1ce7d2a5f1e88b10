"""What became of the gaps of a coin whose history was requested again."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from marketflows_pipeline.warehouse.store import Warehouse

SERVED = ("complete", "empty")


def repaired_gaps(
    warehouse: Warehouse, coin: str, gaps: pl.DataFrame, *, outcome: str, step: timedelta
) -> pl.DataFrame:
    """What became of a coin's gaps, all at once: a coin that is rarely refreshed has hundreds.

    The warehouse holds the coin's observations after the request; gaps are ``coin_id, gap_start, gap_end``.

    Returns:
        The gaps with ``rows_new`` and ``outcome``.
    """
    first, last = gaps["gap_start"] - step / 2, gaps["gap_end"] + step / 2
    stored = warehouse.accepted(
        "raw.market_caps",
        columns=["ts"],
        where="coin_id = ? and ts >= ? and ts < ?",
        params=[coin, first.min(), last.max()],
    )["ts"].sort()
    # A gap had no observation before, so what lies inside now is new.
    inside = pl.col("rows_new")
    is_partial = pl.col("gap_start") + (inside - 1) * pl.lit(step) < pl.col("gap_end")
    of_gap = pl.lit(outcome)
    if outcome in SERVED:
        of_gap = (
            pl.when(inside == 0)
            .then(pl.lit("nothing_new"))
            .when(is_partial)
            .then(pl.lit("partial"))
            .otherwise(pl.lit("filled"))
        )
    rows_new = (stored.search_sorted(last) - stored.search_sorted(first)).cast(pl.Int32)
    return gaps.with_columns(rows_new=rows_new).with_columns(outcome=of_gap)
