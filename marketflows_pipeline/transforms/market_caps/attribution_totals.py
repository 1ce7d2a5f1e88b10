"""Sum the effects of coins over the members of series, beside what arrived and departed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.categories import PORTFOLIOS, RANGES
from marketflows_pipeline.transforms.market_caps.cap_attribution import EFFECTS
from marketflows_pipeline.transforms.market_caps.daily_closes import DAY
from marketflows_pipeline.transforms.market_caps.groups import portfolio_coins
from marketflows_pipeline.transforms.market_caps.universes import narrative_universe
from marketflows_pipeline.transforms.sums import order_independent_sum

_SERIES = ["category", "series"]


def attribution_totals(attribution: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """The change of each series' market cap from close to close (``mart.cap_attribution_totals``).

    ``change = price + supply + large supply step + timing + arrivals - departures``, where the effects are those of
    the members at t-1, followed to t even if they leave, and arrivals and departures count at the cap at t. A coin that
    has no close any more departs at its last one; a coin is a member only while it has closes.

    Args:
        attribution: as `cap_attribution` returns it.
        members: category, series, coin_id, ts: who belonged to what at each close.

    Returns:
        category, series, ts, market_cap_before_usd, market_cap_usd, change_usd, the four effects, arrivals_usd,
        departures_usd, n_members (at t), n_arrivals, n_departures by key, from each series' second close on.
    """
    entry = table("mart.cap_attribution_totals")
    start, end = attribution.get_column("ts").min(), attribution.get_column("ts").max()
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return entry.empty()
    # Series, coins and days are numbers here: joins of one number cost a third of those of texts and times. A row more
    # a coin than there are closes, so that the day after the last one is not the first of the next coin.
    first, width = pl.lit(start, attribution.schema["ts"]), (end - start) // DAY + 2
    day = (pl.col("ts") - first).dt.total_days()
    coins = attribution.select("coin_id").unique().with_row_index("coin").lazy()
    names = members.select(_SERIES).unique().sort(_SERIES).with_row_index("place")
    n_places = width * coins.select(pl.len()).collect().item()
    at = pl.col("coin").cast(pl.Int64) * width + pl.col("day")
    followed = (
        attribution.lazy()
        .join(coins, on="coin_id")
        .with_columns(day=day)
        .select("change_usd", *EFFECTS, at=at, cap_now="market_cap_usd")
    )
    present = (
        members.lazy()
        .with_columns(day=day)
        .filter(pl.col("day").is_between(0, width - 2))
        .join(coins, on="coin_id")
        .join(names.lazy(), on=_SERIES)
        .with_columns(at=at)
        .join(followed.select("at", market_cap_usd="cap_now"), on="at")
        .select("place", "day", "market_cap_usd", member=pl.col("place").cast(pl.Int64) * n_places + pl.col("at"))
        .collect()
    )
    # A range is known at each close of the cohort, if only as an empty one; a narrative from its own first list on.
    of_category = pl.col("first").min().over("category")
    begins = (
        present.group_by("place")
        .agg(first=pl.col("day").min())
        .join(names, on="place")
        .select(
            pl.col("place").cast(pl.Int64),
            first=pl.when(pl.col("category") == RANGES).then(of_category).otherwise("first"),
        )
    )
    before = present.lazy().select(pl.col("member") + 1, cap_before="market_cap_usd")
    is_member, was_member = pl.col("market_cap_usd").is_not_null(), pl.col("cap_before").is_not_null()
    is_arrival, is_departure = is_member & ~was_member, was_member & ~is_member
    of_departed = pl.coalesce("cap_now", "cap_before")
    member = pl.col("member")
    totals = (
        present.lazy()
        .select("member", "market_cap_usd")
        .join(before, on="member", how="full", coalesce=True)
        .with_columns(place=member // n_places, at=member % n_places, day=member % width)
        .join(begins.lazy(), on="place")
        .filter(pl.col("day") > pl.col("first"), pl.col("day") <= width - 2)
        .join(followed, on="at", how="left")
        .with_columns(
            *(pl.when(was_member).then(name).alias(name) for name in EFFECTS),
            arrived=pl.when(is_arrival).then("market_cap_usd"),
            departed=pl.when(is_departure).then(of_departed),
        )
        .group_by(close=pl.col("place") * width + pl.col("day"))
        .agg(
            order_independent_sum("cap_before").alias("market_cap_before_usd"),
            order_independent_sum("market_cap_usd"),
            *(order_independent_sum(name) for name in EFFECTS),
            order_independent_sum("arrived").alias("arrivals_usd"),
            order_independent_sum("departed").alias("departures_usd"),
            n_members=pl.col("market_cap_usd").count().cast(pl.Int32),
            n_arrivals=pl.col("arrived").count().cast(pl.Int32),
            n_departures=pl.col("departed").count().cast(pl.Int32),
        )
        .with_columns(
            change_usd=pl.col("market_cap_usd") - pl.col("market_cap_before_usd"),
            place=(pl.col("close") // width).cast(pl.UInt32),
            ts=first + pl.duration(days=pl.col("close") % width),
        )
        .join(names.lazy(), on="place")
    )
    return entry.stored_form(totals)


def narrative_members(stored: pl.DataFrame, times: pl.Series, top_n: int) -> pl.DataFrame:
    """The largest coins of each narrative at each close, as last stored before it.

    Args:
        stored: series, coin_id, rank, ts, the close at which it was known first.
        times: closes.
        top_n: how many coins stand for a narrative.

    Returns:
        category, series, coin_id, ts; none before a narrative's first stored list.
    """
    known = narrative_universe(stored, times, top_n).filter(~pl.col("is_backfilled"))
    return known.drop("is_backfilled")


def portfolio_members(portfolios: Mapping[str, Sequence[str]], times: pl.Series) -> pl.DataFrame:
    """The coins of each portfolio, the same at each close: category, series, coin_id, ts."""
    held = portfolio_coins(portfolios).select(pl.lit(PORTFOLIOS).alias("category"), "portfolio", "coin_id")
    return held.rename({"portfolio": "series"}).join(times.alias("ts").to_frame(), how="cross")
