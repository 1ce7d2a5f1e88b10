"""Sum coins into narratives and portfolios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from marketflows_pipeline.transforms.categories import NARRATIVES, PORTFOLIOS
from marketflows_pipeline.transforms.moments import utc_day
from marketflows_pipeline.transforms.sums import order_independent_sum


def narrative_members_on(narrative_members: pl.DataFrame, day: date | None, top_n: int) -> pl.DataFrame:
    """The largest coins of each narrative, as last stored, or as last stored on a day.

    Args:
        narrative_members: observed_at, narrative, coin_id, rank (1 is the largest), as in ``raw.narrative_members``.
        day: a day in UTC, or None for the latest observation there is.
        top_n: how many coins stand for a narrative.

    Returns:
        narrative, coin_id by (narrative, coin_id); a narrative that was not observed that day has no rows.
    """
    return (
        newest_lists(narrative_members, day)
        .filter(pl.col("rank").rank("ordinal").over("narrative") <= top_n)
        .select("narrative", "coin_id")
        .unique()
        .sort("narrative", "coin_id")
        .collect()
    )


def newest_lists(members: pl.DataFrame, day: date | None) -> pl.LazyFrame:
    """The rows of each narrative's newest observation, or of its newest on a day in UTC."""
    observed = members.lazy() if day is None else members.lazy().filter(utc_day("observed_at") == day)
    return observed.filter(pl.col("observed_at") == pl.col("observed_at").max().over("narrative"))


def group_members(
    narrative_members: pl.DataFrame, narratives: Sequence[str], asset_groups: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """Which coins are summed in which series.

    A narrative is a series of ``Narratives``; a portfolio is a series of ``Portfolios`` and also a category of its
    own, in which each of its coins is a series.

    Args:
        narrative_members: narrative, coin_id, as `narrative_members_on` gives them.
        narratives: the narratives requested; empty where none are.
        asset_groups: portfolio name to its coin ids; empty where none are requested.

    Returns:
        category, series, coin_id, by all three, each once.
    """
    held = portfolio_coins(asset_groups)
    coin = pl.col("coin_id")
    parts = (
        narrative_members.filter(pl.col("narrative").is_in(list(narratives))).select(
            category=pl.lit(NARRATIVES), series="narrative", coin_id=coin
        ),
        held.select(category=pl.lit(PORTFOLIOS), series="portfolio", coin_id=coin),
        held.select(category="portfolio", series=coin, coin_id=coin),
    )
    return pl.concat(parts).unique().sort("category", "series", "coin_id")


def portfolio_coins(asset_groups: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """``portfolio, coin_id`` of each portfolio's coins."""
    pairs = [(name, coin_id) for name, coin_ids in asset_groups.items() for coin_id in coin_ids]
    return pl.DataFrame(pairs, schema={"portfolio": pl.String, "coin_id": pl.String}, orient="row")


def group_totals(grid: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """The market cap of each series at each grid time: the sum over its members.

    A coin that is a member of several series counts in each. A member without any observation has no grid rows and
    counts in none; ``n_assets`` says how many are in the sum.

    Args:
        grid: coin_id, ts, market_cap_usd, as `market_cap_grid` gives it.
        members: category, series, coin_id.

    Returns:
        category, series, ts, market_cap_usd, n_assets by (category, series, ts).
    """
    wanted = members.get_column("coin_id").unique()
    return (
        grid.lazy()
        .filter(pl.col("coin_id").is_in(wanted.implode()))
        .join(members.lazy(), on="coin_id")
        .group_by("category", "series", "ts")
        .agg(market_cap_usd=order_independent_sum("market_cap_usd"), n_assets=pl.len().cast(pl.Int32))
        .sort("category", "series", "ts")
        .collect()
    )
