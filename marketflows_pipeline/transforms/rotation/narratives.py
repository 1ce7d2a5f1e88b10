"""Compute the rotation of narratives: their price index against each coin, on completed days, from its base on."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.categories import NARRATIVES
from marketflows_pipeline.transforms.rotation.plane import DAILY
from marketflows_pipeline.transforms.rotation.points import Chart, stored_rows

UNIVERSE = "narratives"


def narrative_points(index: pl.DataFrame, benchmarks: Iterable[str]) -> pl.DataFrame:
    """Points of each narrative against each benchmark (see `Chart.points`).

    Args:
        index: category, series, base_asset, ts, price_index, is_backfilled, is_provisional as in
            ``mart.narrative_index``, all that is stored; provisional points take no part.
        benchmarks: coins that the index is stored in.

    Returns:
        The columns of ``mart.rotation``.
    """
    found = [_chart(name).points(_levels(index, name)) for name in benchmarks]
    return stored_rows(table("mart.rotation"), found)


def narrative_stays(points: pl.DataFrame, index: pl.DataFrame) -> pl.DataFrame:
    """Stays in the quadrants (see `Chart.stays`), with the return of the price index over the benchmark.

    Args:
        points: as `narrative_points` returns them.
        index: as given to it.

    Returns:
        The columns of ``mart.rotation_log``.
    """
    found = [
        _chart(str(name)).stays(of_base, _levels(index, str(name)).rename({"level": "value"}))
        for (name,), of_base in points.partition_by("benchmark", as_dict=True).items()
    ]
    return stored_rows(table("mart.rotation_log"), found)


def narrative_placebo(index: pl.DataFrame, benchmarks: Iterable[str], stored: pl.DataFrame) -> pl.DataFrame:
    """What chance alone gives each benchmark's chart (see `Chart.placebo`).

    Args:
        index: as in `narrative_points`.
        benchmarks: as in `narrative_points`.
        stored: what was returned before; kept where the closes are the same.

    Returns:
        The columns of ``mart.rotation_placebo``.
    """
    found = [_chart(name).placebo(_levels(index, name), stored) for name in benchmarks]
    return stored_rows(table("mart.rotation_placebo"), found)


def _chart(benchmark: str) -> Chart:
    return Chart(UNIVERSE, benchmark, DAILY)


def _levels(index: pl.DataFrame, benchmark: str) -> pl.DataFrame:
    is_close = (pl.col("category") == NARRATIVES) & ~pl.col("is_provisional")
    return index.filter(is_close, pl.col("base_asset") == benchmark).select(
        "series", "ts", "is_backfilled", level="price_index"
    )
