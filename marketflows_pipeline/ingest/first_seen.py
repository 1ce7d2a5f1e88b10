"""First-seen figures: what a service said of a day once that day was over, kept beside later revisions."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

FIRST_SEEN_AT = "first_seen_at"
BALANCES = {"quantity": "first_quantity", "value_usd": "first_value_usd"}
VOLUMES = {"volume_24h_btc": "first_volume_24h_btc"}


def with_first_seen(rows: pl.DataFrame, figures: Mapping[str, str]) -> pl.DataFrame:
    """Add the figures as first seen, and ``first_seen_at``; the warehouse keeps the first ones that are not null.

    A figure counts once the UTC day of its ``ts`` was over at ``fetched_at``; before, all of them are null. So is
    ``first_seen_at`` where none of the figures is known yet. ``figures`` leads from the column of a figure to the one
    that keeps it as first seen, such as `BALANCES`.
    """
    is_over = pl.col("fetched_at") >= pl.col("ts").dt.truncate("1d").dt.offset_by("1d")
    is_known = pl.any_horizontal(pl.col(name).is_not_null() for name in figures)
    is_seen = is_over & is_known
    return rows.with_columns(
        *(pl.when(is_seen).then(pl.col(name)).alias(first) for name, first in figures.items()),
        pl.when(is_seen).then(pl.col("fetched_at")).alias(FIRST_SEEN_AT),
    )
