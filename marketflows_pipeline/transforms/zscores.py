"""Compute z-scores against a history that varies."""

from __future__ import annotations

import polars as pl

# Below this share of the mean a deviation is rounding: that of equal numbers is not always 0 in floating point.
_ROUNDING = 1e-9


def varies(mean: pl.Expr, deviation: pl.Expr) -> pl.Expr:
    """Whether a history with this mean and standard deviation varies by more than rounding."""
    return deviation > _ROUNDING * mean.abs()


def zscore(value: pl.Expr, mean: pl.Expr, deviation: pl.Expr) -> pl.Expr:
    """``(value - mean) / deviation``; null where the history does not vary or is not known."""
    return pl.when(varies(mean, deviation)).then((value - mean) / deviation)
