"""Flows of the last sessions summed per asset, for any number of sessions, by the transforms of the pipeline.

These are the only reports that load polars: it costs 0.1 s, and a second formula in SQL or in loops would cost more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from marketflows_pipeline.cli.reports.cross_asset.provenance import fetched, is_past, is_stale
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.report.ages import FLOW_LIMIT
from marketflows_pipeline.report.credits import BARS, service_names
from marketflows_pipeline.transforms.cross_asset.flow_caveats import SessionWindow, flow_caveats
from marketflows_pipeline.transforms.cross_asset.flow_rankings import rank_trade_flows
from marketflows_pipeline.transforms.cross_asset.flow_windows import WINDOWS, flow_windows
from marketflows_pipeline.transforms.cross_asset.share_sources import SHARE_SOURCES
from marketflows_pipeline.transforms.cross_asset.trade_sessions import FLOW_COLUMNS, trade_flows

if TYPE_CHECKING:
    import polars as pl

    from marketflows_pipeline.settings import Asset

FLOWS = "core.asset_flows"
_CAVEATS = (
    "has_supply_revision", "first_known_session", "last_known_session", "suspected_session", "large_session",
    "lag_basis",
)  # fmt: skip
_WINDOW_KEYS = ("days", "n_sessions", "session", "first_session", "session_before")
ATTRIBUTION = (
    "Percent of assets compares classes of different size; it does not say that the dollars that left one went to the "
    "other. Nobody sees that."
)


@dataclass(frozen=True)
class AssetSums:
    """Sums over a window.

    Attributes:
        window: the sessions.
        newest_session: the newest of which prices are stored; flows of its last ones may not be known yet.
        rankings: as in ``mart.flow_rankings``, of this window.
        assets: one entry for each asset of the tables, by symbol, with inflow_rank, outflow_rank and, where its flow
            is unknown, the reason in `why`.
        unknown: symbol, name and reason of each asset whose flow is unknown, those without any price among them.
        includes_issuance: whether issuance of coins counts as a flow.
        flows: of all sessions, by the sessions of their orders.
        doubts: keys of `coverage`: funds of whose counts nobody knows whether they are about their date, which is
            assumed (unknown_lag); since when flows are known of funds whose issuer publishes no history of shares
            (known_since); each fund's newest flow of the window beyond 35 % of its assets (large_flows).
    """

    window: SessionWindow
    newest_session: date
    rankings: pl.DataFrame
    assets: Sequence[dict[str, Any]]
    unknown: Sequence[dict[str, Any]]
    includes_issuance: bool
    flows: pl.DataFrame
    doubts: Mapping[str, Sequence[Any]]

    def header(self) -> dict[str, Any]:
        """What a report says of its window."""
        return {name: getattr(self.window, name) for name in _WINDOW_KEYS}

    def counts(self, asset: Mapping[str, Any]) -> bool:
        """Whether the asset's sum is a known flow that takes part in rankings and attribution."""
        return asset["flow_usd"] is not None and (asset["flow_method"] != "supply" or self.includes_issuance)

    def has_coins(self) -> bool:
        """Whether supplies of coins are among the figures."""
        return any(asset["flow_method"] == "supply" for asset in self.assets)


def asset_sums(data: PublishedData, days: int, *, include_issuance: bool) -> AssetSums:
    """Sum the flows of the last `days` sessions; issuance of coins is ranked where it is included."""
    data.require(FLOWS)
    stored = data.table(FLOWS, FLOW_COLUMNS)
    flows = trade_flows(stored)
    names = data.table("mart.flow_rankings", ("symbol", "name")).unique("symbol")
    window = SessionWindow.of(flows, days)
    rankings = rank_trade_flows(flows, names, [days], include_issuance=include_issuance)
    rows = rankings.join(flow_caveats(flows, window), on="symbol").sort("symbol").to_dicts()
    universe = {asset.symbol: asset for asset in data.context.universe}
    assets = [_entry(row, universe.get(row["symbol"])) for row in rows]
    return AssetSums(
        window=window,
        newest_session=max(stored["session"]),
        rankings=rankings,
        assets=assets,
        unknown=_unknown(assets, data.context.universe),
        includes_issuance=include_issuance,
        flows=flows,
        doubts={
            "unknown_lag": [
                row["symbol"] for row in rows if row["lag_basis"] == "unknown" and row["flow_usd"] is not None
            ],
            "known_since": [
                {"symbol": row["symbol"], "session": row["first_known_session"]}
                for row in rows
                if row["first_known_session"] is not None and _is_snapshot(universe.get(row["symbol"]))
            ],
            "large_flows": [
                {"symbol": row["symbol"], "session": row["large_session"]} for row in rows if row["large_session"]
            ],
        },
    )


def is_flow_stale(data: PublishedData, sums: AssetSums) -> bool:
    """Whether prices are too old, or the newest known flow of a fund is over 7 days ago."""
    newest = sums.window.newest_flow_session
    behind = newest is not None and is_past(data, newest, FLOW_LIMIT)
    return behind or is_stale(data, sums.newest_session, fetched(data)[BARS.removeprefix("raw.")])


def coverage(data: PublishedData, sums: AssetSums) -> dict[str, Any]:
    """What is known of the window, and what is not."""
    investors = [asset for asset in sums.assets if asset["flow_method"] not in {"supply", "price_only"}]
    behind = [asset for asset in sums.assets if asset["last_session"] < sums.window.session]
    return {
        "n_assets": len(sums.assets),
        "n_with_known_flow": sum(asset["flow_usd"] is not None for asset in investors),
        "n_unknown": len(sums.unknown),
        "partly_known": [
            {key: asset[key] for key in ("symbol", "sessions_known")}
            for asset in sums.assets
            if 0 < asset["sessions_known"] < sums.window.n_sessions
        ],
        "newest_flow_session": sums.window.newest_flow_session,
        **sums.doubts,
        "behind": [{key: asset[key] for key in ("symbol", "last_session")} for asset in behind],
        "fetched_at": fetched(data),
    }


def _entry(row: Mapping[str, Any], setting: Asset | None) -> dict[str, Any]:
    entry = {key: value for key, value in row.items() if key not in _CAVEATS}
    entry["market_cap_change_proxy_usd"] = entry.pop("market_cap_change_usd")
    entry["why"] = None if row["flow_usd"] is not None else _why(row, setting)
    return entry


def _unknown(assets: Sequence[Mapping[str, Any]], universe: Sequence[Asset]) -> list[dict[str, Any]]:
    stored = {asset["symbol"] for asset in assets}
    unknown = [{key: asset[key] for key in ("symbol", "name", "why")} for asset in assets if asset["why"]]
    missing = [asset for asset in universe if asset.symbol not in stored]
    return unknown + [
        {"symbol": asset.symbol, "name": asset.name, "why": "none of its prices is published"} for asset in missing
    ]


def _is_snapshot(setting: Asset | None) -> bool:
    """Whether the issuer of a fund publishes its newest count of shares alone."""
    source = None if setting is None else SHARE_SOURCES.get(setting.share_source)
    return source is not None and source.is_snapshot


def _why(asset: Mapping[str, Any], setting: Asset | None) -> str:
    if asset["has_supply_revision"]:
        return "its supply was counted anew by more than 10 %, which is no flow"
    if setting is not None and setting.share_source == "none":
        return "no source of its shares outstanding is set, so its price alone is known"
    if asset["suspected_session"] is not None:
        return (
            f"its shares changed on {asset['suspected_session']} as by a split that nobody lists; core.share_splits "
            "has the line of splits.csv that settles it"
        )
    if setting is not None and _is_snapshot(setting) and asset["last_known_session"] is None:
        return (
            f"{service_names([setting.share_source])} publishes no history of shares and no two sessions are stored "
            "yet, so its price alone is known"
        )
    where = "" if setting is None else f" from {setting.share_source}"
    if setting is not None and setting.share_source == "supply":
        where = f" of {setting.share_id} from the market-cap part"
    figures = "market caps" if setting is not None and setting.share_source == "supply" else "shares outstanding"
    if asset["last_known_session"] is None:
        return f"no {figures}{where} are stored for two sessions in a row, so its price alone is known"
    return f"no {figures}{where} are stored for these sessions; its last known flow is of {asset['last_known_session']}"


def unit_flows(data: PublishedData) -> tuple[pl.DataFrame, AssetSums]:
    """Flows of every unit over windows of 1, 5 and 21 trade sessions, as `flow_windows` returns them.

    Beside them the sums of the longest window, for what is unknown and how old it is.
    """
    sums = asset_sums(data, max(WINDOWS), include_issuance=False)
    return flow_windows(sums.flows, WINDOWS), sums
