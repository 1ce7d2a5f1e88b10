"""Market caps of two providers side by side, and where they differ."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.ratios import is_within

# Two figures further apart in time differ by the market's moves rather than by their providers.
MOST_APART = timedelta(hours=2)
TOLERANCE = 0.10


def compare_caps(own: pl.DataFrame, checked: pl.DataFrame) -> pl.DataFrame:
    """Each figure of the other provider beside the own observation nearest to it.

    ``difference_pct = 100 (other / own - 1)``, and the same of prices. A figure without a time counts as of the moment
    of the check. One that is null or not above 0 is left out, and so is one without an own observation within two
    hours.

    Args:
        own: coin_id, ts, market_cap_usd, price_usd, source, as stored.
        checked: rows of ``raw.cross_check_caps``.

    Returns:
        Rows of ``core.provider_comparison`` by coin, provider and time.
    """
    mine = own.filter(pl.col("market_cap_usd") > 0).select(
        "coin_id", "source", "ts", cap_as_of="ts", cap_usd="market_cap_usd", own_price="price_usd"
    )
    theirs = checked.filter(pl.col("market_cap_usd") > 0).select(
        "coin_id",
        "provider",
        "other_id",
        "mapping_rule",
        checked_at="observed_at",
        ts=pl.coalesce("ts", "observed_at"),
        other_cap_usd="market_cap_usd",
        other_price="price_usd",
        other_source="source",
    )
    beside = (
        theirs.sort("ts")
        .join_asof(
            mine.sort("ts"),
            on="ts",
            by="coin_id",
            strategy="nearest",
            tolerance=MOST_APART,
            coalesce=True,
            check_sortedness=False,
        )
        .drop_nulls("cap_usd")
    )
    has_prices = (pl.col("own_price") > 0) & (pl.col("other_price") > 0)
    return table("core.provider_comparison").stored_form(
        beside.lazy().with_columns(
            ts="checked_at",
            other_cap_as_of="ts",
            difference_pct=100 * (pl.col("other_cap_usd") / pl.col("cap_usd") - 1),
            price_difference_pct=pl.when(has_prices).then(100 * (pl.col("other_price") / pl.col("own_price") - 1)),
        )
    )


def differing(comparison: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``core.provider_comparison`` that differ by more than 10 %, for ``mart.provider_differences``."""
    return comparison.filter(~is_within(TOLERANCE, pl.col("other_cap_usd") / pl.col("cap_usd")))
