"""Compute market shares of exchanges and the concentration of the market.

Spot volume, reserves and derivatives volume are three markets and are never mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.exchanges.market_values import SPOT_VOLUME, TRACKED, in_segments, market_values
from marketflows_pipeline.transforms.exchanges.members import LEAST_MEMBERS, exchange_members, in_fixed_set
from marketflows_pipeline.transforms.sums import sum_of_known

MONOPOLY = 10_000.0
CHANGE_DAYS = 30
_OLDEST_LISTING = timedelta(days=7)
_MARKET_DAY = ("measure", "segment", "day")
_SHARE = pl.col("share_pct")


def exchange_shares(volumes: pl.DataFrame, exchanges: pl.DataFrame, snapshots: pl.DataFrame) -> pl.DataFrame:
    """Market shares of each measure, segment and day (``mart.exchange_shares``).

    ``share_pct`` is over all exchanges measured on the day, whoever they are. ``fixed_share_pct`` is over the fixed set
    of `exchange_members` on days on which it is complete, and null for everybody else: the one to follow over time,
    since nobody's share shrinks in it because another one's past becomes known. Spot volume of ``tracked``, which has a
    past of 90 days from the first run on, is of the fixed set alone.

    Args:
        volumes: exchange_id, day, ts, volume_24h_btc, source as `daily_volumes` gives them.
        exchanges: as `exchange_map` gives them.
        snapshots: observed_at, name, slug, coingecko_id, current_tvl_usd, derivatives_volume_usd.

    Returns:
        The columns of ``mart.exchange_shares`` by key; days and values are those of `market_values`.
    """
    values = market_values(volumes, exchanges, snapshots)
    fixed = (
        in_fixed_set(values, exchange_members(values))
        .lazy()
        .select(*_MARKET_DAY, "exchange_key", is_fixed=pl.lit(value=True))
    )
    is_fixed = pl.col("is_fixed").fill_null(value=False)
    is_tracked_spot = (pl.col("measure") == SPOT_VOLUME) & (pl.col("segment") == TRACKED)
    value = pl.col("value")
    fixed_value = pl.when("is_fixed").then(value)
    return (
        values.lazy()
        .join(fixed, on=[*_MARKET_DAY, "exchange_key"], how="left")
        .with_columns(is_fixed)
        .filter(pl.col("is_fixed") | ~is_tracked_spot)
        .sort(*_MARKET_DAY, "value", "exchange_key", descending=[False, False, False, True, False])
        .with_columns(
            ts=pl.col("ts").max().over(_MARKET_DAY),
            rank=pl.int_range(1, pl.len() + 1).over(_MARKET_DAY),
            share_pct=100 * value / value.sum().over(_MARKET_DAY),
            fixed_share_pct=100 * fixed_value / fixed_value.sum().over(_MARKET_DAY),
        )
        .pipe(table("mart.exchange_shares").stored_form)
    )


def uncovered_shares(shares: pl.DataFrame, full_listings: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """How much of each segment's spot volume belongs to exchanges that have no share on a day.

    Measured by the newest full listing until the end of that day, if it is at most 7 days older than that.

    Args:
        shares: measure, segment, day, exchange_key as `exchange_shares` gives them.
        full_listings: observed_at, exchange_id, volume_24h_btc of observations that paged to the last exchange.
        exchanges: exchange_key, exchange_id, is_centralised as `exchange_map` gives them.

    Returns:
        segment, day, uncovered_pct (null without such a listing) by key, for every day of spot volume of every segment
        but ``tracked``, of which nothing is uncovered by definition.
    """
    covered = shares.lazy().filter(pl.col("measure") == SPOT_VOLUME, pl.col("segment") != TRACKED)
    days = covered.select("segment", "day").unique()
    end_of_day = pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + timedelta(days=1, microseconds=-1)
    observed = full_listings.lazy().select(end="observed_at", observed_at="observed_at").unique().sort("end")
    listing_of_day = (
        days.select("day", end=end_of_day)
        .unique()
        .sort("end")
        .join_asof(observed, on="end", strategy="backward", tolerance=_OLDEST_LISTING)
        .select("day", "observed_at")
    )
    known = exchanges.lazy().select("exchange_key", "exchange_id", "is_centralised")
    listed = (
        full_listings.lazy()
        .filter(pl.col("volume_24h_btc") > 0)
        .join(known, on="exchange_id", how="left")
        .with_columns(exchange_key=pl.coalesce("exchange_key", "exchange_id"))
    )
    volume = pl.col("volume_24h_btc")
    by_day = (
        in_segments(listed)
        .join(listing_of_day, on="observed_at")
        .join(
            covered.select("segment", "day", "exchange_key", is_covered=pl.lit(value=True)),
            on=["segment", "day", "exchange_key"],
            how="left",
        )
        .group_by("segment", "day")
        .agg(uncovered_pct=100 * volume.filter(pl.col("is_covered").is_null()).sum() / volume.sum())
    )
    return days.join(by_day, on=["segment", "day"], how="left").sort("segment", "day").collect()


def exchange_dominance(shares: pl.DataFrame, uncovered: pl.DataFrame, hhi_thresholds: Sequence[float]) -> pl.DataFrame:
    """Concentration of each measure, segment and day (``mart.exchange_dominance``).

    ``HHI = sum of share_pct^2`` over all exchanges measured: ``10,000 / n`` for n equal ones, 10,000 for one alone.
    ``effective_exchanges = 10,000 / HHI``.

    Bounds: if u percent of the market was not measured, each known share is really ``(1 - u/100)`` times what it seems,
    so the known part of the index is ``HHI (1 - u/100)^2``. What was not measured adds next to nothing if it is spread
    over very many exchanges (the lower bound), and at most ``u^2``, if it is one exchange (the upper bound).

    Source of the thresholds: Merger Guidelines of the US Department of Justice and the Federal Trade Commission, 2023,
    guideline 1 (section 2.1): above 1,800 highly concentrated, above 1,000 moderately; in 2010, 2,500 and 1,500.

    Over time: ``fixed_hhi_index`` is the index of the fixed set of `exchange_members`, with bounds that count whoever
    is outside of it as not measured. ``hhi_change_30d`` compares equal sets: both indices are over the exchanges that
    were measured on the day and 30 days before, two or more of them.

    Args:
        shares: as `exchange_shares` gives them.
        uncovered: segment, day, uncovered_pct of spot volume, as `uncovered_shares` gives them.
        hhi_thresholds: the index above which concentration is moderate, and that above which it is high.

    Returns:
        The columns of ``mart.exchange_dominance`` by key; bounds are null where ``uncovered_pct`` is.
    """
    moderate, high = hhi_thresholds
    index, missing = pl.col("hhi_index"), pl.col("uncovered_pct")
    known_part = index * (1 - missing / 100).pow(2)
    fixed, fixed_index = pl.col("fixed_share_pct"), pl.col("fixed_hhi_index")
    fixed_missing = missing + pl.col("outside_pct") * (1 - missing / 100)
    fixed_part = fixed_index * (1 - fixed_missing / 100).pow(2)
    return (
        shares.lazy()
        # In one order, so that sums come out the same to the last bit.
        .sort(*_MARKET_DAY, "rank")
        .group_by(_MARKET_DAY, maintain_order=True)
        .agg(
            pl.col("ts").max(),
            total=pl.col("value").sum(),
            n_exchanges=pl.len(),
            top_1_dominance_pct=_top(1),
            top_3_dominance_pct=_top(3),
            top_5_dominance_pct=_top(5),
            hhi_index=_SHARE.pow(2).sum(),
            n_fixed_exchanges=fixed.count(),
            fixed_hhi_index=sum_of_known(fixed.pow(2)),
            outside_pct=_SHARE.filter(fixed.is_null()).sum(),
        )
        .join(_changes(shares).lazy(), on=_MARKET_DAY, how="left")
        .join(uncovered.lazy().with_columns(measure=pl.lit(SPOT_VOLUME)), on=_MARKET_DAY, how="left")
        .with_columns(
            hhi_lower_bound=known_part,
            hhi_upper_bound=known_part + missing.pow(2),
            fixed_hhi_lower_bound=fixed_part,
            fixed_hhi_upper_bound=pl.when(fixed_part.is_not_null()).then(fixed_part + fixed_missing.pow(2)),
            effective_exchanges=MONOPOLY / index,
            market_concentration=first_that_holds(
                (index > high, "highly_concentrated"),
                (index > moderate, "moderately_concentrated"),
                otherwise="competitive",
            ),
            systemic_risk=first_that_holds((index > high, "high"), (index > moderate, "medium"), otherwise="low"),
        )
        .pipe(table("mart.exchange_dominance").stored_form)
    )


def _changes(shares: pl.DataFrame) -> pl.DataFrame:
    """The index of each day and of 30 days before over the exchanges measured on both, and the change between them."""
    key = [*_MARKET_DAY, "exchange_key"]
    values = shares.lazy().select(*key, "value")
    before = values.with_columns(pl.col("day") + timedelta(days=CHANGE_DAYS)).rename({"value": "value_before"})

    def index(value: str) -> pl.Expr:
        return (100 * pl.col(value) / pl.col(value).sum()).pow(2).sum()

    return (
        values.join(before, on=key)
        .sort(key)
        .group_by(_MARKET_DAY, maintain_order=True)
        .agg(
            n_compared=pl.len(),
            hhi_30d_ago=index("value_before"),
            hhi_change_30d=index("value") - index("value_before"),
        )
        .filter(pl.col("n_compared") >= LEAST_MEMBERS)
        # Collected alone: within the plan of a join the optimizer drops this order, and with it the sums' last bits.
        .collect()
    )


def _top(places: int) -> pl.Expr:
    return _SHARE.filter(pl.col("rank") <= places).sum()
