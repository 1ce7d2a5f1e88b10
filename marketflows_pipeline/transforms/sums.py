"""Sum independently of the order of the terms."""

from __future__ import annotations

import polars as pl

# Market caps from 8 million USD on are exact multiples of it, smaller ones lose less than a billionth of a dollar.
_GRAIN_USD = 2.0**-30
# The largest total in whole grains of which 128 bits hold every partial sum.
_MOST_USD = 1e29


def order_independent_sum(column: str) -> pl.Expr:
    """The sum of market caps in USD, to the last bit the same in every run.

    Threads add up floating numbers in whatever order they come to them. The last bits would differ from run to run,
    and where nothing grew the difference of two such sums would be noise, which unit scaling makes a 0 or a 1.

    Terms too large for that, which only a row released from the quarantine can bring, are added up as they are: beside
    them those bits mean nothing.
    """
    term = pl.col(column)
    exact = (term / _GRAIN_USD).cast(pl.Int128, strict=False).sum().cast(pl.Float64) * _GRAIN_USD
    return pl.when(term.abs().sum() < _MOST_USD).then(exact).otherwise(term.sum())
