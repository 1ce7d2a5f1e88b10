"""`cross-asset who-gained`: which assets took in money while one lost it, or lost it while one took it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketflows_pipeline.cli.reports.cross_asset.asset_sums import AssetSums, asset_sums, coverage, is_flow_stale
from marketflows_pipeline.cli.reports.cross_asset.flows import footnotes
from marketflows_pipeline.cli.reports.cross_asset.provenance import counted, credit, dollars, header
from marketflows_pipeline.cli.reports.published_data import PublishedData, no_data
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.report.credits import BARS, SHARES
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches
from marketflows_pipeline.transforms.cross_asset.flow_map import OUTSIDE, other_side

CAVEAT = (
    "Proportional attribution, not observed transfers: nobody sees where a dollar goes. Each outflow is spread over "
    "all inflows by their size, and the larger side's remainder goes to or comes from outside the universe."
)
METHOD = (
    "With outflows o and inflows n, sums of daily flows over the sessions: o[i] n[j] / max(sum of o, sum of n); what "
    "is left is (outside the universe). share_pct is of the asset's own flow. Assets with an unknown flow take no "
    "part, nor does issuance of coins without --include-issuance."
)

CSV_COLUMNS = (
    "rank", "symbol", "name", "asset_class", "attributed_usd", "share_pct", "flow_usd", "sessions_known", "flow_method",
    "price_return",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("#", "rank", 0),
    ColumnFormat("asset", "symbol"),
    ColumnFormat("name", "name"),
    ColumnFormat("attributed (M USD)", "attributed_usd", 1, 1e6),
    ColumnFormat("share (%)", "share_pct", 1),
    ColumnFormat("its whole flow (M USD)", "flow_usd", 1, 1e6),
    ColumnFormat("return (%)", "price_return", 2, 0.01),
)

_OTHERS_KEYS = ("symbol", "name", "asset_class", "flow_usd", "sessions_known", "flow_method", "price_return")


def who_gained(data: PublishedData, wanted: str, days: int, *, include_issuance: bool) -> Report:
    """The report of `cross-asset who-gained` over `days` sessions, back from the newest.

    Raises:
        MarketflowsError: if no data of this asset is published yet.
        UserInputError: if no asset has that symbol, in any case.
    """
    sums = asset_sums(data, days, include_issuance=include_issuance)
    asset = _find(data, sums, wanted)
    flow = asset["flow_usd"] if sums.counts(asset) else None
    entries = _attributed(sums, asset)
    body: dict[str, Any] = {
        **header(data, data.as_of(BARS), stale=is_flow_stale(data, sums)),
        "headline": _headline(sums, asset, flow),
        **sums.header(),
        "includes_issuance": include_issuance,
        **{key: asset[key] for key in ("symbol", "name", "asset_class")},
        "flow_usd": flow,
        "flow_why_unknown": _why(asset) if flow is None else None,
        "issuance_usd": asset["flow_usd"] if asset["flow_method"] == "supply" else None,
        "flow_pct_of_market_cap": None if flow is None else asset["flow_pct_of_market_cap"],
        **{key: asset[key] for key in ("flow_method", "sessions_known", "price_effect_usd")},
        "proxy": {
            "note": "proxies: price and size, not money moving in or out",
            "price_return": asset["price_return"],
            "market_cap_change_proxy_usd": asset["market_cap_change_proxy_usd"],
        },
        "direction": None if flow is None else "lost" if flow < 0 else "gained" if flow > 0 else "neither",
        "attributed": entries,
        "caveat": CAVEAT,
        "unknown_flow": sums.unknown,
        "issuance_left_out": [] if include_issuance else _issuance(sums),
        "source": credit(data, BARS, SHARES, with_coins=sums.has_coins()),
        "method": METHOD,
        "coverage": coverage(data, sums),
    }
    return Report(
        f"Who was on the other side of {asset['symbol']}, sessions to {sums.window.session}",
        body,
        entries,
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(body),
        (CAVEAT, *footnotes(body)),
        headline=body["headline"],
        warnings=(body["headline"],) if flow is None else (),
    )


def _find(data: PublishedData, sums: AssetSums, wanted: str) -> dict[str, Any]:
    spelled = wanted.strip().upper()
    for asset in sums.assets:
        if asset["symbol"].upper() == spelled:
            return asset
    if any(asset.symbol.upper() == spelled for asset in data.context.universe):
        raise no_data(data.context, f"of {spelled}")
    called = {asset["symbol"]: (asset["symbol"], asset["name"]) for asset in sums.assets}
    near = near_matches(wanted, called, is_whole_word=False)
    hint = did_you_mean([f"{symbol} ({called[symbol][1]})" for symbol in near]) or f"; it holds {', '.join(called)}"
    raise UserInputError(f'no asset "{wanted}" is in the universe{hint}')


def _attributed(sums: AssetSums, asset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The other side of a flow, the largest first, the node outside last; empty for a flow of 0."""
    pairs = other_side(sums.rankings, asset["symbol"], include_issuance=sums.includes_issuance).to_dicts()
    assets = {each["symbol"]: each for each in sums.assets}
    assets[OUTSIDE] = {**dict.fromkeys(_OTHERS_KEYS), "symbol": OUTSIDE, "name": OUTSIDE}
    return [
        {
            "rank": None if pair["symbol"] == OUTSIDE else rank,
            "attributed_usd": pair["attributed_usd"],
            "share_pct": pair["share_pct"],
            **{key: assets[pair["symbol"]][key] for key in _OTHERS_KEYS},
        }
        for rank, pair in enumerate(pairs, start=1)
    ]


def _issuance(sums: AssetSums) -> list[dict[str, Any]]:
    issued = [asset for asset in sums.assets if asset["flow_method"] == "supply" and asset["flow_usd"] is not None]
    return [{"symbol": asset["symbol"], "issuance_usd": asset["flow_usd"]} for asset in issued]


def _why(asset: Mapping[str, Any]) -> str:
    if asset["flow_method"] == "supply" and asset["flow_usd"] is not None:
        return "issuance of a coin is no flow of investors; --include-issuance counts it"
    return str(asset["why"])


def _headline(sums: AssetSums, asset: Mapping[str, Any], flow: float | None) -> str:
    symbol, there = asset["symbol"], sums.window.n_sessions
    over = f"over {counted(there, 'session')}"
    if flow is None:
        return f"The flow of {symbol} {over} is unknown: {_why(asset)}."
    if asset["sessions_known"] < there:
        over += f" ({asset['sessions_known']:,} known)"
    if flow == 0:
        return f"{symbol} neither lost nor gained {over}."
    happened, others = ("lost", "gained") if flow < 0 else ("gained", "lost")
    return f"{symbol} {happened} {dollars(flow)} {over}: which assets {others}?"


def _summary(body: Mapping[str, Any]) -> tuple[str, ...]:
    proxy = body["proxy"]
    change = figure(proxy["market_cap_change_proxy_usd"], 1, " M USD", 1e6)
    price = proxy["price_return"]
    beside = f"Proxies beside it: return {figure(price, 2, ' %', 0.01)}, change of market cap {change}"
    if body["flow_usd"] is None:
        return (beside,)
    parts = ", ".join(
        f"{entry['symbol']} {dollars(entry['attributed_usd'])} ({entry['share_pct']:.0f} %)"
        for entry in body["attributed"]
    )
    return (f"Attributed: {parts or 'nothing'}", beside)
