"""Rotation of narratives against coins: points, stays in quadrants, and what chance alone gives."""

import polars as pl

from marketflows_pipeline.assets.tables import Run, table_asset
from marketflows_pipeline.queries.rotation import stored_placebo
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.rotation.narratives import (
    narrative_placebo,
    narrative_points,
    narrative_stays,
)


@table_asset("mart.rotation", reads={"index": "mart.narrative_index"})
def mart_rotation(run: Run, index: pl.DataFrame) -> pl.DataFrame:
    """Where each narrative stands against each base coin."""
    return narrative_points(index, run.settings.source.coin_bases)


@table_asset("mart.rotation_log", reads={"points": "mart.rotation", "index": "mart.narrative_index"})
def mart_rotation_log(points: pl.DataFrame, index: pl.DataFrame) -> pl.DataFrame:
    """Stays of narratives in the quadrants."""
    return narrative_stays(points, index)


@table_asset("mart.rotation_placebo", reads={"index": "mart.narrative_index"})
def mart_rotation_placebo(run: Run, index: pl.DataFrame) -> pl.DataFrame:
    """The same returns in shuffled order, once a completed day."""
    stored = stored_placebo(run.warehouse, table("mart.rotation_placebo"))
    return narrative_placebo(index, run.settings.source.coin_bases, stored)
