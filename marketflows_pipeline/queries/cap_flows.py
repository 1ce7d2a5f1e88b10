"""Warehouse queries of attribution and migration: coins, their closes, published supplies, the stored cohort."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.queries.closes import close_times, daily_closes, day_of, stored_members
from marketflows_pipeline.queries.members import excluded_coins
from marketflows_pipeline.queries.tracked_coins import tracked_coins
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.transforms.market_caps.attribution_totals import narrative_members, portfolio_members
from marketflows_pipeline.transforms.market_caps.daily_closes import SUPPLY_WINDOW
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.text_lists import IS_ONE_OF, as_parameter

ATTRIBUTED = timedelta(days=366)


@dataclass(frozen=True)
class StoredCohort:
    """The coins ever stored above the smallest limit, and since when.

    Attributes:
        coins: their ids, without those that are left out of ranges.
        since: the first close at which the cohort was known; None before there is one.
    """

    coins: tuple[str, ...]
    since: datetime | None


def first_close(moment: datetime) -> datetime:
    """The oldest close that is attributed by a run at this moment."""
    return day_of(moment) - ATTRIBUTED


def attributed_closes(warehouse: Warehouse, settings: Settings, moment: datetime) -> pl.DataFrame:
    """Closes of the followed coins and of all that were members meanwhile, with those before that supply needs.

    Returns:
        ``coin_id, ts, market_cap_usd, price_usd``, as `daily_closes` returns them.
    """
    first = first_close(moment)
    coins = {
        *tracked_coins(warehouse, settings, moment)["coin_id"],
        *stored_cohort(warehouse, settings, moment).coins,
        *_members_ever(warehouse, settings, moment),
    }
    return daily_closes(warehouse, sorted(coins), first - SUPPLY_WINDOW * timedelta(days=1), moment)


def attributed_without_step(warehouse: Warehouse, coins: list[str]) -> pl.DataFrame:
    """``coin_id, ts`` of the attributed days of these coins on which there was no large supply step."""
    return warehouse.read(
        "mart.cap_attribution",
        columns=["coin_id", "ts"],
        where=f"coin_id {IS_ONE_OF} and large_supply_step_usd = 0",
        params=[as_parameter(coins)],
    )


def published_supplies(warehouse: Warehouse, moment: datetime) -> pl.DataFrame:
    """Circulating supplies as pages gave them, by the close at which they were known: coin_id, ts, circulating_supply.

    Of several answers of a day the last one counts. Days are counted in microseconds, which functions of times with a
    zone would take a hundred times as long for.
    """
    return warehouse.query(
        """
        with pages as (
            select coin_id, observed_at, circulating_supply from accepted.cohort_members
            union all select coin_id, observed_at, circulating_supply from accepted.narrative_members
        )
        select coin_id, make_timestamp(((epoch_us(observed_at) - 1) // 86_400_000_000 + 1) * 86_400_000_000) as ts,
               arg_max(circulating_supply, observed_at) as circulating_supply
        from pages where circulating_supply > 0 and observed_at > ? group by all
        """,
        [first_close(moment) - timedelta(days=1)],
    ).with_columns(pl.col("ts").dt.replace_time_zone("UTC").dt.cast_time_unit("us"))


def pegged_coins(warehouse: Warehouse, settings: Settings) -> list[str]:
    """Coins whose supply moves as their business goes: pegged, wrapped, lending receipts."""
    return sorted({*excluded_coins(warehouse, settings), *settings.source.pegged_coins})


def stored_cohort(warehouse: Warehouse, settings: Settings, moment: datetime) -> StoredCohort:
    """The stored cohort of the attributed closes."""
    if not settings.source.uses_ranges:
        return StoredCohort((), None)
    seen = warehouse.query(
        "select coin_id, min(observed_at) as first_at from accepted.cohort_members where observed_at > ?"
        " group by coin_id order by coin_id",
        [first_close(moment) - timedelta(days=1)],
    )
    left_out = excluded_coins(warehouse, settings)
    coins = seen.filter(~pl.col("coin_id").is_in(left_out))["coin_id"]
    earliest = seen["first_at"].min()
    known = close_times(earliest, moment) if isinstance(earliest, datetime) else None
    since = known.min() if known is not None else None
    return StoredCohort(tuple(coins), since if isinstance(since, datetime) else None)


def histories_known_from(warehouse: Warehouse) -> pl.DataFrame:
    """Since when each coin's history was asked for and answered: ``coin_id, known_from``."""
    return warehouse.query(
        "select coin_id, min(window_start) as known_from from meta.backfills"
        " where outcome in ('complete', 'empty') group by coin_id order by coin_id"
    ).with_columns(pl.col("known_from").dt.convert_time_zone("UTC").dt.cast_time_unit("us"))


def group_members_at(warehouse: Warehouse, settings: Settings, moment: datetime, times: pl.Series) -> pl.DataFrame:
    """Members of narratives and portfolios at each close: ``category, series, coin_id, ts``."""
    top_n = settings.source.narrative_top_n
    members = stored_members(warehouse, first_close(moment)).filter(pl.col("rank") <= top_n)
    narratives = narrative_members(members, times, top_n)
    return pl.concat([narratives, portfolio_members(settings.source.portfolios_in_use, times)])


def _members_ever(warehouse: Warehouse, settings: Settings, moment: datetime) -> pl.Series:
    """Coins that were members of a narrative at one of the attributed closes."""
    return warehouse.query(
        "select distinct coin_id from core.listed_members where ts >= ? and rank <= ?",
        [first_close(moment), settings.source.narrative_top_n],
    )["coin_id"]
