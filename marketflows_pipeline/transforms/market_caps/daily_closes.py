"""Daily closes at 00:00 UTC: the last observation before each, redenominations restated, smoothed supply."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from marketflows_pipeline.transforms.ordering import in_order, within_coin

DAY = timedelta(days=1)
SUPPLY_WINDOW = 7
# A price that falls below half, or rises above double, while the supply does the opposite and the cap stays.
_HALF, _DOUBLE = 0.5, 2.0
_STEADY = 1.5
# New coins per old one are a round number: taken as such where the quotient of two observations is this near to one.
_ROUND_WITHIN = 0.02


def closes_at(observations: pl.DataFrame, times: pl.Series, within: timedelta) -> pl.DataFrame:
    """The last observation of each coin at or before each time.

    Args:
        observations: coin_id, ts, market_cap_usd, price_usd; no null among them.
        times: the closes, aware, ascending.
        within: how much older than its close an observation may be.

    Returns:
        coin_id, ts (of `times`), market_cap_usd, price_usd, observed_at by (coin_id, ts); none where no observation is
        recent enough.
    """
    observed = in_order(observations, "coin_id", "ts").with_columns(observed_at="ts")
    coins = observed.get_column("coin_id").unique(maintain_order=True).to_frame()
    return (
        coins.join(times.alias("ts").to_frame(), how="cross", maintain_order="left_right")
        # Both sides are by coin and time already; the check of it looks at each coin.
        .join_asof(observed, on="ts", by="coin_id", strategy="backward", tolerance=within, check_sortedness=False)
        .filter(pl.col("observed_at").is_not_null())
        .select("coin_id", "ts", "market_cap_usd", "price_usd", "observed_at")
    )


def every_day(first: pl.Expr, last: pl.Expr) -> pl.Expr:
    """Every close from one to another, both included."""
    return pl.datetime_range(first, last, DAY, time_unit="us", time_zone="UTC")


def unit_factor(price: pl.Expr, cap: pl.Expr, price_before: pl.Expr, cap_before: pl.Expr) -> pl.Expr:
    """New coins per old one where a coin was redenominated between two observations, 1 where it was not.

    It was where price and supply (cap / price) move inversely by more than half while the cap stays within half.
    The factor is the quotient of the supplies, rounded to two significant digits where that changes it by at most 2 %:
    cap and price are not of one instant, and a coin is split into a round number of new ones.
    """
    moved = price / price_before
    steady = (cap / cap_before).is_between(1 / _STEADY, _STEADY)
    factor = (cap / price) / (cap_before / price_before)
    # Of 0.1 the round number is that of its inverse: ten old coins for a new one.
    round_factor = pl.when(factor >= 1).then(factor.round_sig_figs(2)).otherwise(1 / (1 / factor).round_sig_figs(2))
    is_new_unit = ((moved < _HALF) & (factor > _DOUBLE)) | ((moved > _DOUBLE) & (factor < _HALF))
    return (
        pl.when((is_new_unit & steady).fill_null(value=False))
        .then(pl.when((round_factor / factor - 1).abs() <= _ROUND_WITHIN).then(round_factor).otherwise(factor))
        .otherwise(1.0)
    )


def rebase_redenominations(closes: pl.DataFrame) -> pl.DataFrame:
    """Prices of every coin in the units of its first close, so that a redenomination is no return.

    Args:
        closes: coin_id, ts, market_cap_usd, price_usd and other columns.

    Returns:
        The rows by (coin_id, ts) with price_usd restated, and unit_factor: present coins per coin of the first close.
    """
    price, cap = pl.col("price_usd"), pl.col("market_cap_usd")
    step = unit_factor(price, cap, within_coin("price_usd", 1), within_coin("market_cap_usd", 1))
    return (
        in_order(closes, "coin_id", "ts")
        .with_columns(unit_factor=step)
        .with_columns(pl.col("unit_factor").cum_prod().over("coin_id"))
        .with_columns(price_usd=price * pl.col("unit_factor"))
    )


def with_supply(closes: pl.DataFrame, window: int = SUPPLY_WINDOW) -> pl.DataFrame:
    """The supply Q: the trailing median of cap / price over the last `window` closes of a coin, fewer at its start.

    A raw quotient is mostly noise, because cap and price are not of one instant.

    Args:
        closes: coin_id, ts, market_cap_usd, price_usd, as `rebase_redenominations` returns them.
        window: how many closes, the present one included.

    Returns:
        The rows by (coin_id, ts) with supply, in coins of the units of price_usd.
    """
    quotient = pl.col("market_cap_usd") / pl.col("price_usd")
    return in_order(closes, "coin_id", "ts").with_columns(
        supply=quotient.rolling_median(window, min_samples=1).over("coin_id")
    )
