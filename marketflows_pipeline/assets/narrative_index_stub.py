"""Stand-in for the asset of the narrative index until its own module is there."""

import polars as pl

from marketflows_pipeline.assets.tables import table_asset
from marketflows_pipeline.schema import table


@table_asset("mart.narrative_index", deps=("core.market_cap_grid",))
def mart_narrative_index() -> pl.DataFrame:
    """No rows."""
    return table("mart.narrative_index").empty()
