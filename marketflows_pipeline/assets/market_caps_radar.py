"""The radar: every category of the service against its own past."""

import polars as pl

from marketflows_pipeline.assets.measures import measure
from marketflows_pipeline.queries.categories import category_snapshots
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.transforms.market_caps.category_radar import category_radar


@measure("mart.category_radar", deps=("raw.category_snapshots",))
def mart_category_radar(run: RunContext) -> pl.DataFrame:
    """What each category did lately, against its own past."""
    return category_radar(category_snapshots(run.warehouse, run.started_at))
