"""Compute how unusual a figure is against its own past, and how many past figures that rests on."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

# A percentile of fewer is a step of more than 5 points.
LEAST_PAST = 20
# Below this share of the mean a deviation is rounding: that of equal numbers is not always 0 in floating point.
ROUNDING = 1e-9


def varies(mean: pl.Expr, deviation: pl.Expr) -> pl.Expr:
    """Whether a history with this mean and standard deviation varies by more than rounding."""
    return deviation > ROUNDING * mean.abs()


def zscore(value: pl.Expr, mean: pl.Expr, deviation: pl.Expr) -> pl.Expr:
    """``(value - mean) / deviation``; null where the history does not vary or is not known."""
    return pl.when(varies(mean, deviation)).then((value - mean) / deviation)


def against_past(present: pl.DataFrame, past: pl.DataFrame, key: Sequence[str], value: str) -> pl.DataFrame:
    """Z-score and percentile of present figures, each among the past ones of its own key.

    With x the figure and p its n past ones::

        zscore         = (x - mean(p)) / standard deviation (n - 1) of p
        percentile_pct = 100 (number of p below x + half the number equal to x) / n

    Both are null with fewer than 20 past figures, the z-score also where these do not vary. The past ends before the
    present: x itself is not among p. Overlapping windows count one by one, so n of them tell less than n separate ones.

    Args:
        present: the key and the value, one row a key; a null value has neither.
        past: the key and the value, in order of time, so that sums have the same last bit in every run; nulls are
            left out.
        key: columns that both are matched by.
        value: column of the figure.

    Returns:
        The rows of `present` in their order, with ``zscore, percentile_pct, n_past``.
    """
    x, now = pl.col(value), pl.col("x_now")
    found = (
        # No lazy plan, which adds up in an order that differs from run to run, and with it the last bits.
        past.select(*key, value)
        .drop_nulls(value)
        .join(present.select(*key, x_now=value), on=list(key), maintain_order="left")
        .group_by(*key, maintain_order=True)
        .agg(
            n_past=pl.len().cast(pl.Int32),
            mean=x.mean(),
            deviation=x.std(ddof=1),
            lower=(x < now).sum(),
            equal=(x == now).sum(),
        )
    )
    is_enough = (pl.col("n_past") >= LEAST_PAST) & x.is_not_null()
    percentile = 100 * (pl.col("lower") + pl.col("equal") / 2) / pl.col("n_past")
    return (
        present.join(found, on=list(key), how="left", maintain_order="left")
        .with_columns(pl.col("n_past").fill_null(0))
        .with_columns(
            zscore=pl.when(is_enough).then(zscore(x, pl.col("mean"), pl.col("deviation"))),
            percentile_pct=pl.when(is_enough).then(percentile),
        )
        .select(*present.columns, "zscore", "percentile_pct", "n_past")
    )
