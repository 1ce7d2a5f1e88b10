"""Daily closes, and what was known of members at each."""

import polars as pl

from marketflows_pipeline.assets.measures import measure
from marketflows_pipeline.queries.closes import all_closes, listed_members
from marketflows_pipeline.run_context import RunContext


@measure("core.daily_closes", deps=("raw.market_caps", "raw.narrative_members", "raw.cohort_members", "raw.coins"))
def core_daily_closes(run: RunContext) -> pl.DataFrame:
    """What every coin cost at each 00:00 UTC."""
    return all_closes(run.warehouse, run.started_at)


@measure("core.listed_members", deps=("raw.narrative_members", "raw.category_names"))
def core_listed_members(run: RunContext) -> pl.DataFrame:
    """What was known of each narrative's members at each 00:00 UTC."""
    return listed_members(run.warehouse, run.settings)
