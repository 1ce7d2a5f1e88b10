"""Flows of assets, classes and all funds over every window, as the reports that compare them with the past ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from marketflows_pipeline.cli.reports.cross_asset.asset_sums import AssetSums, asset_sums
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.transforms.cross_asset.flow_windows import ASSET, COINS, WINDOWS, flow_windows

if TYPE_CHECKING:
    import polars as pl

ATTRIBUTION = (
    "Percent of assets compares classes of different size; it does not say that the dollars that left one went to the "
    "other. Nobody sees that."
)


def unit_flows(data: PublishedData) -> tuple[pl.DataFrame, AssetSums]:
    """Flows of every unit over windows of 1, 5 and 21 trade sessions, as `flow_windows` returns them.

    Beside them the sums of the longest window, for what is unknown and how old it is.
    """
    sums = asset_sums(data, max(WINDOWS), include_issuance=False)
    return flow_windows(sums.flows, WINDOWS), sums


def unit_name(unit: Mapping[str, Any]) -> str:
    """What a unit is called: SPY, equity, all funds, crypto (coins)."""
    if unit["name"] == "all":
        return f"all {unit['kind']}"
    is_coins = unit["kind"] == COINS and unit["level"] != ASSET
    return f"{unit['name']} (coins)" if is_coins else str(unit["name"])
