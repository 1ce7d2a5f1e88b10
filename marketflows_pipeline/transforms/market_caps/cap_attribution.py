"""Attribute each day's change of market cap to price, supply, large supply steps and timing."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from marketflows_pipeline.transforms.market_caps.daily_closes import (
    DAY,
    SUPPLY_WINDOW,
    every_day,
    rebase_redenominations,
    with_supply,
)
from marketflows_pipeline.transforms.ordering import in_order, within_coin

LARGE_STEP = 0.10
EFFECTS = ("price_effect_usd", "supply_effect_usd", "large_supply_step_usd", "timing_usd")

# Of a large step, how much the published supply must have moved in the same direction to confirm it.
_CONFIRMING_PART = 0.5
_CAP, _PRICE, _SUPPLY = pl.col("market_cap_usd"), pl.col("price_usd"), pl.col("supply")


def cap_attribution(
    closes: pl.DataFrame, published: pl.DataFrame, pegged: Collection[str], window: int = SUPPLY_WINDOW
) -> pl.DataFrame:
    """Each coin's change of market cap from close to close, in four effects (``mart.cap_attribution``).

    They add up to it. With cap C, price P and supply Q, the trailing median of C / P:

    - price: ``Q_{t-1} (P_t - P_{t-1})``;
    - supply: ``P_t (Q_t - Q_{t-1})``, at the price of the end, as for funds;
    - large supply step: the same, where Q moved by more than 10 % and the coin is not pegged. A size class, no proof;
    - timing: the change of ``C - Q P``: what cap and price, which are not of one instant, and the median leave over.

    Prices are in the units of the coin's first close here, so that a redenomination is no effect. Of a close that is
    missing between two others the one before is held.

    Args:
        closes: coin_id, ts, market_cap_usd, price_usd at 00:00 UTC.
        published: coin_id, ts, circulating_supply as pages gave it, known at that close.
        pegged: pegged and wrapped coins and lending receipts, whose supply moves as their business goes.
        window: closes in the median.

    Returns:
        coin_id, ts, market_cap_usd, price_usd, supply, circulating_supply, change_usd, the four effects (null at a
        coin's first close), is_confirmed by (coin_id, ts). is_confirmed is null where there is no large step, or the
        published supply is not known at both ends of the median's window.
    """
    restated = rebase_redenominations(held_over_gaps(closes))
    step = _SUPPLY - within_coin("supply", 1)
    step_pct = step / within_coin("supply", 1)
    is_large = (step_pct.abs() > LARGE_STEP) & ~pl.col("coin_id").is_in(list(pegged))
    published_move = pl.col("circulating_supply") / within_coin("circulating_supply", window) - 1
    rest = _CAP - _SUPPLY * _PRICE
    return (
        with_supply(restated, window)
        .join(published, on=["coin_id", "ts"], how="left", maintain_order="left")
        .with_columns(pl.col("circulating_supply") / pl.col("unit_factor"), rest=rest, is_large=is_large)
        .select(
            "coin_id",
            "ts",
            "market_cap_usd",
            "price_usd",
            "supply",
            "circulating_supply",
            change_usd=_CAP - within_coin("market_cap_usd", 1),
            price_effect_usd=within_coin("supply", 1) * (_PRICE - within_coin("price_usd", 1)),
            supply_effect_usd=pl.when("is_large").then(0.0 * _PRICE).otherwise(_PRICE * step),
            large_supply_step_usd=pl.when("is_large").then(_PRICE * step).otherwise(0.0 * step),
            timing_usd=pl.col("rest") - within_coin("rest", 1),
            is_confirmed=pl.when("is_large").then(published_move / step_pct > _CONFIRMING_PART),
        )
    )


def new_supply_steps(without: pl.DataFrame, attributed: pl.DataFrame) -> pl.DataFrame:
    """Large supply steps of days that were attributed before, without one.

    Args:
        without: coin_id, ts of those days.
        attributed: as `cap_attribution` returns them now.

    Returns:
        coin_id, ts, column_name, old (0), new.
    """
    step = pl.col("large_supply_step_usd")
    return (
        attributed.filter(step != 0)
        .join(without, on=["coin_id", "ts"], how="semi")
        .select("coin_id", "ts", column_name=pl.lit("large_supply_step_usd"), old=pl.lit(0.0), new=step)
    )


def held_over_gaps(closes: pl.DataFrame) -> pl.DataFrame:
    """The closes by (coin_id, ts), of a day without one between two others the one before.

    A coin that an outage hid for a few days neither left its series nor came back.

    Args:
        closes: coin_id, ts, market_cap_usd, price_usd, at most one row a coin and day.
    """
    ordered = in_order(closes.select("coin_id", "ts", "market_cap_usd", "price_usd"), "coin_id", "ts")
    gap = (pl.col("ts") - within_coin("ts", 1)) > DAY
    if not ordered.select(gap.any()).item():
        return ordered
    spans = ordered.group_by("coin_id", maintain_order=True).agg(ts=every_day(pl.col("ts").min(), pl.col("ts").max()))
    values = ("market_cap_usd", "price_usd")
    return (
        spans.explode("ts")
        .join(ordered, on=["coin_id", "ts"], how="left", maintain_order="left")
        .with_columns(pl.col(name).forward_fill().over("coin_id") for name in values)
    )
