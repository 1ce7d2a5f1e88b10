"""`cross-asset groups`: what flowed into groups of funds, and how much of each group is known."""

from __future__ import annotations

from typing import Any

from marketflows_pipeline.charts.cross_asset.wording import coverage_text
from marketflows_pipeline.cli.reports.cross_asset.provenance import counted, credit, fetched, header, is_past, is_stale
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.report.ages import FLOW_LIMIT
from marketflows_pipeline.report.credits import BARS, SHARES
from marketflows_pipeline.transforms.cross_asset.fund_groups import group_sums

GROUPS = "mart.fund_group_flows"
METHOD = (
    "flow_usd is the sum of the flows that are known of the group's funds over the sessions; nothing is filled in, so "
    "with a low coverage it is the flow of a part. coverage_pct is the share of the last known assets that funds with "
    "a known flow hold, at the newest session; least_coverage_pct the lowest of the window. Funds whose assets were "
    "never known are counted (n_funds less n_with_assets) and not weighed. gap_flow_usd came over gaps that end in the "
    "window and may begin before it; it is not in flow_usd. Coins are no funds."
)
CSV_COLUMNS = (
    "asset_group", "session", "flow_usd", "gap_flow_usd", "n_sessions", "sessions_known", "n_funds", "n_known",
    "n_with_assets", "assets_usd", "coverage_pct", "least_coverage_pct",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("group", "asset_group"),
    ColumnFormat("flow (M USD)", "flow_usd", 1, 1e6),
    ColumnFormat("over gaps (M USD)", "gap_flow_usd", 1, 1e6),
    ColumnFormat("sessions known", "sessions_known", 0),
    ColumnFormat("funds known", "n_known", 0),
    ColumnFormat("of funds", "n_funds", 0),
    ColumnFormat("coverage (% of known assets)", "coverage_pct", 0),
    ColumnFormat("least coverage (%)", "least_coverage_pct", 0),
    ColumnFormat("known assets (M USD)", "assets_usd", 0, 1e6),
)
NO_GROUPS = (
    'no group of funds is published: give assets of [cross_asset] a group, or take universe_preset = "wide", and run '
    "once more"
)
_COLUMNS = (
    "asset_group", "session", "flow_usd", "gap_flow_usd", "n_funds", "n_known", "n_with_assets", "assets_usd",
    "coverage_pct", "as_of",
)  # fmt: skip


def fund_groups(data: PublishedData, days: int) -> Report:
    """The report of `cross-asset groups` over `days` sessions, back from the newest.

    Raises:
        MarketflowsError: if no asset has a group, or nothing of the part is published.
    """
    data.require("mart.flow_rankings")
    if not data.has(GROUPS):
        raise MarketflowsError(NO_GROUPS)
    groups = group_sums(data.table(GROUPS, _COLUMNS), days).to_dicts()
    session = max(group["session"] for group in groups)
    stale = is_past(data, session, FLOW_LIMIT) or is_stale(data, session, data.as_of(BARS))
    body: dict[str, Any] = {
        **header(data, data.as_of(BARS), stale=stale),
        "session": session,
        "days": days,
        "groups": [{key: group[key] for key in CSV_COLUMNS} for group in groups],
        "source": credit(data, BARS, SHARES),
        "method": METHOD,
        "coverage": {
            "n_groups": len(groups),
            "n_with_known_flow": sum(group["flow_usd"] is not None for group in groups),
            "fetched_at": fetched(data),
        },
    }
    n_sessions = max(group["n_sessions"] for group in groups)
    return Report(
        f"Flows of groups of funds over {counted(n_sessions, 'session')} to {session}",
        body,
        body["groups"],
        CSV_COLUMNS,
        TABLE_COLUMNS,
        footnotes=tuple(f"{group['asset_group']} on {group['session']}: {coverage_text(group)}." for group in groups),
    )
