"""Warehouse queries for measures on daily closes: closes at 00:00 UTC, and members as known at each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from marketflows_pipeline.queries.categories import names_in_store
from marketflows_pipeline.queries.members import excluded_coins, narratives_kept_whole
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.transforms.market_caps.daily_closes import DAY, closes_at
from marketflows_pipeline.transforms.ordering import in_order
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.text_lists import IS_ONE_OF, as_parameter

# No observation older than that is a close.
LONGEST = 2 * DAY


def close_times(first: datetime, last: datetime) -> pl.Series:
    """Every 00:00 UTC from the first one at or after `first` to the last one at or before `last`."""
    start = day_of(first) + (DAY if first > day_of(first) else timedelta(0))
    end = max(day_of(last), start - DAY)
    return pl.datetime_range(start, end, DAY, time_unit="us", time_zone="UTC", eager=True).alias("ts")


def daily_closes(
    warehouse: Warehouse,
    coins: Sequence[str],
    first: datetime,
    last: datetime,
    within: timedelta = LONGEST,
) -> pl.DataFrame:
    """Closes of these coins, as the run has stored them.

    Args:
        warehouse: the private file.
        coins: ids.
        first: the oldest close wanted, aware.
        last: the newest, aware.
        within: how much older than its close an observation may be, at most two days; else the close is missing.

    Returns:
        Rows of ``core.daily_closes`` by coin and close.
    """
    rows = warehouse.read(
        "core.daily_closes",
        # In microseconds: DuckDB takes ten times as long to subtract an interval from a time with a zone.
        where=f"coin_id {IS_ONE_OF} and ts >= ? and ts <= ? and epoch_us(observed_at) >= epoch_us(ts) - ?",
        params=[as_parameter(coins), first, last, within // timedelta(microseconds=1)],
    )
    return in_order(rows, "coin_id", "ts")


def all_closes(warehouse: Warehouse, moment: datetime) -> pl.DataFrame:
    """Rows of ``core.daily_closes``: closes of every coin since its first observation."""
    oldest = warehouse.query("select min(ts) as ts from accepted.market_caps").item() or moment
    times = close_times(oldest, moment)
    return closes_at(_last_observations(warehouse, None, oldest, moment), times, LONGEST)


def latest_prices(warehouse: Warehouse, coins: Sequence[str], moment: datetime, within: timedelta) -> pl.DataFrame:
    """As `daily_closes`, for one moment that is no close."""
    times = pl.Series("ts", [moment], pl.Datetime("us", "UTC"))
    return closes_at(_last_observations(warehouse, coins, moment - within, moment), times, within)


def newest_observation(warehouse: Warehouse) -> datetime | None:
    """The time of the newest accepted observation of any coin."""
    newest: datetime | None = warehouse.query("select max(ts) as ts from accepted.market_caps").item()
    return newest


def stored_members(warehouse: Warehouse, since: datetime | None = None) -> pl.DataFrame:
    """Rows of ``core.listed_members`` from a close on, all by default: what was known of members at each close."""
    if since is None:
        return warehouse.read("core.listed_members")
    return warehouse.read("core.listed_members", where="ts >= ?", params=[since])


def listed_members(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Rows of ``core.listed_members``: lists of the configured narratives, excluded coins left out.

    An observation that stored what was excluded then is taken at its word; of others what is excluded now is left out.
    """
    names = names_in_store(warehouse, settings.source.narratives_in_use)
    stored = warehouse.query(
        """
        with days as (
            select narrative, (epoch_us(observed_at) - 1) // 86400000000 + 1 as day, max(observed_at) as observed_at
            from accepted.narrative_members
            where list_contains(?, narrative) group by all
        )
        select make_timestamptz(day * 86400000000) as ts, narrative as stored_as, members.observed_at, coin_id, rank,
               market_cap_usd, is_excluded, is_full_page
        from accepted.narrative_members members join days using (narrative, observed_at)
        """,
        [names["stored_as"].to_list()],
    )
    is_whole = pl.col("narrative").is_in(narratives_kept_whole(warehouse, settings))
    is_left_out = pl.col("is_excluded").fill_null(pl.col("coin_id").is_in(excluded_coins(warehouse, settings)))
    # One number for close and narrative: windows and sorts over it cost a third of those over times and texts.
    places = names.with_columns(place=pl.col("narrative").rank("dense").cast(pl.Int64))
    newest = pl.col("observed_at") == pl.col("observed_at").max().over("list")
    listed = (
        stored.join(places, on="stored_as")
        .with_columns(list=pl.col("ts").dt.epoch("s") * (places.height + 1) + pl.col("place"))
        .filter(newest, is_whole | ~is_left_out)
        .sort("list", "rank", "coin_id")
        .with_columns(pl.col("list").set_sorted())
    )
    if not names["narrative"].is_unique().all():
        # Stored under a former slug and under today's, a list has its coins twice.
        listed = listed.unique(["list", "coin_id"], keep="first", maintain_order=True)
    return listed.select(
        pl.col("ts").dt.replace_time_zone("UTC").dt.cast_time_unit("us"),
        pl.col("narrative").alias("series"),
        "coin_id",
        pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("list").alias("rank"),
        "market_cap_usd",
        "is_full_page",
    )


def _last_observations(
    warehouse: Warehouse, coins: Sequence[str] | None, first: datetime, last: datetime
) -> pl.DataFrame:
    """The last observation of each coin and UTC day; a day ends with its close at 00:00.

    Days are counted in microseconds: functions of times with a zone take 10 microseconds a row.
    """
    return warehouse.query(
        f"""
        select coin_id, max(ts) as ts,
               arg_max(market_cap_usd, ts) as market_cap_usd, arg_max(price_usd, ts) as price_usd
        from accepted.market_caps
        where ts >= ? and ts <= ? and {"true" if coins is None else f"coin_id {IS_ONE_OF}"} and price_usd > 0
        group by coin_id, (epoch_us(ts) - 1) // 86400000000
        order by coin_id, ts
        """,
        [first, last, *([] if coins is None else [as_parameter(coins)])],
    )


def day_of(moment: datetime) -> datetime:
    """The 00:00 UTC at which the moment's day began."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
