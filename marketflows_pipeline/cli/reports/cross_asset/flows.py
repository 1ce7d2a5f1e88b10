"""`cross-asset flows`: what flowed into and out of each asset over the last sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketflows_pipeline.cli.reports.cross_asset.asset_sums import AssetSums, asset_sums, coverage, is_flow_stale
from marketflows_pipeline.cli.reports.cross_asset.provenance import counted, credit, dollars, header, in_words
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.report.credits import BARS, SHARES, VOLATILITY
from marketflows_pipeline.transforms.cross_asset.flow_caveats import SessionWindow
from marketflows_pipeline.transforms.cross_asset.stablecoins import issuance_over

METHOD = (
    "flow_usd is the sum of daily flows: change of shares outstanding times price, or of net assets beyond price "
    "(aum). It is null, never 0, where shares are unknown, and the sum of the known sessions where some are. "
    "market_cap_change_proxy_usd is the naive proxy, mostly price; price_effect_usd is the part that prices did. "
    "supply is issuance of a coin, not a flow of investors: shown, and ranked only with --include-issuance. Issuers "
    "publish a session's shares on the next one; where a count follows the orders by a session, the flow stands on "
    "that of the orders. The last session is the last one on which funds with 90 % of assets are known."
)

CSV_COLUMNS = (
    "rank", "symbol", "name", "asset_class", "flow_method", "flow_usd", "sessions_known", "flow_pct_of_market_cap",
    "price_effect_usd", "market_cap_change_proxy_usd", "price_return", "market_cap_usd", "inflow_rank", "outflow_rank",
    "last_session", "why",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("#", "rank", 0),
    ColumnFormat("asset", "symbol"),
    ColumnFormat("class", "asset_class"),
    ColumnFormat("flow (M USD)", "flow_usd", 1, 1e6),
    ColumnFormat("of market cap (%)", "flow_pct_of_market_cap", 2),
    ColumnFormat("known", "sessions_known", 0),
    ColumnFormat("price effect (M USD)", "price_effect_usd", 1, 1e6),
    ColumnFormat("cap change (M USD, proxy)", "market_cap_change_proxy_usd", 1, 1e6),
    ColumnFormat("return (%)", "price_return", 2, 0.01),
    ColumnFormat("method", "flow_method"),
)

ISSUANCE = "core.stablecoin_issuance"

_TOP = 5
_REGIME = """
select session, regime, vix, vix_percentile, is_backwardation, ratio_score
from mart.regimes order by session desc limit 1
"""


def cross_asset_flows(data: PublishedData, days: int, *, include_issuance: bool) -> Report:
    """The report of `cross-asset flows` over `days` sessions, back from the newest."""
    sums = asset_sums(data, days, include_issuance=include_issuance)
    window = sums.window
    entries = _by_flow(sums)
    stablecoins = _stablecoins(data, window)
    body: dict[str, Any] = {
        **header(data, data.as_of(BARS), stale=is_flow_stale(data, sums)),
        **sums.header(),
        "includes_issuance": include_issuance,
        "flows": [{key: entry[key] for key in CSV_COLUMNS} for entry in entries],
        "top_inflows": _top(sums, "inflow_rank"),
        "top_outflows": _top(sums, "outflow_rank"),
        "unknown_flow": sums.unknown,
        "stablecoin_issuance": stablecoins,
        "regime": data.row(_REGIME) or None if data.has("mart.regimes") else None,
        "source": credit(data, BARS, SHARES, VOLATILITY, with_coins=sums.has_coins() or stablecoins is not None),
        "method": METHOD,
        "coverage": coverage(data, sums),
    }
    return Report(
        f"Flows over {counted(window.n_sessions, 'session')} to {window.session}",
        body,
        body["flows"],
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(body),
        footnotes(body),
    )


def footnotes(body: Mapping[str, Any]) -> tuple[str, ...]:
    """What is not known of the window, in words."""
    notes = [f"{asset['symbol']}: flow unknown, {asset['why']}." for asset in body["unknown_flow"]]
    asked, there = body["days"], body["n_sessions"]
    if there < asked:
        notes.append(f"{counted(asked, 'session')} were asked for, {there:,} are stored.")
    if partly := body["coverage"]["partly_known"]:
        parts = ", ".join(f"{asset['symbol']} {asset['sessions_known']:,}" for asset in partly)
        notes.append(f"Of {counted(there, 'session')} known: {parts}. Their flows are sums of those alone.")
    notes += [
        f"{fund['symbol']}: its issuer publishes no history of shares; flows are known since {fund['session']}."
        for fund in body["coverage"]["known_since"]
    ]
    for large in body["coverage"]["large_flows"]:
        notes.append(
            f"{large['symbol']}: a flow beyond 35 % of its assets on {large['session']}, real until shown otherwise."
        )
    if unknown_lag := body["coverage"]["unknown_lag"]:
        notes.append(
            f"Whether counts of {', '.join(unknown_lag)} follow the orders by a session is unknown; they are taken as "
            "being about their date."
        )
    return tuple(notes)


def _by_flow(sums: AssetSums) -> list[dict[str, Any]]:
    """Ranked assets by flow, then issuance, then what is unknown; each with its place."""
    counted_ones = [asset for asset in sums.assets if sums.counts(asset)]
    counted_ones.sort(key=lambda asset: -asset["flow_usd"])
    others = [asset for asset in sums.assets if not sums.counts(asset)]
    others.sort(key=lambda asset: asset["flow_usd"] is None)
    ranked = [{"rank": place, **asset} for place, asset in enumerate(counted_ones, start=1)]
    return ranked + [{"rank": None, **asset} for asset in others]


def _top(sums: AssetSums, rank: str) -> list[dict[str, Any]]:
    keys = ("symbol", "name", "asset_class", "flow_usd", "flow_pct_of_market_cap")
    ranked = sorted((asset for asset in sums.assets if asset[rank]), key=lambda asset: asset[rank])
    return [{"rank": asset[rank], **{key: asset[key] for key in keys}} for asset in ranked[:_TOP]]


def _stablecoins(data: PublishedData, window: SessionWindow) -> dict[str, Any] | None:
    """New stablecoins of the window, a series of its own; None where none are followed."""
    if not data.has(ISSUANCE) or window.session_before is None:
        return None
    after, until = window.session_before, window.session
    issuance = data.table(ISSUANCE, ("coin_id", "day", "supply", "issuance_usd"))
    issuance_usd, coins = issuance_over(issuance, after=after, until=until)
    if coins.is_empty():
        return None
    return {
        "issuance_usd": issuance_usd,
        "after_day": after,
        "to_day": until,
        "n_days": (until - after).days,
        "coins": coins.to_dicts(),
    }


def _summary(body: Mapping[str, Any]) -> tuple[str, ...]:
    lines = [
        f"{title}: " + (", ".join(f"{asset['symbol']} {dollars(asset['flow_usd'])}" for asset in body[key]) or "none")
        for title, key in (("Largest inflows", "top_inflows"), ("Largest outflows", "top_outflows"))
    ]
    if body["stablecoin_issuance"]:
        issued = figure(body["stablecoin_issuance"]["issuance_usd"], 1, " M USD", 1e6)
        lines.append(f"Stablecoins issued (a change of supply, not ranked): {issued}")
    if body["regime"]:
        regime = body["regime"]
        lines.append(
            f"Regime on {regime['session']}: {in_words(regime['regime'])}; VIX {figure(regime['vix'])}, percentile "
            f"{figure(regime['vix_percentile'])}"
        )
    return tuple(lines)
