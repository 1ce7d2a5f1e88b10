"""Say which coins a measure of day t is about: members of narratives, ranges and the cohort as known the day before.

What a coin does afterwards must not decide whether it counts, so membership is always that of the close before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.categories import COHORT, NARRATIVES
from marketflows_pipeline.transforms.market_caps.ranges import bucket_members, range_places

COHORT_SERIES = "cohort"
KEY = ("category", "series", "coin_id", "ts")


def narrative_universe(stored: pl.DataFrame, days: pl.Series, top_n: int) -> pl.DataFrame:
    """Members of each narrative at each close: the last that were known by then.

    Before a narrative's first stored list that one stands in for them, ``is_backfilled``.

    Args:
        stored: ts (the close at which they are known), series, coin_id, rank, as `stored_members` gives them.
        days: the closes, ascending.
        top_n: how many of the largest coins stand for a narrative.

    Returns:
        category (``Narratives``), series, coin_id, ts, is_backfilled, one row a member and close.
    """
    in_use = stored.filter(pl.col("rank").rank("ordinal").over("ts", "series") <= top_n)
    known = in_use.select("series", "ts").unique().sort("series", "ts")
    every = known.select("series").unique().sort("series").join(days.alias("ts").to_frame(), how="cross")
    lists = in_use.select("series", "coin_id", known_at="ts")
    return (
        _list_in_use(every.sort("series", "ts"), known)
        .join(lists, on=["series", "known_at"])
        .select(pl.lit(NARRATIVES).alias("category"), *KEY[1:], "is_backfilled")
    )


def range_universe(
    closes: pl.DataFrame, limits: Sequence[float], coins: Collection[str], first_known: datetime | None
) -> pl.DataFrame:
    """Coins of each range and of the cohort, which is all ranges together, by their caps at each close.

    The caps decide, not whether a run listed the coin that day: days without a run have their closes from histories.

    Args:
        closes: coin_id, ts, market_cap_usd.
        limits: lower limits of the ranges in USD; without any there is neither range nor cohort.
        coins: those that any run listed above the smallest limit, and no exclusion leaves out.
        first_known: the close at which the first such list was known; before it only coins that were listed later are
            known, and the rows are ``is_backfilled``.

    Returns:
        category (``Ranges`` or ``Cohort``), series, coin_id, ts, is_backfilled.
    """
    if not limits or first_known is None:
        return table("mart.breadth").empty().select(*KEY[:2], pl.lit("").alias("coin_id"), "ts", "is_backfilled")
    of_ranges = bucket_members(range_places(closes, coins, limits))
    of_cohort = of_ranges.with_columns(category=pl.lit(COHORT), series=pl.lit(COHORT_SERIES))
    return pl.concat([of_ranges, of_cohort]).with_columns(is_backfilled=pl.col("ts") < first_known)


def _list_in_use(every: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Which stored list holds at each close: ``known_at``, and whether it was known later only; both by series, ts."""
    first = known.group_by("series").agg(first_at=pl.col("ts").min())
    lists = known.select("series", "ts", known_at="ts")
    return (
        every.join(first, on="series", maintain_order="left")
        .join_asof(lists, on="ts", by="series", check_sortedness=False)
        .with_columns(
            is_backfilled=pl.col("known_at").is_null(),
            known_at=pl.col("known_at").fill_null(pl.col("first_at")),
        )
        .drop("first_at")
    )
