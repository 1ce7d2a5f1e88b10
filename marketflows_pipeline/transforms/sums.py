"""Sum independently of the order of the terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    return _from_parts(*_parts(pl.col(column)))


def known_sum(column: str) -> pl.Expr:
    """`order_independent_sum` of what is known under the column's name; null where nothing is."""
    return pl.when(pl.col(column).count() > 0).then(order_independent_sum(column)).alias(column)


def sum_of_known(values: pl.Expr) -> pl.Expr:
    """The plain sum of what is known, null where nothing is; its last bits follow the order of the rows."""
    return pl.when(values.count() > 0).then(values.sum())


def partial_sums(rows: pl.LazyFrame, by: Sequence[str], column: str) -> pl.DataFrame:
    """What `sum_of_parts` needs of some of the rows.

    Args:
        rows: the columns ``by``, and ``column``.
        by: what is summed apart.
        column: market caps in USD.

    Returns:
        ``by``, the sum in whole grains, its size, the plain sum, and how many rows there are.
    """
    grains, size, plain = _parts(pl.col(column))
    return rows.group_by(by).agg(grains=grains, size=size, plain=plain, n_rows=pl.len()).collect()


def sum_of_parts(parts: Iterable[pl.DataFrame], by: Sequence[str], column: str) -> pl.DataFrame:
    """`order_independent_sum` over rows that were summed block by block: the same to the last bit.

    Args:
        parts: what `partial_sums` gave for each block, one at least.
        by: as it got them.
        column: name of the sum.

    Returns:
        ``by``, the sum in USD, and ``n_rows``.
    """
    total = _from_parts(pl.col("grains").sum(), pl.col("size").sum(), pl.col("plain").sum())
    return pl.concat(parts).group_by(by).agg(total.alias(column), pl.col("n_rows").sum())


def _parts(term: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    return (term / _GRAIN_USD).cast(pl.Int128, strict=False).sum(), term.abs().sum(), term.sum()


def _from_parts(grains: pl.Expr, size: pl.Expr, plain: pl.Expr) -> pl.Expr:
    return pl.when(size < _MOST_USD).then(grains.cast(pl.Float64) * _GRAIN_USD).otherwise(plain)
