"""Warehouse queries for breadth: closes of all coins, members at each of them, whole pages of narratives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from marketflows_pipeline.queries.categories import names_in_store
from marketflows_pipeline.queries.closes import close_times, stored_members
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.transforms.categories import COHORT
from marketflows_pipeline.transforms.market_caps.category_breadth import PERIODS
from marketflows_pipeline.transforms.market_caps.daily_closes import rebase_redenominations
from marketflows_pipeline.transforms.market_caps.universes import DAY, narrative_universe, range_universe
from marketflows_pipeline.warehouse.store import Warehouse

# Members of a run of the last days are enough to know those of the newest close.
RECENT = 7 * DAY
EVER = datetime(1970, 1, 2, tzinfo=UTC)


def limits_in_use(settings: Settings) -> Sequence[float]:
    """Lower limits of the ranges; none where no ranges are made."""
    return settings.source.range_lower_limits if settings.source.uses_ranges else ()


def observed_closes(warehouse: Warehouse, moment: datetime, since: datetime | None = None) -> pl.DataFrame:
    """Closes of every coin that was observed in the 24 hours before them, prices in one unit throughout.

    Args:
        warehouse: the private file.
        moment: the newest close is at or before it, aware.
        since: the oldest close wanted; all stored history by default.

    Returns:
        ``coin_id, ts, market_cap_usd, price_usd`` by coin and close.
    """
    # An observation of the day before yesterday is no price of today: held on, it would be a coin that did not move.
    fresh = warehouse.read(
        "core.daily_closes",
        where="ts >= ? and ts <= ? and observed_at > ts - interval 1 day",
        params=[since or EVER, moment],
    )
    return rebase_redenominations(fresh).select("coin_id", "ts", "market_cap_usd", "price_usd")


def universes(warehouse: Warehouse, settings: Settings, closes: pl.DataFrame) -> pl.DataFrame:
    """``category, series, coin_id, ts, is_backfilled``: members of narratives, ranges and the cohort at each close."""
    times = closes.get_column("ts")
    if times.is_empty():
        return range_universe(closes, (), closes)
    days = close_times(times.min(), times.max())  # type: ignore[arg-type]
    members = narrative_universe(stored_members(warehouse), days, settings.source.narrative_top_n)
    return pl.concat([members, range_universe(closes, limits_in_use(settings), stored_cohort(warehouse))])


def stored_cohort(warehouse: Warehouse, since: datetime | None = None) -> pl.DataFrame:
    """Coins above the smallest range limit as they were known at each close, without those left out then.

    Args:
        warehouse: the private file.
        since: the oldest observation wanted; all by default.

    Returns:
        ``ts`` (the first 00:00 UTC at or after the observation, of which there is the last one) and ``coin_id``.
    """
    return warehouse.query(
        """
        with days as (
            select (epoch_us(observed_at) - 1) // 86400000000 + 1 as day, max(observed_at) as observed_at
            from accepted.cohort_members where observed_at >= ? group by day
        )
        select make_timestamptz(day * 86400000000) as ts, coin_id
        from accepted.cohort_members join days using (observed_at)
        where is_excluded is not true order by ts, coin_id
        """,
        [since or EVER],
    ).with_columns(pl.col("ts").cast(pl.Datetime("us", "UTC")))


def newest_members(warehouse: Warehouse, settings: Settings, closes: pl.DataFrame) -> pl.DataFrame:
    """``series, coin_id, is_backfilled``: members of each narrative as known at the newest close."""
    newest = closes.get_column("ts").unique().sort().tail(1)
    if newest.is_empty():
        return pl.DataFrame(schema={"series": pl.String, "coin_id": pl.String, "is_backfilled": pl.Boolean})
    stored = stored_members(warehouse, newest[0] - RECENT)
    if set(stored["series"]) < set(settings.source.narratives_in_use):
        stored = stored_members(warehouse)
    members = narrative_universe(stored, newest, settings.source.narrative_top_n)
    return members.select("series", "coin_id", "is_backfilled")


def newest_cohort(warehouse: Warehouse, settings: Settings, closes: pl.DataFrame) -> pl.Series:
    """Coins of the ranges at the newest close; none without ranges."""
    newest = closes.filter(pl.col("ts") == pl.col("ts").max())
    if newest.is_empty():
        return newest.get_column("coin_id")
    recent = stored_cohort(warehouse, newest["ts"][0] - RECENT)
    placed = range_universe(newest, limits_in_use(settings), stored_cohort(warehouse) if recent.is_empty() else recent)
    return placed.filter(pl.col("category") == COHORT).get_column("coin_id")


def first_cohort_stored(warehouse: Warehouse) -> datetime | None:
    """When coins above the smallest range limit were first stored; None before."""
    first: datetime | None = warehouse.query("select min(observed_at) from accepted.cohort_members").item()
    return first


def whole_pages(warehouse: Warehouse, settings: Settings, since: datetime) -> pl.DataFrame:
    """All that the service listed of each configured narrative, once a UTC day, excluded coins left out.

    Returns:
        ``series, stored_as, observed_at, coin_id, market_cap_usd`` and the changes of the price; a page that is stored
        under a former slug and under today's is there twice.
    """
    names = names_in_store(warehouse, settings.source.narratives_in_use)
    stored = warehouse.accepted(
        "raw.narrative_members",
        columns=["narrative", "observed_at", "coin_id", "market_cap_usd", *PERIODS.values()],
        where="observed_at > ? and is_full_page and is_excluded is not true and list_contains(?, narrative)",
        params=[since, names["stored_as"].to_list()],
    )
    return stored.rename({"narrative": "stored_as"}).join(names.rename({"narrative": "series"}), on="stored_as")


def changes_of(warehouse: Warehouse, coin_id: str) -> pl.DataFrame:
    """``observed_at`` and the changes of one coin's price, as the pages of coins above the smallest limit have them."""
    return warehouse.accepted(
        "raw.cohort_members",
        columns=["observed_at", *PERIODS.values()],
        where="coin_id = ?",
        params=[coin_id],
    )
