"""Compute circulating supply of coins, day by day, from observations of market cap and price."""

from __future__ import annotations

import polars as pl


def daily_supply(observations: pl.DataFrame, coins: pl.DataFrame) -> pl.DataFrame:
    """Supply of each coin at the last observation of each day: market cap over price, both of that moment.

    Args:
        observations: coin_id, ts, market_cap_usd, price_usd as in ``raw.market_caps``; an observation whose cap or
            price is not a finite number above 0 says nothing of the supply and is ignored.
        coins: symbol, coin_id of the coins that are wanted.

    Returns:
        symbol, session (a date in UTC), supply, market_cap_usd, price_usd by (symbol, session); days without an
        observation are missing.
    """
    return (
        _last_of_day(observations.lazy().join(coins.lazy().select("symbol", "coin_id"), on="coin_id"), "symbol")
        .select("symbol", "day", "supply", "market_cap_usd", "price_usd")
        .rename({"day": "session"})
        .collect()
    )


def supply_by_coin(observations: pl.DataFrame) -> pl.DataFrame:
    """The same by coin id: coin_id, day, supply by (coin_id, day)."""
    return _last_of_day(observations.lazy(), "coin_id").select("coin_id", "day", "supply").collect()


def _last_of_day(observations: pl.LazyFrame, coin: str) -> pl.LazyFrame:
    return (
        observations.filter(
            *(pl.col(name).is_finite() & (pl.col(name) > 0) for name in ("market_cap_usd", "price_usd"))
        )
        .with_columns(day=pl.col("ts").dt.convert_time_zone("UTC").dt.date())
        .sort(coin, "ts")
        .group_by(coin, "day", maintain_order=True)
        .agg(pl.col("market_cap_usd", "price_usd").last())
        .with_columns(supply=pl.col("market_cap_usd") / pl.col("price_usd"))
    )
