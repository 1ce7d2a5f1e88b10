"""Rotation of assets against the benchmark, and of funds by their flows, week by week."""

import polars as pl

from marketflows_pipeline.assets.tables import Run, table_asset
from marketflows_pipeline.queries.cross_asset import benchmark_symbol
from marketflows_pipeline.queries.rotation import stored_placebo
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.rotation.assets import asset_placebo, asset_points, asset_stays


@table_asset("mart.cross_asset_rotation", reads={"flows": "core.asset_flows"})
def mart_cross_asset_rotation(run: Run, flows: pl.DataFrame) -> pl.DataFrame:
    """Where each asset stands against the benchmark, and each fund by its flows."""
    return asset_points(flows, benchmark_symbol(run.settings))


@table_asset(
    "mart.cross_asset_rotation_log", reads={"points": "mart.cross_asset_rotation", "flows": "core.asset_flows"}
)
def mart_cross_asset_rotation_log(run: Run, points: pl.DataFrame, flows: pl.DataFrame) -> pl.DataFrame:
    """Stays of assets in the quadrants."""
    return asset_stays(points, flows, benchmark_symbol(run.settings))


@table_asset("mart.cross_asset_rotation_placebo", reads={"flows": "core.asset_flows"})
def mart_cross_asset_rotation_placebo(run: Run, flows: pl.DataFrame) -> pl.DataFrame:
    """The same returns in shuffled order, once a completed week."""
    stored = stored_placebo(run.warehouse, table("mart.cross_asset_rotation_placebo"))
    return asset_placebo(flows, benchmark_symbol(run.settings), stored)
