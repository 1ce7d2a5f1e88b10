"""Measure breadth within all that the service lists of a category, from the changes that its page gives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.breadth import LEAST_COINS

# Days of a change to the name of its column.
PERIODS = {1: "price_change_24h_pct", 7: "price_change_7d_pct", 30: "price_change_30d_pct"}
# Nothing loses more than all of itself; a millionfold is a slip, and 1e300 once had no dispersion that could be stored.
LEAST_CHANGE_PCT, MOST_CHANGE_PCT = -100.0, 1e8
# Pages of one run lie within minutes of each other.
SAME_RUN = timedelta(hours=1)

_PAGE = ("series", "stored_as", "observed_at")
_MEASURES = (
    "advancing_pct",
    "median_change_pct",
    "cap_weighted_change_pct",
    "median_minus_cap_weighted_pct",
    "dispersion_pct",
)


def category_breadth(pages: pl.DataFrame, bitcoin: pl.DataFrame, *, bitcoin_id: str) -> pl.DataFrame:
    """Breadth of each page over 1, 7 and 30 days (``mart.category_breadth``).

    With c a coin's change and M its market cap, the cap before is ``M / (1 + c)``, and the cap-weighted change
    ``sum(M) / sum(M / (1 + c)) - 1`` over the coins with both.

    Args:
        pages: series, stored_as (the slug of that day), observed_at, coin_id, market_cap_usd and the three changes in
            percent; without excluded coins. An impossible change counts as an unknown one.
        bitcoin: observed_at and its changes, as a page of the same run has them.
        bitcoin_id: how the pages call bitcoin.

    Returns:
        The columns of ``mart.category_breadth`` by (series, observed_at, days).
    """
    entry = table("mart.category_breadth")
    if pages.is_empty():
        return entry.empty()
    of_pages = (
        _beside_bitcoin(*(each.with_columns(*_possible_changes()) for each in (pages, bitcoin)))
        .lazy()
        .group_by(_PAGE)
        .agg(n_listed=pl.len(), **{name: each for days in PERIODS for name, each in _over(days, bitcoin_id).items()})
        .collect()
        # Stored under a former slug and under today's, one page would count twice.
        .sort(_PAGE)
        .unique(["series", "observed_at"], keep="first", maintain_order=True)
    )
    by_period = pl.concat(
        of_pages.select("series", "observed_at", "n_listed", pl.lit(days, pl.Int32).alias("days"), *_of_period(days))
        for days in PERIODS
    )
    is_enough = pl.col("n") >= LEAST_COINS
    rows = (
        by_period.lazy()
        .with_columns(median_minus_cap_weighted_pct=pl.col("median_change_pct") - pl.col("cap_weighted_change_pct"))
        .with_columns(
            pl.when(is_enough).then(pl.col(_MEASURES)),
            beat_bitcoin_pct=pl.when(pl.col("n_beat") >= LEAST_COINS).then("beat_bitcoin_pct"),
        )
    )
    return entry.stored_form(rows)


def _possible_changes() -> Iterator[pl.Expr]:
    for name in PERIODS.values():
        yield pl.when(pl.col(name).is_between(LEAST_CHANGE_PCT, MOST_CHANGE_PCT)).then(pl.col(name)).alias(name)


def _beside_bitcoin(pages: pl.DataFrame, bitcoin: pl.DataFrame) -> pl.DataFrame:
    """The pages with bitcoin's own changes of the same run."""
    own = bitcoin.select("observed_at", *(pl.col(column).alias(f"bitcoin_{days}") for days, column in PERIODS.items()))
    times = pages.select("observed_at").unique().sort("observed_at")
    beside = times.join_asof(own.sort("observed_at"), on="observed_at", strategy="nearest", tolerance=SAME_RUN)
    return pages.join(beside, on="observed_at", how="left")


def _over(days: int, bitcoin_id: str) -> dict[str, pl.Expr]:
    """The measures of one page over one period, under names that end with the period."""
    change, cap, bitcoin = pl.col(PERIODS[days]), pl.col("market_cap_usd"), pl.col(f"bitcoin_{days}")
    has_beaten = (change > bitcoin).filter(pl.col("coin_id") != bitcoin_id)
    # A coin that lost everything has no cap before that its cap would tell.
    is_weighed = (change > -100) & (cap > 0)
    before = (cap / (1 + change / 100)).filter(is_weighed).sum()
    measures = {
        "n": change.count(),
        "n_advancing": (change > 0).sum(),
        "n_declining": (change < 0).sum(),
        "advancing_pct": 100 * (change > 0).mean(),
        "median_change_pct": change.median(),
        "cap_weighted_change_pct": pl.when(before > 0).then(100 * (cap.filter(is_weighed).sum() / before - 1)),
        "dispersion_pct": change.std(ddof=1),
        "n_beat": has_beaten.count(),
        "beat_bitcoin_pct": 100 * has_beaten.mean(),
        "bitcoin_change_pct": bitcoin.first(),
    }
    return {f"{name}_{days}": each for name, each in measures.items()}


def _of_period(days: int) -> list[pl.Expr]:
    return [pl.col(name).alias(name.removesuffix(f"_{days}")) for name in _over(days, bitcoin_id="")]
