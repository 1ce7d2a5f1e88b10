"""Chain the growth of market-cap ranges over fixed members, so that crossing a limit is no growth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from marketflows_pipeline.transforms.market_caps.daily_closes import DAY
from marketflows_pipeline.transforms.market_caps.ranges import range_series
from marketflows_pipeline.transforms.ordering import in_order, is_first_of, within_coin
from marketflows_pipeline.transforms.sums import order_independent_sum

BASE = 1000.0
BEYOND = 0.05

_RANGE = ["series", "ts"]


def range_chain(
    places: pl.DataFrame, levels: pl.DataFrame, *, limits: Sequence[float], since: datetime, beyond: float = BEYOND
) -> pl.DataFrame:
    """The composition-neutral chain of each range (``mart.range_chain``).

    ``I_t = I_{t-1} * sum C_t / sum C_{t-1}`` over the members at t-1. Members are fixed at 00:00 UTC; a coin changes
    its range only once its cap is 5 % beyond the limit between. Chained over plain membership, coins that tremble at a
    limit leave a range when they are low and come back when they are high, which invents growth without end.

    Args:
        places: coin_id, ts, lower_limit_usd, market_cap_usd at daily closes, as `range_places` gives them.
        levels: series, ts, market_cap_usd of the document's ranges, coins counted where they are.
        limits: lower limits in USD.
        since: the first close at which the cohort was stored.
        beyond: how far beyond a limit a cap must be, as a share of the limit.

    Returns:
        series, ts, chain_index (1,000 at its first members; null while the range has no member), n_members, n_kept
        (members that are past a limit by less than `beyond`), level_usd by (series, ts).
    """
    names = {rank: range_series(limit) for rank, limit in enumerate(sorted(limits), start=1)}
    plain = pl.sum_horizontal((pl.col("market_cap_usd") > limit).cast(pl.Int8) for limit in limits)
    rank = pl.col("rank")
    held = (
        in_order(places, "coin_id", "ts")
        .filter(pl.col("ts") >= since)
        .with_columns(rank=pl.sum_horizontal(_is_above(limit, beyond) for limit in limits), plain=plain)
        .with_columns(rank_before=within_coin("rank", 1), cap_before=within_coin("market_cap_usd", 1))
    )
    members = held.group_by(_named(rank, names), "ts").agg(
        n_members=pl.len().cast(pl.Int32), n_kept=(rank != pl.col("plain")).sum().cast(pl.Int32)
    )
    growth = (
        held.filter(pl.col("cap_before").is_not_null())
        .group_by(_named(pl.col("rank_before"), names), "ts")
        .agg(order_independent_sum("market_cap_usd").alias("now"), order_independent_sum("cap_before").alias("before"))
        .select(*_RANGE, ratio=pl.col("now") / pl.col("before"))
    )
    count = pl.col("n_members", "n_kept")
    # Where there was no member before, the chain begins, or goes on at its last level.
    ratio = pl.when(pl.col("n_members") > 0).then(pl.col("ratio").fill_null(1.0)).otherwise("ratio")
    ranges = pl.DataFrame({"series": list(names.values())}, schema={"series": pl.String})
    return (
        ranges.join(held.select("ts").unique(), how="cross")
        .join(members, on=_RANGE, how="left")
        .join(growth, on=_RANGE, how="left")
        .join(levels.select(*_RANGE, level_usd="market_cap_usd"), on=_RANGE, how="left")
        .sort(_RANGE)
        .with_columns(count.fill_null(0))
        .with_columns(chain_index=BASE * ratio.cum_prod().over("series"))
        .select(*_RANGE, pl.when(pl.col("n_members") > 0).then("chain_index"), "n_members", "n_kept", "level_usd")
    )


def chain_changes(chain: pl.DataFrame, days: int) -> pl.DataFrame:
    """How chain and level of each range changed over the last days.

    Args:
        chain: as `range_chain` returns it.
        days: back from the newest close.

    Returns:
        series, chain_change_pct, level_change_pct (null where either end is not known), level_usd by series.
    """
    now = pl.col("ts").max()
    ends = chain.filter((pl.col("ts") == now) | (pl.col("ts") == now - days * DAY))

    def change(name: str) -> pl.Expr:
        value, end = pl.col(name).sort_by("ts"), pl.len() > 1
        return pl.when(end).then(100 * (value.last() / value.first() - 1))

    return (
        ends.group_by("series")
        .agg(
            chain_change_pct=change("chain_index"),
            level_change_pct=change("level_usd"),
            level_usd=pl.col("level_usd").sort_by("ts").last(),
        )
        .sort("series")
    )


def _is_above(limit: float, beyond: float) -> pl.Expr:
    """Whether a coin counts as above a limit: its first cap says so, later only one that is well beyond it."""
    cap = pl.col("market_cap_usd")
    return (
        pl.when(is_first_of("coin_id"))
        .then(cap > limit)
        .when(cap > (1 + beyond) * limit)
        .then(statement=True)
        .when(cap < (1 - beyond) * limit)
        .then(statement=False)
        .forward_fill()
        .cast(pl.Int8)
    )


def _named(rank: pl.Expr, names: dict[int, str]) -> pl.Expr:
    return rank.replace_strict(names, default=None, return_dtype=pl.String).alias("series")
