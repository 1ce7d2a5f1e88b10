"""Answers of DefiLlama over a cast of ours, as JSON values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from marketflows_pipeline_tests.fakes.defillama.market import (
    DAY_S,
    HOUR_S,
    Balances,
    FakeProtocol,
    balances,
    daily_s,
    latest_s,
    net_inflow_usd,
    prices,
)
from marketflows_pipeline_tests.fakes.defillama.protocols import Cast, FakeExchange
from marketflows_pipeline_tests.fakes.price_paths import Floats, Ints, chance

Json: TypeAlias = dict[str, Any]
Bools: TypeAlias = npt.NDArray[np.bool_]

DIGITS = 5
INFLOW_DAYS = {"inflows_24h": 1, "inflows_1w": 7, "inflows_1m": 30}
LOST_SHARE = 0.02


def protocol_rows(cast: Cast, now_s: int) -> list[Json]:
    """All protocols, the largest first and those that nobody measures last."""
    rows = [_protocol_row(protocol, latest_s(now_s)) for protocol in cast.protocols]
    return sorted(rows, key=lambda row: -1.0 if row["tvl"] is None else row["tvl"], reverse=True)


def protocol_body(protocol: FakeProtocol, now_s: int) -> Json:
    """All records of one protocol, by day and now, in all and by chain and token."""
    dates = daily_s(protocol.started_s, now_s)
    dates = dates[dates >= protocol.started_s]
    latest = latest_s(now_s)
    if protocol.has_adapter and (dates.size == 0 or latest != dates[-1]):
        dates = np.append(dates, latest)
    if not protocol.has_adapter:
        dates = dates[:0]
    held = balances(protocol.holdings, dates)
    counting = held.of([each.counts for each in held.holdings])
    body: Json = {
        **_metadata(protocol),
        "chainTvls": {},
        **_arrays(protocol, counting, dates),
        "chains": protocol.chains(latest),
        "currentChainTvls": {},
        "raises": [],
        "mcap": protocol.mcap,
    }
    for chain in dict.fromkeys(each.chain for each in protocol.holdings):
        part = held.of([each.chain == chain for each in held.holdings])
        body["chainTvls"][chain] = _arrays(protocol, part, dates)
        body["currentChainTvls"][chain] = round(float(np.nansum(part.value[-1:])), DIGITS)
    if protocol.parent:
        body["otherProtocols"] = [protocol.parent.removeprefix("parent#").title(), protocol.name]
    if protocol.is_misrepresented:
        body["misrepresentedTokens"] = True
    return body | {
        "methodology": "What the wallets that it published hold.",
        "hallmarks": [[1667865600, "FTX collapse"]],
    }


def cex_body(cast: Cast, now_s: int, hidden: Iterable[str]) -> Json:
    """The overview of exchanges; the inflows of `hidden` ones are not shown."""
    at_s = latest_s(now_s)
    bitcoin = float(prices(["BTC"], np.array([at_s]))[0, 0])
    return {
        "cexs": [_cex_row(each, at_s, bitcoin, hides=each.name in hidden) for each in cast.exchanges],
        "cg_volume_cexs": list(cast.volume_ids),
    }


def _metadata(protocol: FakeProtocol) -> Json:
    return {
        "id": protocol.id,
        "name": protocol.name,
        "address": None,
        "symbol": protocol.symbol,
        "url": f"https://{protocol.slug}.example",
        "description": f"{protocol.name} in a few words.",
        "chain": "Multi-Chain",
        "logo": f"https://icons.example/{protocol.slug}.jpg",
        "audits": "0",
        "audit_note": None,
        "gecko_id": protocol.gecko_id,
        "cmcId": None,
        "category": protocol.category,
        "module": f"{protocol.slug}/index.js",
        "twitter": protocol.slug,
        "listedAt": protocol.started_s,
        **({"parentProtocol": protocol.parent} if protocol.parent else {}),
    }


def _protocol_row(protocol: FakeProtocol, at_s: int) -> Json:
    # One look at all four times: there may be thousands of protocols.
    ago_s = np.array([0, HOUR_S, DAY_S, 7 * DAY_S])
    held = balances(protocol.holdings, at_s - ago_s)
    is_measured = protocol.has_adapter & (at_s - ago_s >= protocol.started_s)
    now, hour_ago, day_ago, week_ago = (
        total if is_known else None for total, is_known in zip(held.total().tolist(), is_measured.tolist(), strict=True)
    )
    row: Json = {
        **_metadata(protocol),
        "chains": protocol.chains(at_s),
        "misrepresentedTokens": protocol.is_misrepresented,
        "slug": protocol.slug,
        "tvl": now,
        "chainTvls": {},
        "change_1h": _change_pct(now, hour_ago),
        "change_1d": _change_pct(now, day_ago),
        "change_7d": _change_pct(now, week_ago),
        "tokenBreakdowns": {},
        "mcap": protocol.mcap,
    }
    for each, usd in zip(held.holdings, np.nan_to_num(held.value[0]).tolist(), strict=True):
        row["chainTvls"][each.chain] = row["chainTvls"].get(each.chain, 0) + usd
    if "staking" in row["chainTvls"]:
        row["staking"] = row["chainTvls"]["staking"]
    return row


def _cex_row(exchange: FakeExchange, at_s: int, bitcoin: float, *, hides: bool) -> Json:
    row: Json = {"name": exchange.name, "tvl": 0}
    texts = {
        "slug": exchange.slug,
        "coin": exchange.coin,
        "coinSymbol": exchange.coin,
        "cgId": exchange.cg_id,
        "cgSpotId": exchange.cg_spot_id,
        "cgDeriv": exchange.cg_deriv,
    }
    # `coin` is there with null where others are left out.
    row |= {key: text for key, text in texts.items() if text is not None or key == "coin"}
    if exchange.own_tokens:
        row["ownTokens"] = list(exchange.own_tokens)
    if exchange.nulls:
        row |= dict.fromkeys(("slug", "currentTvl", "cleanAssetsTvl", *INFLOW_DAYS))
    if exchange.protocol:
        row |= _reserves(exchange, exchange.protocol, at_s, hides=hides)
    if exchange.spot_btc:
        row["spotVolume"] = exchange.spot_btc * bitcoin
    if exchange.deriv_btc:
        row |= {"oi": exchange.open_interest_btc * bitcoin, "derivVolume": exchange.deriv_btc * bitcoin}
        if row.get("cleanAssetsTvl"):
            row["leverage"] = row["oi"] / row["cleanAssetsTvl"]
    return row


def _reserves(exchange: FakeExchange, protocol: FakeProtocol, at_s: int, *, hides: bool) -> Json:
    held = balances(protocol.holdings, np.array([at_s]))
    total = float(held.total()[0])
    own = held.of([each.token in exchange.excluded and each.counts for each in held.holdings])
    figures: Json = {"currentTvl": total}
    if protocol.breakdown != "whole":
        return figures
    figures["cleanAssetsTvl"] = total - float(np.nansum(own.value))
    if hides:
        return figures
    return figures | {
        key: net_inflow_usd(protocol, exchange.excluded, at_s - days * DAY_S, at_s) for key, days in INFLOW_DAYS.items()
    }


def _arrays(protocol: FakeProtocol, held: Balances, dates: Ints) -> Json:
    """The three arrays, each without the dates at which it has nothing to show."""
    names, quantity, value = held.by_token()
    totals = np.round(np.nansum(value, axis=1), DIGITS).tolist()
    seen = (~np.isnan(value)).any(axis=1)
    begun = dates >= protocol.started_s + protocol.tokens_late_days * DAY_S
    tvl = [
        {"date": date, "totalLiquidityUSD": total}
        for date, total, is_kept in zip(dates.tolist(), totals, seen & _kept(protocol, dates, 1), strict=True)
        if is_kept
    ]
    if protocol.breakdown != "whole":
        empty: list[Json] | None = [] if protocol.breakdown == "empty" else None
        return {"tvl": tvl, "tokens": empty, "tokensInUsd": empty}
    return {
        "tvl": tvl,
        "tokens": _token_array(names, quantity, dates, seen & begun & _kept(protocol, dates, 2)),
        "tokensInUsd": _token_array(names, value, dates, seen & begun & _kept(protocol, dates, 3)),
    }


def _kept(protocol: FakeProtocol, dates: Ints, array: int) -> Bools:
    if not protocol.loses_days:
        return np.ones(dates.size, dtype=bool)
    kept: Bools = chance(np.full_like(dates, array), dates) >= LOST_SHARE
    return kept


def _token_array(names: list[str], figures: Floats, dates: Ints, is_kept: Bools) -> list[Json]:
    rounded = np.round(figures, DIGITS)
    is_whole = np.isnan(rounded).sum(axis=1) == 0
    array = []
    for at in np.flatnonzero(is_kept).tolist():
        tokens = dict(zip(names, rounded[at].tolist(), strict=True))
        if not is_whole[at]:
            tokens = {name: figure for name, figure in tokens.items() if figure == figure}  # noqa: PLR0124 - NaN
        array.append({"date": int(dates[at]), "tokens": tokens})
    return array


def _change_pct(now: float | None, before: float | None) -> float | None:
    return (now / before - 1) * 100 if now is not None and before else None
