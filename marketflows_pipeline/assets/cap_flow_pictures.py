"""The pictures of attribution and migration, for the list of the market-cap part's pictures."""

from datetime import datetime

import polars as pl

from marketflows_pipeline.charts.market_caps.cap_flow_catalog import ATTRIBUTED_DAYS, cap_flow_pictures
from marketflows_pipeline.charts.rendering.plan import RenderJob
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.transforms.market_caps.cap_movers import series_movers
from marketflows_pipeline.transforms.market_caps.range_chain import chain_changes
from marketflows_pipeline.transforms.market_caps.range_migration import pair_flows

TOTALS, MIGRATION, CHAIN = "mart.cap_attribution_totals", "mart.range_migration", "mart.range_chain"
CAP_FLOWS = (TOTALS, MIGRATION, CHAIN)
DRAWN_PERIODS = (7, 30)


def cap_flow_jobs(run: RunContext, series: pl.DataFrame, source: str) -> list[RenderJob]:
    """Attribution bars of each category and migration matrices; none before the first attributed close."""
    totals, moves, chain = map(run.warehouse.read, CAP_FLOWS)
    close = totals.get_column("ts").max()
    if not isinstance(close, datetime):
        return []
    crossings = {
        days: pair_flows(moves.filter(pl.col("period_days") == days, pl.col("ts") == close)) for days in DRAWN_PERIODS
    }
    sums = series_movers(totals, ATTRIBUTED_DAYS, "price")
    chains = chain_changes(chain, ATTRIBUTED_DAYS)
    return cap_flow_pictures(sums, crossings, chains, series, source=source, as_of=close)
