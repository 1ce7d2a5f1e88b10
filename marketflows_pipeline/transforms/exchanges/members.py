"""Select the fixed set of exchanges that a measure over time covers: those measured throughout."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from marketflows_pipeline.schema import table

WINDOW_DAYS = 90
MEMBER_PCT = 90.0
# How much of the market members may hold that are missing on a day, before the day says nothing about the set.
MISSING_PCT = 1.0
LEAST_MEMBERS = 2
_ROUNDING = 1e-9

MARKET = ("measure", "segment")
_MARKET_DAY = (*MARKET, "day")


def exchange_members(values: pl.DataFrame) -> pl.DataFrame:
    """How much of the window each exchange is measured on, and whether it is in the fixed set.

    The window is the last 90 days up to the newest of the measure and segment; only its days on which anybody was
    measured count. A member is measured on 90 % of them or more. Where fewer than two are, there are no members: one
    exchange alone has no share of anything.

    Args:
        values: measure, segment, day, exchange_key, name, value as `market_values` gives them.

    Returns:
        The columns of ``mart.exchange_members`` by key: every exchange with a value in the window.
    """
    value = pl.col("value")
    coverage = 100 * pl.col("days_measured") / pl.col("days_in_window")
    covers = pl.col("coverage_pct") >= MEMBER_PCT - _ROUNDING
    return (
        values.lazy()
        .filter(pl.col("day") > pl.col("day").max().over(MARKET) - timedelta(days=WINDOW_DAYS))
        .sort(*_MARKET_DAY, "exchange_key")
        .with_columns(
            share_pct=100 * value / value.sum().over(_MARKET_DAY), days_in_window=pl.col("day").n_unique().over(MARKET)
        )
        .group_by(*MARKET, "exchange_key", maintain_order=True)
        .agg(
            pl.col("name").last(),
            first_day=pl.col("day").min(),
            last_day=pl.col("day").max(),
            days_measured=pl.len(),
            days_in_window=pl.col("days_in_window").first(),
            mean_share_pct=pl.col("share_pct").mean(),
        )
        .with_columns(coverage_pct=coverage)
        .with_columns(is_member=covers & (covers.sum().over(MARKET) >= LEAST_MEMBERS))
        .pipe(table("mart.exchange_members").stored_form)
    )


def in_fixed_set(values: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """The values of members on days on which the set is complete.

    That is where the members missing on the day make up at most 1 % of the market by their mean shares, also before
    the window.

    Args:
        values: as `market_values` gives them.
        members: as `exchange_members` gives them.
    """
    inside = members.lazy().filter("is_member").select(*MARKET, "exchange_key", "mean_share_pct")
    share = pl.col("mean_share_pct")
    rows = values.lazy().join(inside, on=[*MARKET, "exchange_key"])
    whole = inside.group_by(MARKET).agg(whole_pct=share.sum())
    complete = (
        rows.group_by(_MARKET_DAY)
        .agg(present_pct=share.sum())
        .join(whole, on=MARKET)
        .filter(pl.col("whole_pct") - pl.col("present_pct") <= MISSING_PCT + _ROUNDING)
    )
    return rows.join(complete, on=_MARKET_DAY, how="semi").select(values.columns).collect()
