"""Describe the sources of share counts: which counts are quotients, and which day a count is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import polars as pl

LagBasis: TypeAlias = Literal["measured", "documented", "unknown"]

# Prices are printed to the cent at least; a number read from a file has lost the zeros at its end.
_CENTS = 2
# There are no parts of shares.
_LEAST_MISS = 0.5


@dataclass(frozen=True)
class ShareSource:
    """What is known of the counts of one source.

    Attributes:
        lag_sessions: how many sessions before its date the orders were placed that a count holds for the first time.
        lag_basis: how that is known; where it is ``unknown`` the lag is 0.
        is_derived: whether its counts are net assets over net asset value, for it states none.
        basket: shares that come and go together, where that is known of derived counts; else None.
        is_snapshot: whether it publishes the newest count alone, so that a history accrues from the first run on.
    """

    lag_sessions: int = 0
    lag_basis: LagBasis = "unknown"
    is_derived: bool = False
    basket: int | None = None
    is_snapshot: bool = False


# By what stands before the colon in raw.shares_outstanding.source. The evidence, with its dates, is in
# docs/decisions/0011-when-money-moved.md.
SHARE_SOURCES = {
    "blackrock": ShareSource(lag_sessions=1, lag_basis="measured"),
    # Of 5,128 sessions from 2004 on all but 5 lie within 1,000 shares of a whole basket.
    "spdr_gold": ShareSource(lag_sessions=0, lag_basis="measured", is_derived=True, basket=100_000),
    "ssga": ShareSource(),
    "invesco": ShareSource(is_snapshot=True),
    "grayscale": ShareSource(lag_sessions=1, lag_basis="documented"),
    "twentyone_shares": ShareSource(),
    "vaneck": ShareSource(is_derived=True),
    "folder": ShareSource(),
    # Made so (tools/make_cross_asset_tutorial_data.py).
    "tutorial": ShareSource(lag_sessions=0, lag_basis="documented"),
}


def share_lags(shares: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    """Look up how many sessions each fund's counts lag behind the orders, and how that is known.

    The settings of an asset take precedence over the source of its newest count.

    Args:
        shares: as in ``raw.shares_outstanding``.
        universe: symbol, and, where the settings give them, share_lag_sessions and lag_basis.

    Returns:
        symbol, share_lag_sessions, lag_basis: a row for each fund that has counts.
    """
    newest = shares.sort("session").group_by("symbol").agg(source=_issuer().last())
    known = pl.DataFrame(
        [(name, each.lag_sessions, each.lag_basis) for name, each in SHARE_SOURCES.items()],
        schema={"source": pl.String, "of_source": pl.Int32, "basis_of_source": pl.String},
        orient="row",
    )
    configured = universe.select(
        "symbol",
        *(
            (pl.col(name) if name in universe.columns else pl.lit(None)).cast(kind).alias(name)
            for name, kind in (("share_lag_sessions", pl.Int32), ("lag_basis", pl.String))
        ),
    )
    is_configured = pl.col("share_lag_sessions").is_not_null()
    return (
        newest.join(known, on="source", how="left")
        .join(configured, on="symbol", how="left")
        .select(
            "symbol",
            share_lag_sessions=pl.coalesce("share_lag_sessions", "of_source", 0).cast(pl.Int32),
            lag_basis=pl.when(is_configured)
            .then(pl.col("lag_basis").fill_null("documented"))
            .otherwise(pl.col("basis_of_source").fill_null("unknown")),
        )
    )


def is_derived() -> pl.Expr:
    """Whether the counts of a row are net assets over net asset value, so that these always agree with them."""
    return _issuer().is_in([name for name, known in SHARE_SOURCES.items() if known.is_derived])


def _issuer() -> pl.Expr:
    return pl.col("source").str.split(":").list.first()


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
    basket = _issuer().replace_strict(baskets, default=None, return_dtype=pl.Float64)
    if shares.select(basket.is_null().all()).item():
        return shares
    count = pl.col("shares")
    nearest = (count / basket).round() * basket
    missed_at_most = pl.max_horizontal(
        count * (_half_unit("nav_usd") / pl.col("nav_usd") + _half_unit("net_assets_usd") / pl.col("net_assets_usd")),
        pl.lit(_LEAST_MISS),
    )
    is_distinguishable = missed_at_most < basket / 2
    is_whole = (nearest > 0) & is_distinguishable & ((count - nearest).abs() <= missed_at_most)
    return shares.with_columns(shares=pl.when(is_whole).then(nearest).otherwise(count))


def _half_unit(name: str) -> pl.Expr:
    """Half of the last place that a figure is printed to."""
    decimals = pl.col(name).cast(pl.String).str.extract(r"\.(\d+)$").str.len_chars().fill_null(0)
    return 0.5 * pl.lit(10.0).pow(-decimals.clip(lower_bound=_CENTS).cast(pl.Int32))
