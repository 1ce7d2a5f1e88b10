"""What is known of the sources of share counts, as data: which counts are quotients, and what follows for them.

What belongs here: one entry a source, and the rules that are told by it. What does not: where its files are
(providers/), and splits (shares).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

# Prices are printed to the cent at least; a number read from a file has lost the zeros at its end.
_CENTS = 2
# There are no parts of shares.
_LEAST_MISS = 0.5


@dataclass(frozen=True)
class ShareSource:
    """What is known of the counts of one source.

    Attributes:
        basket: shares that come and go together, where its counts are net assets over net asset value; None where it
            states counts.
    """

    basket: int | None = None


# By what stands before the colon in raw.shares_outstanding.source.
SHARE_SOURCES = {
    # Of 5,128 sessions from 2004 on all but 5 lie within 1,000 shares of a whole basket.
    "spdr_gold": ShareSource(basket=100_000),
}


def whole_baskets(shares: pl.DataFrame) -> pl.DataFrame:
    """Counts that are quotients as whole baskets, where the precision of the two printed figures allows it.

    A quotient of net assets A and net asset value V, printed to the units a and v, is the nearest whole basket where it
    misses that by at most ``Q (v / 2V + a / 2A)``, or by half a share. Else it stays as it is: a rule of the fund may
    have changed, and a wrong figure is not to be hidden. So it does where the precision allows for several baskets.

    Args:
        shares: as in ``raw.shares_outstanding``.

    Returns:
        `shares`, in its order.
    """
    baskets = {name: known.basket for name, known in SHARE_SOURCES.items() if known.basket is not None}
    basket = pl.col("source").str.split(":").list.first().replace_strict(baskets, default=None, return_dtype=pl.Float64)
    if shares.select(basket.is_null().all()).item():
        return shares
    count = pl.col("shares")
    nearest = (count / basket).round() * basket
    missed_at_most = pl.max_horizontal(
        count * (_half_unit("nav_usd") / pl.col("nav_usd") + _half_unit("net_assets_usd") / pl.col("net_assets_usd")),
        pl.lit(_LEAST_MISS),
    )
    is_told_apart = missed_at_most < basket / 2
    is_whole = (nearest > 0) & is_told_apart & ((count - nearest).abs() <= missed_at_most)
    return shares.with_columns(shares=pl.when(is_whole).then(nearest).otherwise(count))


def _half_unit(name: str) -> pl.Expr:
    """Half of the last place that a figure is printed to."""
    decimals = pl.col(name).cast(pl.String).str.extract(r"\.(\d+)$").str.len_chars().fill_null(0)
    return 0.5 * pl.lit(10.0).pow(-decimals.clip(lower_bound=_CENTS).cast(pl.Int32))
