"""Find coins that stand for another asset, and measure what leaving them out removes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import polars as pl

from marketflows_pipeline.transforms.market_caps.groups import newest_lists
from marketflows_pipeline.transforms.market_caps.labels import dollars
from marketflows_pipeline.transforms.market_caps.ranges import range_names, range_places

LEFT_OUT = "stablecoins, wrapped, staked and pegged coins left out"


def left_out_of_narratives(members: pl.DataFrame, day: date | None, top_n: int) -> pl.DataFrame:
    """What would stand above a narrative's last coin in use, were it not left out.

    Args:
        members: observed_at, narrative, coin_id, rank, market_cap_usd as in ``raw.narrative_members``, and is_left_out.
        day: a day in UTC, or None for the latest observation there is.
        top_n: how many coins stand for a narrative.

    Returns:
        series, n_left_out, left_out_usd (0 where none is), one row a narrative.
    """
    kept = ~pl.col("is_left_out")
    is_above = kept.cast(pl.Int32).cum_sum().over("narrative", order_by="rank") < top_n
    is_counted = pl.col("is_left_out") & is_above
    return (
        newest_lists(members, day)
        .with_columns(is_counted=is_counted)
        .group_by(series="narrative")
        .agg(
            n_left_out=pl.col("is_counted").sum().cast(pl.Int32),
            left_out_usd=pl.col("market_cap_usd").filter("is_counted").sum(),
        )
        .sort("series")
        .collect()
    )


def left_out_of_ranges(grid: pl.DataFrame, coins: Collection[str], limits: Sequence[float]) -> pl.DataFrame:
    """What would be in each range at the last grid time, were it not left out.

    Args:
        grid: coin_id, ts, market_cap_usd.
        coins: ids that are left out.
        limits: lower limits of the ranges in USD.

    Returns:
        series, n_left_out, left_out_usd (0 where none is), one row a range.
    """
    found = (
        range_places(grid.filter(pl.col("ts") == pl.col("ts").max()), coins, limits)
        .group_by("lower_limit_usd")
        .agg(n_left_out=pl.len().cast(pl.Int32), left_out_usd=pl.col("market_cap_usd").sum())
    )
    return (
        range_names(limits)
        .join(found, on="lower_limit_usd", how="left")
        .select("series", pl.col("n_left_out").fill_null(0), pl.col("left_out_usd").fill_null(0.0))
    )


def left_out_words(series: pl.DataFrame) -> dict[str, str]:
    """What the pictures of a category say of the coins that are left out of its series.

    Args:
        series: category, label, sort_order, n_left_out, left_out_usd as in ``core.series``.

    Returns:
        Category to words; one without such coins is missing.
    """
    found = series.filter(pl.col("n_left_out") > 0).sort("category", "sort_order")
    words: dict[str, list[str]] = {}
    for category, label, n_coins, usd in found.select("category", "label", "n_left_out", "left_out_usd").iter_rows():
        words.setdefault(category, []).append(f"{label} {n_coins} ({dollars(float(f'{usd:.3g}'))})")
    return {category: f"{LEFT_OUT}: {', '.join(parts)}" for category, parts in words.items()}
