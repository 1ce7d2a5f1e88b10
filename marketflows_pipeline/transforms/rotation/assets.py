"""Compute the rotations of the cross-asset part: prices against the benchmark, and funds by their flows."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.rotation.plane import WEEKLY
from marketflows_pipeline.transforms.rotation.points import Chart, stored_rows
from marketflows_pipeline.transforms.rotation.weekly import friday_closes, relative_levels, weekly_flow_levels

PRICES, FLOWS, NO_BENCHMARK = "cross-asset", "flows", "none"
# A sum over four weeks is smooth by itself.
_OF_FLOWS = Chart(FLOWS, NO_BENCHMARK, replace(WEEKLY, span=1))


def asset_points(flows: pl.DataFrame, benchmark: str) -> pl.DataFrame:
    """Points of each asset by its price against the benchmark's, and of each fund by its flows (see `Chart.points`).

    Args:
        flows: as in ``core.asset_flows``.
        benchmark: symbol of the asset that prices are divided by.

    Returns:
        The columns of ``mart.cross_asset_rotation``.
    """
    levels = relative_levels(friday_closes(flows), benchmark)
    found = [_of_prices(benchmark).points(levels), _OF_FLOWS.points(weekly_flow_levels(flows))]
    return stored_rows(table("mart.cross_asset_rotation"), found)


def asset_stays(points: pl.DataFrame, flows: pl.DataFrame, benchmark: str) -> pl.DataFrame:
    """Stays in the quadrants (see `Chart.stays`), with the return of the price.

    Args:
        points: as `asset_points` returns them.
        flows: as given to it.
        benchmark: as given to it; the return is over it, but for funds by their flows, whose price counts alone.

    Returns:
        The columns of ``mart.cross_asset_rotation_log``.
    """
    closes = friday_closes(flows)
    relative = relative_levels(closes, benchmark).rename({"level": "value"})
    found = [
        chart.stays(points.filter(pl.col("universe") == chart.universe), values)
        for chart, values in ((_of_prices(benchmark), relative), (_OF_FLOWS, closes))
    ]
    return stored_rows(table("mart.cross_asset_rotation_log"), found)


def asset_placebo(flows: pl.DataFrame, benchmark: str, stored: pl.DataFrame) -> pl.DataFrame:
    """What chance alone gives the chart of prices (see `Chart.placebo`).

    Flows have none: they go on for weeks by themselves, and shuffling them would show no more than that.

    Args:
        flows: as in `asset_points`.
        benchmark: as in `asset_points`.
        stored: what was returned before; kept where the closes are the same.

    Returns:
        The columns of ``mart.cross_asset_rotation_placebo``.
    """
    levels = relative_levels(friday_closes(flows), benchmark)
    return stored_rows(table("mart.cross_asset_rotation_placebo"), [_of_prices(benchmark).placebo(levels, stored)])


def _of_prices(benchmark: str) -> Chart:
    return Chart(PRICES, benchmark, WEEKLY)
