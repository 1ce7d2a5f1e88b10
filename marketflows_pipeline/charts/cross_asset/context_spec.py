"""Specifications of the charts beside the flows of single assets: groups of funds, and flows that others report.

This module must not import Altair, so that unchanged charts are recognised cheaply.
"""

from __future__ import annotations

from dataclasses import dataclass

from marketflows_pipeline.charts.spec import Spec, any_known

_PACKAGE = "marketflows_pipeline.charts.cross_asset"


@dataclass(frozen=True)
class FundGroupsSpec(Spec):
    """Flows of groups of funds over so many sessions, with how much of each is known, in so many rows at most."""

    draw = f"{_PACKAGE}.fund_groups:fund_groups_chart"
    file_pattern = "CrossAsset_fund_groups.png"
    needs = ((any_known("flow_usd"), "no flow of any group of funds is known"),)
    columns = (
        "asset_group",
        "session",
        "flow_usd",
        "n_sessions",
        "sessions_known",
        "n_funds",
        "n_known",
        "n_with_assets",
        "coverage_pct",
        "least_coverage_pct",
    )

    sessions = 21

    rows: int = 16


@dataclass(frozen=True)
class FlowComparisonSpec(Spec):
    """Correlation of our flows with those that somebody else reports, by lag, for so many funds at most.

    The assets are pairs of symbol and name in the order of the settings.
    """

    draw = f"{_PACKAGE}.flow_comparison:flow_comparison_chart"
    file_pattern = "CrossAsset_flow_comparison.png"
    needs = ((any_known("correlation"), "too few sessions have both flows for a correlation"),)
    columns = (
        "symbol",
        "lag_sessions",
        "correlation",
        "sign_agreement_pct",
        "n",
        "is_best",
        "last_session",
        "share_lag_sessions",
    )

    assets: tuple[tuple[str, str], ...]
    most: int = 14
