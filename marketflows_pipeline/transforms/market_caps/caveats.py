"""Describe in words which values behind a category's charts are extrapolated or interpolated."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from marketflows_pipeline.transforms.categories import RANGES
from marketflows_pipeline.transforms.market_caps.quality import extrapolated_share, held_values
from marketflows_pipeline.transforms.market_caps.ranges import crossings

EXTRAPOLATED_WORTH_SAYING_PCT = 1.0
INTERPOLATED_WORTH_SAYING_PCT = 5.0
_NAMED = 3


def category_caveats(
    blocks: Iterable[tuple[pl.DataFrame, pl.DataFrame]], members: pl.DataFrame, group_totals: pl.DataFrame
) -> dict[str, tuple[str, ...]]:
    """Caveats by category, each a few words for the footer.

    Args:
        blocks: of some coins at a time, one block at least, the grid (coin_id, ts, market_cap_usd, fill) and the
            members of the ranges (category, series, coin_id, ts).
        members: category, series, coin_id of narratives and portfolios.
        group_totals: category, series, ts, market_cap_usd.

    Returns:
        Category to its caveats; a category without any is missing. A coin counts as extrapolated where it is part of
        a series of which more than 1 % is so for more than one step; interpolated values are said where they are more
        than 5 % of the category's coin values.
    """
    caveats: dict[str, list[str]] = {}
    held: list[pl.DataFrame] = []
    counts: list[pl.DataFrame] = []
    for grid, of_ranges in blocks:
        for each in (members, of_ranges):
            held.append(held_values(grid, each))
            counts.append(_interpolated(grid, each))
    for category, text in _extrapolated_words(extrapolated_share(pl.concat(held), group_totals)).iter_rows():
        caveats.setdefault(category, []).append(text)
    shares = pl.concat(counts).group_by("category").agg(pct=100 * pl.col("n").sum() / pl.col("n_values").sum())
    for category, share in shares.filter(pl.col("pct") > INTERPOLATED_WORTH_SAYING_PCT).iter_rows():
        caveats.setdefault(category, []).append(f"{share:.0f} % of coin values interpolated over gaps")
    return {category: tuple(texts) for category, texts in sorted(caveats.items())}


def crossing_words(buckets: Iterable[pl.DataFrame]) -> str:
    """What the pictures of ranges say of coins that changed theirs; empty where none did.

    Args:
        buckets: coin_id, ts, lower_limit_usd of the window, whole or in blocks of whole coins.
    """
    found = pl.concat(map(crossings, buckets))
    if found.is_empty():
        return ""
    n_coins = found.get_column("coin_id").n_unique()
    times, coins = (_counted(number, word) for number, word in ((found.height, "time"), (n_coins, "coin")))
    return f"{coins} crossed a range limit, {times} in all: levels and gains jump there, growth does not"


def chain_words(changes: pl.DataFrame, series: pl.DataFrame, days: int) -> str:
    """What the pictures of ranges say of growth by coins that stay; empty where none is known.

    Args:
        changes: series, chain_change_pct, level_change_pct, as `range_chain.chain_changes` returns them.
        series: category, series, label, sort_order as in ``core.series``.
        days: that the changes are over.
    """
    named = series.filter(pl.col("category") == RANGES).sort("sort_order").select("series", "label")
    known = named.join(changes, on="series", maintain_order="left").drop_nulls(["chain_change_pct", "level_change_pct"])
    each = [
        f"{label} {_signed(chain)} (level {_signed(level)})"
        for label, chain, level in known.select("label", "chain_change_pct", "level_change_pct").iter_rows()
    ]
    return f"over {days} days by coins that stay in the range: {', '.join(each)}" if each else ""


def _signed(percent: float) -> str:
    """With a true minus: "$1B to $5B -25.6%" reads as a range that goes on."""
    return f"{percent:+.1f}%".replace("-", "\N{MINUS SIGN}")


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _extrapolated_words(extrapolated: pl.DataFrame) -> pl.DataFrame:
    worst = (
        extrapolated.filter(pl.col("extrapolated_pct") > EXTRAPOLATED_WORTH_SAYING_PCT)
        .explode("coin_ids")
        .group_by("category", "coin_ids")
        .agg(pl.col("ts").n_unique().alias("times"))
        # A window begins up to one step before the first value that a service gives for it, so one step says nothing.
        .filter(pl.col("times") > 1)
        .sort("times", "coin_ids", descending=[True, False])
    )
    return (
        worst.group_by("category")
        .agg(
            pl.col("coin_ids").head(_NAMED).str.join(", ").alias("named"),
            (pl.len().cast(pl.Int64) - _NAMED).alias("more"),
        )
        .select(
            "category",
            pl.format(
                "held flat where not observed: {}{}",
                "named",
                pl.when(pl.col("more") > 0).then(pl.format(" and {} more", "more")).otherwise(pl.lit("")),
            ).alias("text"),
        )
    )


def _interpolated(grid: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """How many values of each category are interpolated, of how many."""
    key = [name for name in ("coin_id", "ts") if name in members.columns]
    return (
        grid.lazy()
        .select("coin_id", "ts", "fill")
        .join(members.lazy(), on=key)
        .group_by("category")
        .agg(n=(pl.col("fill") == "interpolated").sum(), n_values=pl.len())
        .collect()
    )
