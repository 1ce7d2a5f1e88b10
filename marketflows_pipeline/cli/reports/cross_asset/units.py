"""Flows of assets, classes and all funds over every window, as the reports that compare them with the past ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marketflows_pipeline.cli.reports.cross_asset.asset_sums import FLOWS, AssetSums, asset_sums
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.transforms.cross_asset.flow_windows import ASSET, COINS, WINDOWS, flow_windows
from marketflows_pipeline.transforms.cross_asset.trade_sessions import FLOW_COLUMNS, trade_flows

if TYPE_CHECKING:
    import polars as pl

ATTRIBUTION = (
    "Percent of assets compares classes of different size; it does not say that the dollars that left one went to the "
    "other. Nobody sees that."
)


@dataclass(frozen=True)
class UnitFlows:
    """Flows by unit.

    Attributes:
        windows: as `flow_windows` returns them.
        sums: of the longest window, for what is unknown and how old it is.
    """

    windows: pl.DataFrame
    sums: AssetSums


def unit_flows(data: PublishedData) -> UnitFlows:
    """Flows of every unit over windows of 1, 5 and 21 trade sessions."""
    sums = asset_sums(data, max(WINDOWS), include_issuance=False)
    return UnitFlows(flow_windows(trade_flows(data.table(FLOWS, FLOW_COLUMNS)), WINDOWS), sums)


def unit_name(unit: Mapping[str, Any]) -> str:
    """What a unit is called: SPY, equity, all funds, crypto (coins)."""
    if unit["name"] == "all":
        return f"all {unit['kind']}"
    is_coins = unit["kind"] == COINS and unit["level"] != ASSET
    return f"{unit['name']} (coins)" if is_coins else str(unit["name"])
