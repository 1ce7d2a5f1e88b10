"""Parts of a whole, and ratios compared with 1 within a tolerance whose bound counts as inside."""

from __future__ import annotations

import polars as pl

# In floating point 105 / 100 is more than 5 % above 1.
ROUNDING = 1e-9


def is_within(tolerance: float, ratio: pl.Expr) -> pl.Expr:
    """Whether a ratio lies within a tolerance of 1, as 0.05 for 5 %, bound included; null where the ratio is null."""
    return (ratio - 1).abs() <= tolerance + ROUNDING


def part_of(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """``part / whole``; null unless the whole is above 0."""
    return pl.when(whole > 0).then(part / whole)


def percent_of(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """``100 part / whole``; null unless the whole is above 0."""
    return pl.when(whole > 0).then(100 * part / whole)
