"""Say which coins a measure of day t is about: members of narratives, ranges and the cohort as known the day before.

What a coin does afterwards must not decide whether it counts, so membership is always that of the close before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.transforms.categories import COHORT, NARRATIVES, RANGES
from marketflows_pipeline.transforms.market_caps.ranges import assign_buckets

DAY = timedelta(days=1)
COHORT_SERIES = "cohort"
KEY = ("category", "series", "coin_id", "ts")


def narrative_universe(stored: pl.DataFrame, days: pl.Series, top_n: int) -> pl.DataFrame:
    """Members of each narrative at each close: the last that were known by then.

    Before a narrative's first stored members its newest ones stand in for them: coins that made it, ``is_backfilled``.

    Args:
        stored: ts (the close at which they are known), series, coin_id, rank, as `stored_members` gives them.
        days: the closes, ascending.
        top_n: how many of the largest coins stand for a narrative.

    Returns:
        category (``Narratives``), series, coin_id, ts, is_backfilled, one row a member and close.
    """
    in_use = stored.filter(pl.col("rank").rank("ordinal").over("ts", "series") <= top_n)
    known = in_use.select("series", known_at="ts").unique().sort("series", "known_at")
    newest = known.group_by("series").agg(newest_at=pl.col("known_at").last())
    return (
        newest.sort("series")
        .join(days.alias("ts").to_frame(), how="cross", maintain_order="left_right")
        .join_asof(known, left_on="ts", right_on="known_at", by="series", check_sortedness=False)
        .with_columns(
            is_backfilled=pl.col("known_at").is_null(), known_at=pl.col("known_at").fill_null(pl.col("newest_at"))
        )
        .join(in_use.select("series", "coin_id", known_at="ts"), on=["series", "known_at"], how="inner")
        .select(pl.lit(NARRATIVES).alias("category"), *KEY[1:], "is_backfilled")
    )


def range_universe(
    closes: pl.DataFrame, limits: Sequence[float], excluded: Collection[str], first_stored: datetime | None
) -> pl.DataFrame:
    """Coins of each range and of the cohort, which is all ranges together, by their caps at each close.

    Caps decide rather than the stored list of the cohort's coins: both agree on days with a run, and a day without one
    has its closes from the histories. Coins that are left out are those of today.

    Args:
        closes: coin_id, ts, market_cap_usd.
        limits: lower limits of the ranges in USD; without any there is neither range nor cohort.
        excluded: coins that are left out of ranges.
        first_stored: since when the cohort's coins are stored; before, only those that are followed by now are known,
            and the rows are ``is_backfilled``.

    Returns:
        category (``Ranges`` or ``Cohort``), series, coin_id, ts, is_backfilled.
    """
    if not limits:
        return closes.clear().select(
            pl.lit(RANGES).alias("category"), pl.lit("").alias("series"), "coin_id", "ts", is_backfilled=pl.lit(True)
        )
    kept = closes.filter(~pl.col("coin_id").is_in(list(excluded)))
    placed = (
        assign_buckets(kept, kept.select("coin_id").unique(), limits)
        .filter(pl.col("lower_limit_usd").is_not_null())
        .with_columns(is_backfilled=_is_before(first_stored))
    )
    as_series = (
        (RANGES, pl.col("lower_limit_usd").cast(pl.Int64).cast(pl.String)),
        (COHORT, pl.lit(COHORT_SERIES)),
    )
    return pl.concat(
        placed.select(pl.lit(category).alias("category"), series.alias("series"), "coin_id", "ts", "is_backfilled")
        for category, series in as_series
    )


def _is_before(moment: datetime | None) -> pl.Expr:
    return pl.lit(value=True) if moment is None else pl.col("ts") < moment
