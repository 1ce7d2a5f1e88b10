"""Rotation of assets against the benchmark, and of funds by their flows, week by week."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.measures import measure, measure_specs, update
from marketflows_pipeline.assets.tables import Run
from marketflows_pipeline.queries.cross_asset import benchmark_symbol
from marketflows_pipeline.queries.earlier import earlier_rows
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.transforms.rotation.assets import asset_placebo, asset_points, asset_stays

FLOWS = "core.asset_flows"


@measure("mart.cross_asset_rotation", deps=(FLOWS,))
def mart_cross_asset_rotation(run: RunContext) -> pl.DataFrame:
    """Where each asset stands against the benchmark, and each fund by its flows."""
    return asset_points(run.warehouse.read(FLOWS), benchmark_symbol(run.settings))


@measure("mart.cross_asset_rotation_log", deps=("mart.cross_asset_rotation", FLOWS))
def mart_cross_asset_rotation_log(run: RunContext) -> pl.DataFrame:
    """Stays of assets in the quadrants."""
    points = run.warehouse.read("mart.cross_asset_rotation")
    return asset_stays(points, run.warehouse.read(FLOWS), benchmark_symbol(run.settings))


@measure("mart.cross_asset_rotation_placebo", deps=(FLOWS,))
def mart_cross_asset_rotation_placebo(run: RunContext) -> pl.DataFrame:
    """The same returns in shuffled order, once a completed week."""
    stored = earlier_rows(run.warehouse, "mart.cross_asset_rotation_placebo")
    return asset_placebo(run.warehouse.read(FLOWS), benchmark_symbol(run.settings), stored)


CROSS_ASSET_ROTATION = (
    mart_cross_asset_rotation,
    mart_cross_asset_rotation_log,
    mart_cross_asset_rotation_placebo,
)


@dg.multi_asset(name="cross_asset_rotation", specs=measure_specs(CROSS_ASSET_ROTATION))
def rotation_of_assets(run: Run) -> Iterator[dg.MaterializeResult[None]]:
    """Points, stays and placebo, one after the other."""
    yield from update(run, CROSS_ASSET_ROTATION)
