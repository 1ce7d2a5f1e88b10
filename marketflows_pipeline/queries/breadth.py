"""Warehouse queries for breadth: closes of all coins, members at each of them, whole pages of narratives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import polars as pl

from marketflows_pipeline.queries.categories import names_in_store
from marketflows_pipeline.queries.closes import close_times, stored_members
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.transforms.categories import COHORT
from marketflows_pipeline.transforms.market_caps.category_breadth import PERIODS
from marketflows_pipeline.transforms.market_caps.daily_closes import DAY, rebase_redenominations
from marketflows_pipeline.transforms.market_caps.universes import narrative_universe, range_universe
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
        # In microseconds: DuckDB takes ten times as long to subtract an interval from a time with a zone.
        where="ts >= ? and ts <= ? and epoch_us(observed_at) > epoch_us(ts) - 86400000000",
        params=[since or EVER, moment],
    )
    return rebase_redenominations(fresh).select("coin_id", "ts", "market_cap_usd", "price_usd")


def universes(warehouse: Warehouse, settings: Settings, closes: pl.DataFrame) -> pl.DataFrame:
    """``category, series, coin_id, ts, is_backfilled``: members of narratives, ranges and the cohort at each close."""
    times = closes.get_column("ts")
    if times.is_empty():
        return range_universe(closes, (), (), None)
    days = close_times(cast("datetime", times.min()), cast("datetime", times.max()))
    members = narrative_universe(stored_members(warehouse), days, settings.source.narrative_top_n)
    return pl.concat([members, range_universe(closes, limits_in_use(settings), *listed_coins(warehouse))])


def listed_coins(warehouse: Warehouse) -> tuple[list[str], datetime | None]:
    """Coins that any run listed above the smallest range limit and did not leave out at last, and since when.

    Returns:
        Their ids, and the first 00:00 UTC at or after the first list; None before one.
    """
    rows = warehouse.query(
        """
        select coin_id, coalesce(arg_max_null(is_excluded, observed_at), false) as is_excluded,
               min(observed_at) as first_at
        from accepted.cohort_members group by coin_id order by coin_id
        """
    )
    first = rows.select(pl.col("first_at").min().dt.convert_time_zone("UTC").dt.offset_by("-1us").dt.truncate("1d"))
    known_at: datetime | None = first.item()
    return rows.filter(~pl.col("is_excluded"))["coin_id"].to_list(), known_at and known_at + DAY


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
    placed = range_universe(newest, limits_in_use(settings), *listed_coins(warehouse))
    return placed.filter(pl.col("category") == COHORT).get_column("coin_id")


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
