"""Find what narratives share, and put each coin into one of them, so that parts add to the whole."""

from __future__ import annotations

from datetime import datetime
from typing import cast

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.categories import OTHER
from marketflows_pipeline.transforms.market_caps.daily_closes import DAY
from marketflows_pipeline.transforms.ratios import percent_of
from marketflows_pipeline.transforms.sums import order_independent_sum

CHANGE_DAYS = (1, 7, 30)

_CAP = pl.col("market_cap_usd")


def narrative_overlap(members: pl.DataFrame, caps: pl.DataFrame) -> pl.DataFrame:
    """What each two narratives share (``mart.narrative_overlap``).

    ``of_smaller`` is the shared market cap over the smaller narrative's, ``of_union`` over that of all coins in
    either; both are null where the divisor is 0.

    Args:
        members: series, coin_id, is_backfilled.
        caps: coin_id, ts, market_cap_usd at one close; a member without a cap counts in no sum.

    Returns:
        The columns of ``mart.narrative_overlap`` by (series, other_series); one row a pair.
    """
    entry = table("mart.narrative_overlap")
    held = members.join(caps.select("coin_id", "ts", "market_cap_usd"), on="coin_id").sort("series", "coin_id")
    totals = held.group_by("series").agg(
        pl.col("ts").first(), pl.col("is_backfilled").any(), total_usd=order_independent_sum("market_cap_usd")
    )
    other = pl.col("series", "total_usd", "is_backfilled").name.prefix("other_")
    pairs = totals.join(totals.select(other), how="cross").filter(pl.col("series") < pl.col("other_series"))
    shared = (
        held.select("series", "coin_id", "market_cap_usd")
        .join(held.select(pl.col("series").alias("other_series"), "coin_id"), on="coin_id")
        .filter(pl.col("series") < pl.col("other_series"))
        .group_by("series", "other_series")
        .agg(n_shared=pl.len(), shared_usd=order_independent_sum("market_cap_usd"))
    )
    smaller = pl.min_horizontal("total_usd", "other_total_usd")
    union = pl.col("total_usd") + pl.col("other_total_usd") - pl.col("shared_usd")
    rows = (
        pairs.lazy()
        .join(shared.lazy(), on=["series", "other_series"], how="left")
        .with_columns(pl.col("n_shared").fill_null(0), pl.col("shared_usd").fill_null(0.0))
        .with_columns(
            of_smaller_pct=percent_of(pl.col("shared_usd"), smaller),
            of_union_pct=percent_of(pl.col("shared_usd"), union),
            is_backfilled=pl.col("is_backfilled") | pl.col("other_is_backfilled"),
        )
    )
    return entry.stored_form(rows)


def disjoint_assignment(members: pl.DataFrame, caps: pl.DataFrame) -> pl.DataFrame:
    """Each coin in one part: the smallest narrative by total market cap that contains it, else ``other``.

    Narratives of equal total come in the order of their slugs.

    Args:
        members: series, coin_id.
        caps: coin_id, market_cap_usd of all coins that the parts add up to.

    Returns:
        coin_id, market_cap_usd, series, n_narratives by coin_id.
    """
    held = members.select("series", "coin_id").join(caps, on="coin_id")
    order = (
        held.group_by("series")
        .agg(total_usd=order_independent_sum("market_cap_usd"))
        .sort("total_usd", "series")
        .with_row_index("place")
    )
    first = (
        held.join(order, on="series")
        .sort("coin_id", "place")
        .group_by("coin_id", maintain_order=True)
        .agg(pl.col("series").first(), n_narratives=pl.len())
    )
    return (
        caps.select("coin_id", "market_cap_usd")
        .join(first, on="coin_id", how="left")
        .with_columns(pl.col("series").fill_null(OTHER), pl.col("n_narratives").fill_null(0))
        .sort("coin_id")
    )


def market_map(members: pl.DataFrame, closes: pl.DataFrame, coins: pl.Series) -> pl.DataFrame:
    """The disjoint assignment at the newest close, with changes of price (``mart.market_map``).

    The change of a part is that of its present coins: ``sum(C r) / sum(C)`` with r their returns and C their caps
    before, over the coins known at both ends.

    Args:
        members: series, coin_id, is_backfilled at the newest close.
        closes: coin_id, ts, market_cap_usd, price_usd (in one unit throughout) of the last 30 days and the newest.
        coins: those that the parts add up to, beside all members.

    Returns:
        The columns of ``mart.market_map`` by coin_id.
    """
    entry = table("mart.market_map")
    if closes.is_empty():
        return entry.empty()
    now = cast("datetime", closes.get_column("ts").max())
    wanted = pl.concat([coins, members.get_column("coin_id")]).unique()
    caps = closes.filter(pl.col("ts") == now, pl.col("coin_id").is_in(wanted.implode()))
    placed = disjoint_assignment(members, caps).lazy()
    prices = closes.lazy().select("coin_id", "ts", "price_usd")
    placed = placed.join(prices.filter(pl.col("ts") == now), on="coin_id")
    for days in CHANGE_DAYS:
        before = f"before_{days}d_usd"
        earlier = closes.lazy().filter(pl.col("ts") == now - days * DAY)
        then = earlier.select("coin_id", price_before="price_usd", **{before: "market_cap_usd"})
        change = pl.col("price_usd") / pl.col("price_before") - 1
        placed = (
            placed.join(then, on="coin_id", how="left")
            .with_columns(
                (100 * change).alias(f"price_change_{days}d_pct"),
                (change * pl.col(before)).alias(f"gained_{days}d_usd"),
            )
            .drop("price_before")
        )
    is_backfilled = members.group_by("series").agg(pl.col("is_backfilled").any()).lazy()
    parts = placed.group_by("series").agg(
        order_independent_sum("market_cap_usd").alias("series_usd"),
        *(_change_of_part(days) for days in CHANGE_DAYS),
    )
    # All coins have the same divisor: shares of one whole.
    whole = order_independent_sum("market_cap_usd")
    rows = (
        placed.with_columns(share_pct=100 * _CAP / whole, whole_usd=whole)
        .join(parts, on="series")
        .with_columns(series_share_pct=100 * pl.col("series_usd") / pl.col("whole_usd"))
        .join(is_backfilled, on="series", how="left")
        .with_columns(pl.col("is_backfilled").fill_null(value=False))
    )
    return entry.stored_form(rows)


def _change_of_part(days: int) -> pl.Expr:
    gained, before = f"gained_{days}d_usd", f"before_{days}d_usd"
    change = 100 * order_independent_sum(gained) / order_independent_sum(before)
    return pl.when(pl.col(before).count() > 0).then(change).alias(f"series_price_change_{days}d_pct")
