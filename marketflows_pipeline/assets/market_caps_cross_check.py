"""Market caps beside those of a second provider."""

import polars as pl

from marketflows_pipeline.assets.measures import measure
from marketflows_pipeline.queries.provider_differences import caps_near_checks, checked_caps
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.transforms.market_caps.provider_differences import compare_caps, differing


@measure("core.provider_comparison", deps=("raw.cross_check_caps", "raw.market_caps"))
def core_provider_comparison(run: RunContext) -> pl.DataFrame:
    """Market caps of both providers, coin by coin and check by check."""
    return compare_caps(caps_near_checks(run.warehouse, run.started_at), checked_caps(run.warehouse, run.started_at))


@measure("mart.provider_differences", deps=("core.provider_comparison",))
def mart_provider_differences(run: RunContext) -> pl.DataFrame:
    """Those that differ by more than 10 %."""
    return differing(run.warehouse.read("core.provider_comparison"))
