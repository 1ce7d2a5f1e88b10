"""Flows of each asset and session, splits of funds, and issuance of stablecoins."""

import polars as pl

from marketflows_pipeline.assets.tables import Run, table_asset
from marketflows_pipeline.queries.cross_asset import (
    coin_supply,
    released_figures,
    stablecoin_observations,
    stablecoins,
    universe,
    universe_rows,
)
from marketflows_pipeline.transforms.cross_asset.asset_flows import asset_flows
from marketflows_pipeline.transforms.cross_asset.share_splits import share_splits
from marketflows_pipeline.transforms.cross_asset.stablecoins import stablecoin_issuance
from marketflows_pipeline.transforms.unit_slips import known_once_released


@table_asset("core.asset_flows", deps=("raw.daily_bars", "raw.corporate_actions", "raw.shares_outstanding"))
def core_asset_flows(run: Run) -> pl.DataFrame:
    """Market cap and its change, price and shares apart."""
    flows = asset_flows(
        universe_rows(run.warehouse, run.settings, "raw.daily_bars"),
        universe_rows(run.warehouse, run.settings, "raw.shares_outstanding"),
        universe_rows(run.warehouse, run.settings, "raw.corporate_actions"),
        coin_supply(run.warehouse, run.settings),
        universe(run.settings),
    )
    return known_once_released(flows, released_figures(run.warehouse, run.settings))


@table_asset("core.share_splits", deps=("raw.daily_bars", "raw.corporate_actions", "raw.shares_outstanding"))
def core_share_splits(run: Run) -> pl.DataFrame:
    """Splits that are listed, and those that the figures of funds imply."""
    bars = (
        universe_rows(run.warehouse, run.settings, "raw.daily_bars")
        .select("symbol", "session", "close_usd")
        .sort("symbol", "session")
    )
    return share_splits(
        bars,
        universe_rows(run.warehouse, run.settings, "raw.shares_outstanding"),
        universe_rows(run.warehouse, run.settings, "raw.corporate_actions"),
    )


@table_asset("core.stablecoin_issuance", deps=("raw.daily_bars",))
def core_stablecoin_issuance(run: Run) -> pl.DataFrame:
    """Change of supply of the stablecoins that are followed; it comes with the part, whatever the bars."""
    return stablecoin_issuance(
        stablecoin_observations(run.warehouse, run.settings), stablecoins(run.warehouse, run.settings)
    )
