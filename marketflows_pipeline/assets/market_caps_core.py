"""Market caps on an even grid, and what they sum to."""

import polars as pl

from marketflows_pipeline.assets.io_manager import Blocks
from marketflows_pipeline.assets.tables import Run, table_asset
from marketflows_pipeline.queries.coin_blocks import table_in_blocks, window_observations
from marketflows_pipeline.queries.market_caps import grid_of, last_of_grid, stored_window, window
from marketflows_pipeline.queries.members import excluded_coins, groups_in_use, left_out
from marketflows_pipeline.queries.tracked_coins import coins_on_grid, gone_coins
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.grid import market_cap_grid
from marketflows_pipeline.transforms.market_caps.groups import group_totals
from marketflows_pipeline.transforms.market_caps.labels import series_labels
from marketflows_pipeline.transforms.market_caps.ranges import assign_buckets, bucket_totals, select_cohort

_MEMBERSHIP = ("raw.narrative_members", "raw.cohort_members")


@table_asset("core.market_cap_grid", deps=("raw.market_caps", "raw.coins", *_MEMBERSHIP))
def core_market_cap_grid(run: Run) -> Blocks:
    """Every followed coin's market cap at every grid time."""
    spec = window(run.warehouse, run.settings, run.started_at)
    coins = coins_on_grid(run.warehouse, run.settings, run.started_at)
    return Blocks(market_cap_grid(observed, spec) for observed in window_observations(run.warehouse, coins, spec))


@table_asset("core.cohort", deps=("core.market_cap_grid", "raw.narrative_members", "raw.coins"))
def core_cohort(run: Run) -> pl.DataFrame:
    """The coins of the ranges, fixed for this run."""
    source = run.settings.source
    if not source.uses_ranges:
        return table("core.cohort").empty()
    not_in_ranges = [*excluded_coins(run.warehouse, run.settings), *gone_coins(run.warehouse)]
    return select_cohort(last_of_grid(run.warehouse), source.range_lower_limits, not_in_ranges)


@table_asset("core.buckets", reads={"cohort": "core.cohort"}, deps=("core.market_cap_grid",))
def core_buckets(run: Run, cohort: pl.DataFrame) -> Blocks:
    """The range of each cohort coin at each grid time."""
    grid = table_in_blocks(run.warehouse, "core.market_cap_grid", ("coin_id", "ts", "market_cap_usd"))
    return Blocks(assign_buckets(block, cohort, run.settings.source.range_lower_limits) for block in grid)


@table_asset("core.group_totals", deps=("core.market_cap_grid", "core.buckets", "raw.narrative_members"))
def core_group_totals(run: Run) -> pl.DataFrame:
    """Narratives, portfolios, their coins, and ranges, each summed at each grid time."""
    source = run.settings.source
    groups = groups_in_use(run.warehouse, run.settings)
    totals = group_totals(grid_of(run.warehouse, groups["coin_id"]), groups)
    if not source.uses_ranges:
        return totals
    buckets = table_in_blocks(run.warehouse, "core.buckets", ("lower_limit_usd", "ts", "market_cap_usd"))
    of_ranges = bucket_totals(buckets, source.range_lower_limits, stored_window(run.warehouse, run.settings))
    return pl.concat([totals, of_ranges]).sort("category", "series", "ts")


@table_asset("core.series", reads={"coins": "raw.coins"}, deps=("core.market_cap_grid", "core.group_totals"))
def core_series(run: Run, coins: pl.DataFrame) -> pl.DataFrame:
    """Names and order of the series, as charts and tables show them."""
    source = run.settings.source
    limits = source.range_lower_limits if source.uses_ranges else ()
    labels = series_labels(coins, source.narratives_in_use, source.portfolios_in_use, limits)
    # Null where nothing is ever left out, as of portfolios.
    known = left_out(run.warehouse, run.settings, last_of_grid(run.warehouse))
    return labels.join(known, on=["category", "series"], how="left", maintain_order="left")
