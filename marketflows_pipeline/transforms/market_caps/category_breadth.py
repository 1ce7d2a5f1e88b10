"""Measure breadth within all that the service lists of a category, from the changes that its page gives."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.breadth import BITCOIN, LEAST_COINS
from marketflows_pipeline.transforms.sums import order_independent_sum

# Days of a change to the name of its column.
PERIODS = {1: "price_change_24h_pct", 7: "price_change_7d_pct", 30: "price_change_30d_pct"}
# Pages of one run lie within minutes of each other.
SAME_RUN = timedelta(hours=1)

_KEY = ("series", "observed_at", "days")


def category_breadth(pages: pl.DataFrame, bitcoin: pl.DataFrame) -> pl.DataFrame:
    """Breadth of each page over 1, 7 and 30 days (``mart.category_breadth``).

    With c a coin's change and M its market cap, the cap before is ``M / (1 + c)``, and the cap-weighted change
    ``sum(M) / sum(M / (1 + c)) - 1`` over the coins with both.

    Args:
        pages: series, observed_at, coin_id, market_cap_usd and the three changes in percent; without excluded coins.
        bitcoin: observed_at and its changes, as a page of the same run has them.

    Returns:
        The columns of ``mart.category_breadth`` by (series, observed_at, days).
    """
    entry = table("mart.category_breadth")
    if pages.is_empty():
        return entry.empty()
    own = bitcoin.select("observed_at", *PERIODS.values()).sort("observed_at")
    changes = pl.concat(_over_one_period(pages, own, days, column) for days, column in PERIODS.items())
    change, is_up = pl.col("change"), pl.col("change") > 0
    median = change.median()
    weighted = 100 * (order_independent_sum("cap_usd") / order_independent_sum("cap_before_usd") - 1)
    by_page = (
        changes.lazy()
        .sort(*_KEY, "coin_id")
        .group_by(_KEY, maintain_order=True)
        .agg(
            n_listed=pl.len(),
            n=change.count(),
            n_advancing=is_up.sum(),
            n_declining=(change < 0).sum(),
            advancing_pct=100 * is_up.mean(),
            median_change_pct=median,
            cap_weighted_change_pct=pl.when(pl.col("cap_before_usd").count() > 0).then(weighted),
            dispersion_pct=change.std(ddof=1),
            n_beat=pl.col("has_beaten").count(),
            beat_bitcoin_pct=100 * pl.col("has_beaten").mean(),
            bitcoin_change_pct=pl.col("bitcoin_change").first(),
        )
        .with_columns(median_minus_cap_weighted_pct=pl.col("median_change_pct") - pl.col("cap_weighted_change_pct"))
        .with_columns(
            pl.when(pl.col("n") >= LEAST_COINS).then(
                pl.col(
                    "advancing_pct",
                    "median_change_pct",
                    "cap_weighted_change_pct",
                    "median_minus_cap_weighted_pct",
                    "dispersion_pct",
                )
            ),
            beat_bitcoin_pct=pl.when(pl.col("n_beat") >= LEAST_COINS).then("beat_bitcoin_pct"),
        )
    )
    return entry.stored_form(by_page)


def _over_one_period(pages: pl.DataFrame, bitcoin: pl.DataFrame, days: int, column: str) -> pl.DataFrame:
    """One change of each coin beside bitcoin's own, and the caps that weigh it."""
    change, cap = pl.col(column), pl.col("market_cap_usd")
    beaten = change > pl.col("bitcoin_change")
    # A coin that lost everything has no cap before that its cap would tell.
    is_weighed = (change > -100) & (cap > 0)
    return (
        pages.sort("observed_at")
        .join_asof(
            bitcoin.select("observed_at", bitcoin_change=column),
            on="observed_at",
            strategy="nearest",
            tolerance=SAME_RUN,
        )
        .select(
            "series",
            "observed_at",
            "coin_id",
            "bitcoin_change",
            days=pl.lit(days, pl.Int32),
            change=change,
            has_beaten=pl.when(pl.col("coin_id") != BITCOIN).then(beaten),
            cap_usd=pl.when(is_weighed).then(cap),
            cap_before_usd=pl.when(is_weighed).then(cap / (1 + change / 100)),
        )
    )
