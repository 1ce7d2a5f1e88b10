"""The measures of the cross-asset part: rankings, flow map, statistics, correlations, regimes, pressure."""

import polars as pl

from marketflows_pipeline.assets.tables import Run, table_asset
from marketflows_pipeline.queries.cross_asset import cross_asset_settings, universe, universe_rows
from marketflows_pipeline.transforms.cross_asset.correlations import correlations
from marketflows_pipeline.transforms.cross_asset.flow_comparison import flow_comparison
from marketflows_pipeline.transforms.cross_asset.flow_map import flow_map
from marketflows_pipeline.transforms.cross_asset.flow_rankings import flow_rankings
from marketflows_pipeline.transforms.cross_asset.fund_groups import fund_group_flows
from marketflows_pipeline.transforms.cross_asset.pressure import pressure
from marketflows_pipeline.transforms.cross_asset.reference_series import daily_changes, reference_series
from marketflows_pipeline.transforms.cross_asset.regimes import regimes
from marketflows_pipeline.transforms.cross_asset.rolling_stats import rolling_stats


@table_asset("mart.flow_rankings", reads={"flows": "core.asset_flows"})
def mart_flow_rankings(run: Run, flows: pl.DataFrame) -> pl.DataFrame:
    """Who took in and who lost most over each window."""
    return flow_rankings(flows, universe(run.settings), cross_asset_settings(run.settings).windows)


@table_asset("mart.flow_map", reads={"rankings": "mart.flow_rankings"})
def mart_flow_map(rankings: pl.DataFrame) -> pl.DataFrame:
    """Outflows attributed to inflows, with and without issuance."""
    return pl.concat([flow_map(rankings, include_issuance=flag) for flag in (False, True)])


@table_asset("mart.fund_group_flows", reads={"flows": "core.asset_flows"})
def mart_fund_group_flows(run: Run, flows: pl.DataFrame) -> pl.DataFrame:
    """Flows of the groups of the settings, and how much of each is known."""
    return fund_group_flows(flows, universe(run.settings))


@table_asset("mart.flow_comparison", reads={"flows": "core.asset_flows"}, deps=("raw.reported_flows",))
def mart_flow_comparison(run: Run, flows: pl.DataFrame) -> pl.DataFrame:
    """Our flows beside those that somebody else reports."""
    return flow_comparison(flows, universe_rows(run.warehouse, run.settings, "raw.reported_flows"))


@table_asset("mart.rolling_stats", reads={"flows": "core.asset_flows"})
def mart_rolling_stats(run: Run, flows: pl.DataFrame) -> pl.DataFrame:
    """Trailing return, volatility and drawdown."""
    return rolling_stats(flows, cross_asset_settings(run.settings).rolling_windows)


@table_asset("mart.reference_series", reads={"flows": "core.asset_flows"}, deps=("raw.reference_series",))
def mart_reference_series(run: Run, flows: pl.DataFrame) -> pl.DataFrame:
    """Dollar index, yields, slope and spread on the sessions of the funds."""
    series = cross_asset_settings(run.settings).reference_series or ()
    return reference_series(run.warehouse.accepted("raw.reference_series"), flows, series)


@table_asset("mart.correlations", reads={"flows": "core.asset_flows", "reference": "mart.reference_series"})
def mart_correlations(run: Run, flows: pl.DataFrame, reference: pl.DataFrame) -> pl.DataFrame:
    """How returns of each pair go together, week by week, reference series among them."""
    return correlations(flows, cross_asset_settings(run.settings).correlation_window, daily_changes(reference))


@table_asset("mart.regimes", reads={"flows": "core.asset_flows"}, deps=("raw.volatility_index",))
def mart_regimes(run: Run, flows: pl.DataFrame) -> pl.DataFrame:
    """Risk-on, risk-off or mixed."""
    rules = cross_asset_settings(run.settings).regime_rules
    return regimes(run.warehouse.accepted("raw.volatility_index"), flows, **rules)


@table_asset("mart.pressure", reads={"flows": "core.asset_flows"}, deps=("raw.daily_bars",))
def mart_pressure(run: Run, flows: pl.DataFrame) -> pl.DataFrame:
    """Pressure by price and volume."""
    return pressure(universe_rows(run.warehouse, run.settings, "raw.daily_bars"), flows)
