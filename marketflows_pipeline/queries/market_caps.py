"""Warehouse queries of the market-cap part: the window's grid, its observations, base assets, members of series."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.queries.closes import newest_observation
from marketflows_pipeline.queries.members import groups_in_use
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.market_caps.ranges import range_members
from marketflows_pipeline.warehouse.ledger import calls_of_month
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.text_lists import IS_ONE_OF, as_parameter


def window(warehouse: Warehouse, settings: Settings, moment: datetime) -> GridSpec:
    """The grid of a run: it ends at the run's moment or, with no credits left, at the newest observation.

    Without credits nothing new can be known; ending the grid where knowledge ends shows stale data as such instead of
    drawing it flat until now.
    """
    if is_out_of_credits(warehouse, settings, moment):
        moment = min(moment, newest_observation(warehouse) or moment)
    return since_first_run(warehouse, settings, GridSpec.from_window(moment, settings.source.days))


def since_first_run(warehouse: Warehouse, settings: Settings, spec: GridSpec) -> GridSpec:
    """The grid, or the part of it since the first observation where the provider serves no history of the window.

    Held flat before it, a curve of nothing would tell of changes of 0 %.
    """
    if settings.source.has_history:
        return spec
    first = warehouse.query("select min(ts) as ts from accepted.market_caps where ts >= ?", [spec.start]).item()
    return spec.since(first or spec.end)


def is_out_of_credits(warehouse: Warehouse, settings: Settings, moment: datetime) -> bool:
    """Whether the month's credits are used up, so that no run can fetch anything new before the next month."""
    return calls_of_month(warehouse, settings.provider, moment) >= settings.source.monthly_credits


def stored_window(warehouse: Warehouse, settings: Settings) -> GridSpec:
    """The grid as it is stored, which may be of another moment than this run's."""
    first, newest = warehouse.query("select min(ts) as first, max(ts) as newest from core.market_cap_grid").row(0)
    return GridSpec.from_window(newest, settings.source.days).since(first)


def last_of_grid(warehouse: Warehouse) -> pl.DataFrame:
    """``coin_id, ts, market_cap_usd`` of every coin at the last grid time."""
    return warehouse.read(
        "core.market_cap_grid",
        columns=["coin_id", "ts", "market_cap_usd"],
        where="ts = (select max(ts) from core.market_cap_grid)",
    )


def grid_of(warehouse: Warehouse, coins: Iterable[str]) -> pl.DataFrame:
    """``coin_id, ts, market_cap_usd`` of some coins on the grid."""
    return warehouse.read(
        "core.market_cap_grid",
        columns=["coin_id", "ts", "market_cap_usd"],
        where=f"coin_id {IS_ONE_OF}",
        params=[as_parameter(coins)],
    )


def base_caps(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """``coin_id, ts, market_cap_usd`` of the base assets on the grid."""
    return grid_of(warehouse, settings.source.coin_bases)


def series_members(warehouse: Warehouse, settings: Settings, spec: GridSpec) -> pl.DataFrame:
    """``category, series, coin_id`` of every series; a range's coins are those of the last grid step."""
    buckets = warehouse.read("core.buckets", where="ts >= ?", params=[spec.end - spec.step])
    return pl.concat([groups_in_use(warehouse, settings), range_members(buckets, spec)])


def last_step_observations(warehouse: Warehouse, spec: GridSpec) -> pl.DataFrame:
    """Observations around the last grid step, for offsets shorter than a step."""
    return warehouse.accepted(
        "raw.market_caps",
        columns=["coin_id", "ts", "market_cap_usd"],
        where="ts >= ?",
        params=[spec.end - spec.step - timedelta(hours=1)],
    )
