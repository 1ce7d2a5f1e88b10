"""Compute issuance of stablecoins: the change of supply times price. Who holds the new coins is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import polars as pl

from marketflows_pipeline.transforms.cross_asset.supply import supply_by_coin
from marketflows_pipeline.transforms.sums import sum_of_known


def stablecoin_issuance(observations: pl.DataFrame, coin_ids: Iterable[str]) -> pl.DataFrame:
    """Supply of each stablecoin at the end of each day and its change, at a dollar a coin.

    ``issuance[d] = (supply[d] - supply[d-1]) x 1 USD``, null for the first day and for one whose day before has no
    observation: what came in over a gap belongs to no one day of it.

    Args:
        observations: coin_id, ts, market_cap_usd, price_usd as in ``raw.market_caps``.
        coin_ids: the stablecoins among them.

    Returns:
        The columns of ``core.stablecoin_issuance`` by (coin_id, day). The newest day may still be under way.
    """
    wanted = pl.Series("coin_id", list(coin_ids), pl.String).implode()
    before = pl.col("supply").shift(1).over("coin_id")
    is_next_day = pl.col("day") - pl.col("day").shift(1).over("coin_id") == pl.duration(days=1)
    return (
        supply_by_coin(observations.filter(pl.col("coin_id").is_in(wanted)))
        .lazy()
        .with_columns(issuance_usd=pl.when(is_next_day).then(pl.col("supply") - before))
        .collect()
    )


def issuance_over(issuance: pl.DataFrame, *, after: date, until: date) -> tuple[float | None, pl.DataFrame]:
    """Issuance over some days, of all coins together and of each.

    Args:
        issuance: as in ``core.stablecoin_issuance``.
        after: the day before the first that counts.
        until: the last day that counts.

    Returns:
        The sum in USD, and a frame of coin_id, issuance_usd, days_known, days_observed and supply (of the newest day),
        the largest issuance first. A sum is of what is known, and null where nothing is.
    """
    issued = pl.col("issuance_usd")
    coins = (
        issuance.filter(pl.col("day").is_between(after, until, closed="right"))
        .sort("coin_id", "day")
        .group_by("coin_id", maintain_order=True)
        .agg(
            issuance_usd=sum_of_known(issued),
            days_known=issued.count(),
            days_observed=pl.len(),
            supply=pl.col("supply").last(),
        )
        .sort("issuance_usd", "coin_id", descending=[True, False], nulls_last=True)
    )
    return coins.select(sum_of_known(issued)).item(), coins


def issuance_by_span(issuance: pl.DataFrame, spans: Iterable[int], *, until: date) -> list[float | None]:
    """Issuance in USD of all coins together over each of some spans of days up to a day (see `issuance_over`)."""
    return [issuance_over(issuance, after=until - timedelta(days=days), until=until)[0] for days in spans]
