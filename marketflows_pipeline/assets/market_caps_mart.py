"""The measures: relative curves, averages, differences, unit scaling, gains."""

import polars as pl

from marketflows_pipeline.assets.tables import Run, table_asset, view_asset
from marketflows_pipeline.queries.coin_blocks import table_in_blocks
from marketflows_pipeline.queries.market_caps import base_caps, last_step_observations, series_members, stored_window
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.gains import percent_gains
from marketflows_pipeline.transforms.market_caps.metrics import derivatives, ema, normalize, unit_normalize
from marketflows_pipeline.transforms.market_caps.ranges import range_derivatives


@table_asset("mart.normalized", reads={"totals": "core.group_totals"}, deps=("core.market_cap_grid",))
def mart_normalized(run: Run, totals: pl.DataFrame) -> pl.DataFrame:
    """Each series in each base, relative to its start."""
    return normalize(totals, base_caps(run.warehouse, run.settings), run.settings.source.base_assets)


@table_asset("mart.ema", reads={"normalized": "mart.normalized"})
def mart_ema(run: Run, normalized: pl.DataFrame) -> pl.DataFrame:
    """The relative curves smoothed."""
    return ema(normalized, run.settings.analysis.ema_periods)


@table_asset(
    "mart.derivatives",
    reads={"normalized": "mart.normalized", "ema_curves": "mart.ema"},
    deps=("core.market_cap_grid", "core.buckets"),
)
def mart_derivatives(run: Run, normalized: pl.DataFrame, ema_curves: pl.DataFrame) -> pl.DataFrame:
    """Growth, inflection and higher orders of groups, and those of ranges, which follow their coins."""
    source, analysis = run.settings.source, run.settings.analysis
    of_groups = derivatives(normalized, ema_curves, analysis.diff_orders, analysis.smoothing_ema)
    if not source.uses_ranges:
        return of_groups
    of_ranges = range_derivatives(
        table_in_blocks(run.warehouse, "core.buckets", ("coin_id", "ts", "lower_limit_usd", "market_cap_usd")),
        base_caps=base_caps(run.warehouse, run.settings),
        base_assets=source.base_assets,
        limits=source.range_lower_limits,
        ema_periods=analysis.ema_periods,
        diff_orders=analysis.diff_orders,
    )
    return pl.concat([of_groups, of_ranges])


@table_asset(
    "mart.unit_normalized",
    reads={"normalized": "mart.normalized", "ema_curves": "mart.ema", "differences": "mart.derivatives"},
)
def mart_unit_normalized(
    run: Run, normalized: pl.DataFrame, ema_curves: pl.DataFrame, differences: pl.DataFrame
) -> pl.DataFrame:
    """Every measure scaled to 0..1 across the series of its category."""
    if not run.settings.analysis.is_unit_normalize:
        return table("mart.unit_normalized").empty()
    return unit_normalize(normalized, ema_curves, differences)


mart_metrics = view_asset(
    "mart.metrics", deps=("mart.normalized", "mart.ema", "mart.derivatives", "mart.unit_normalized")
)


@table_asset(
    "mart.percent_gains",
    reads={"totals": "core.group_totals"},
    deps=("core.market_cap_grid", "core.buckets", "raw.market_caps", "raw.narrative_members"),
)
def mart_percent_gains(run: Run, totals: pl.DataFrame) -> pl.DataFrame:
    """What each series gained over each offset, in each base."""
    spec = stored_window(run.warehouse, run.settings)
    return percent_gains(
        totals,
        base_caps=base_caps(run.warehouse, run.settings),
        base_assets=run.settings.source.base_assets,
        hours_ago=run.settings.plots.hours_ago,
        spec=spec,
        observations=last_step_observations(run.warehouse, spec),
        members=series_members(run.warehouse, run.settings, spec),
    )
