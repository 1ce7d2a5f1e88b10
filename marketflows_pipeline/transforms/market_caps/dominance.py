"""Measure the shares of bitcoin, ether and stablecoins among the coins that are followed, and totals without them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.sums import known_sum


def dominance(
    closes: pl.DataFrame,
    *,
    bitcoin_id: str,
    ether_id: str,
    lowest_limit: float,
    stablecoins: Collection[str],
    excluded: Collection[str],
    first_known: datetime | None,
) -> pl.DataFrame:
    """Shares and totals at each close (``mart.dominance``).

    The total is of the coins whose cap exceeds the smallest limit at that close, stablecoins among them; other
    excluded coins stand for one that is in it already.

    Args:
        closes: coin_id, ts, market_cap_usd.
        bitcoin_id: how the provider of the closes calls bitcoin.
        ether_id: the same of ether.
        lowest_limit: smallest limit of the ranges in USD.
        stablecoins: their ids; without any, what depends on them is null.
        excluded: coins that are left out of ranges; stablecoins among them count all the same.
        first_known: the close at which the first list of coins above the limit was known; before, they are those of
            later, ``is_backfilled``.

    Returns:
        The columns of ``mart.dominance`` by ts.
    """
    stable = pl.col("coin_id").is_in(list(stablecoins))
    of_what = {
        "total_usd": pl.lit(value=True),
        "bitcoin_usd": pl.col("coin_id") == bitcoin_id,
        "ethereum_usd": pl.col("coin_id") == ether_id,
        "stablecoins_usd": stable,
    }
    cap, total = pl.col("market_cap_usd"), pl.col("total_usd")
    is_known = pl.col("bitcoin_usd", "ethereum_usd").is_not_null()
    by_day = (
        closes.lazy()
        .filter(cap > lowest_limit, stable | ~pl.col("coin_id").is_in(list(excluded)))
        .with_columns(pl.when(is_in).then(cap).alias(name) for name, is_in in of_what.items())
        .group_by("ts")
        .agg(
            # A sum over nothing is not known; 0 would be a share.
            *map(known_sum, of_what),
            n=pl.len(),
            n_stablecoins=pl.col("stablecoins_usd").count(),
        )
        .with_columns(total_usd=pl.when(pl.all_horizontal(is_known)).then(total))
    )
    bitcoin, ether, stables = (pl.col(f"{name}_usd") for name in ("bitcoin", "ethereum", "stablecoins"))
    rows = by_day.with_columns(
        bitcoin_pct=100 * bitcoin / total,
        ethereum_pct=100 * ether / total,
        stablecoins_pct=100 * stables / total,
        others_pct=100 * (total - bitcoin - ether - stables) / total,
        total_without_bitcoin_usd=total - bitcoin,
        total_without_bitcoin_and_ethereum_usd=total - bitcoin - ether,
        total_without_stablecoins_usd=total - stables,
        is_backfilled=pl.lit(value=True) if first_known is None else pl.col("ts") < first_known,
    )
    return table("mart.dominance").stored_form(rows)
