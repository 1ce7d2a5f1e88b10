"""Sum attributed changes of market cap over the last days, per coin and per series."""

from __future__ import annotations

from typing import Literal

import polars as pl

from marketflows_pipeline.transforms.market_caps.daily_closes import DAY

SUPPLY_DAYS = 7
"""Below so many days the supply effect is mostly the noise of closes; it counts with the rest."""

By = Literal["price", "supply", "membership"]

_SORTED_BY = {"price": "price_effect_usd", "supply": "new_supply_usd", "membership": "membership_usd"}
_TAKEN = ("price_effect_usd", "supply_effect_usd", "large_supply_step_usd", "timing_usd")


def coin_movers(attribution: pl.DataFrame, days: int, by: By) -> pl.DataFrame:
    """What moved each coin's market cap over the last days, the largest effect of one kind first.

    ``change = price + supply + large supply step + rest``; the rest is timing, and supply too below 7 days.

    Args:
        attribution: rows of ``mart.cap_attribution``.
        days: back from the newest close.
        by: price, or supply (large steps included).

    Returns:
        coin_id, market_cap_usd, market_cap_before_usd, change_usd, change_pct, price_effect_usd, supply_effect_usd
        (null below 7 days), large_supply_step_usd, new_supply_usd (both), rest_usd, is_confirmed, days_known.
    """
    last = _last_days(attribution, days).filter(pl.col("change_usd").is_not_null()).sort("coin_id", "ts")
    confirmed = pl.col("is_confirmed")
    sums = last.group_by("coin_id", maintain_order=True).agg(
        pl.col("market_cap_usd").last(),
        pl.col("change_usd", *_TAKEN).sum(),
        days_known=pl.len().cast(pl.Int32),
        is_confirmed=pl.when(confirmed.count() > 0).then(confirmed.all()),
    )
    before = pl.col("market_cap_usd") - pl.col("change_usd")
    return sums.with_columns(market_cap_before_usd=before).pipe(_by_size, days, by, "coin_id")


def series_movers(totals: pl.DataFrame, days: int, by: By) -> pl.DataFrame:
    """What moved each series' market cap over the last days, the largest effect of one kind first.

    ``change = price + supply + large supply step + rest + membership``, membership being arrivals - departures.

    Args:
        totals: rows of ``mart.cap_attribution_totals``.
        days: back from the newest close.
        by: price, supply (large steps included) or membership.

    Returns:
        category, series and the columns of `coin_movers`, without is_confirmed, with membership_usd, arrivals_usd,
        departures_usd.
    """
    key = ["category", "series"]
    sums = (
        _last_days(totals, days)
        .sort(*key, "ts")
        .group_by(key, maintain_order=True)
        .agg(
            pl.col("market_cap_usd").last(),
            pl.col("market_cap_before_usd").first(),
            pl.col("change_usd", *_TAKEN, "arrivals_usd", "departures_usd").sum(),
            days_known=pl.len().cast(pl.Int32),
        )
    )
    membership = pl.col("arrivals_usd") - pl.col("departures_usd")
    return sums.with_columns(membership_usd=membership).pipe(_by_size, days, by, *key)


def _last_days(frame: pl.DataFrame, days: int) -> pl.DataFrame:
    return frame.filter(pl.col("ts") > pl.col("ts").max() - days * DAY)


def _by_size(sums: pl.DataFrame, days: int, by: By, *key: str) -> pl.DataFrame:
    """Percentages, the rest, and the order; supply is part of the rest where the days are few."""
    is_measured = days >= SUPPLY_DAYS
    supply = pl.col("supply_effect_usd")
    rest = pl.col("timing_usd") if is_measured else pl.col("timing_usd") + supply
    return (
        sums.with_columns(
            new_supply_usd=supply + pl.col("large_supply_step_usd") if is_measured else pl.lit(None, pl.Float64),
            rest_usd=rest,
            supply_effect_usd=supply if is_measured else pl.lit(None, pl.Float64),
            change_pct=100 * pl.col("change_usd") / pl.col("market_cap_before_usd"),
        )
        .sort(pl.col(_SORTED_BY[by]).abs(), *key, descending=[True, *(False for _ in key)])
        .drop("timing_usd")
    )
