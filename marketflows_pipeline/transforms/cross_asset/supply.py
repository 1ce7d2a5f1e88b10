"""Compute circulating supply of coins, day by day, from observations of market cap and price."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.market_caps.daily_closes import rebase_redenominations, with_supply
from marketflows_pipeline.transforms.moments import utc_day


def daily_supply(observations: pl.DataFrame, coins: pl.DataFrame) -> pl.DataFrame:
    """Supply of each coin on each day: the trailing median of market cap over price, as the attribution takes it.

    Cap and price are those of the day's last observation. They are not of one instant, so that the quotient of a single
    day is mostly noise: half a billion USD a day for bitcoin, whose issuance is a tenth of that. The median is over the
    last seven days that have an observation, fewer at the start (see `daily_closes.with_supply`); a redenomination
    counts in full on its own day.

    Args:
        observations: coin_id, ts, market_cap_usd, price_usd as in ``raw.market_caps``; an observation whose cap or
            price is not a finite number above 0 says nothing of the supply and is ignored.
        coins: symbol, coin_id of the coins that are wanted.

    Returns:
        symbol, session (a date in UTC), supply (in coins of that day), market_cap_usd, price_usd by (symbol, session);
        days without an observation are missing.
    """
    days = _last_of_day(observations.lazy().join(coins.lazy().select("symbol", "coin_id"), on="coin_id"), "symbol")
    closes = days.select("market_cap_usd", "price_usd", coin_id="symbol", ts="day", price_of_day="price_usd").collect()
    # In units of the first day, which are the same throughout, and back.
    return (
        with_supply(rebase_redenominations(closes))
        .select(
            pl.col("supply") * pl.col("unit_factor"),
            "market_cap_usd",
            symbol="coin_id",
            session="ts",
            price_usd="price_of_day",
        )
        .select("symbol", "session", "supply", "market_cap_usd", "price_usd")
    )


def supply_by_coin(observations: pl.DataFrame) -> pl.DataFrame:
    """Market cap over price at the last observation of each day: coin_id, day, supply by (coin_id, day).

    For pegged coins, whose price hardly moves while their supply does.
    """
    return _last_of_day(observations.lazy(), "coin_id").select("coin_id", "day", "supply").collect()


def _last_of_day(observations: pl.LazyFrame, coin: str) -> pl.LazyFrame:
    return (
        observations.filter(
            *(pl.col(name).is_finite() & (pl.col(name) > 0) for name in ("market_cap_usd", "price_usd"))
        )
        .with_columns(day=utc_day("ts"))
        .sort(coin, "ts")
        .group_by(coin, "day", maintain_order=True)
        .agg(pl.col("market_cap_usd", "price_usd").last())
        .with_columns(supply=pl.col("market_cap_usd") / pl.col("price_usd"))
    )
