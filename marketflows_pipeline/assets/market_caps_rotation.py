"""Rotation of narratives against coins: points, stays in quadrants, and what chance alone gives."""

import polars as pl

from marketflows_pipeline.assets.measures import measure
from marketflows_pipeline.queries.earlier import earlier_rows
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.transforms.rotation.narratives import (
    narrative_placebo,
    narrative_points,
    narrative_stays,
)

INDEX = "mart.narrative_index"


@measure("mart.rotation", deps=(INDEX,))
def mart_rotation(run: RunContext) -> pl.DataFrame:
    """Where each narrative stands against each base coin."""
    return narrative_points(run.warehouse.read(INDEX), run.settings.source.coin_bases)


@measure("mart.rotation_log", deps=("mart.rotation", INDEX))
def mart_rotation_log(run: RunContext) -> pl.DataFrame:
    """Stays of narratives in the quadrants."""
    return narrative_stays(run.warehouse.read("mart.rotation"), run.warehouse.read(INDEX))


@measure("mart.rotation_placebo", deps=(INDEX,))
def mart_rotation_placebo(run: RunContext) -> pl.DataFrame:
    """The same returns in shuffled order, once a completed day."""
    stored = earlier_rows(run.warehouse, "mart.rotation_placebo")
    return narrative_placebo(run.warehouse.read(INDEX), run.settings.source.coin_bases, stored)
