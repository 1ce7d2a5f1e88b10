"""`exchange-netflow`: what moved into and out of one exchange's known wallets over some days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from marketflows_pipeline.charts.style.wording import counted
from marketflows_pipeline.cli.reports.exchanges.classes import class_line, records_by_class
from marketflows_pipeline.cli.reports.exchanges.known_exchanges import KnownExchange, find_exchange
from marketflows_pipeline.cli.reports.exchanges.reserve_warnings import reserve_warnings
from marketflows_pipeline.cli.reports.published_data import PublishedData, no_data
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.report.ages import DAILY_LIMIT, RECORD_LIMIT
from marketflows_pipeline.transforms.exchanges.activity_signal import net_flow_signal, volume_trend
from marketflows_pipeline.transforms.exchanges.netflow_sums import (
    PARTS,
    REASONS,
    flow_direction,
    largest_identity_gap,
    pct_of,
    sum_by_class,
    sum_netflow,
)

METHOD = (
    "netflow_mid_usd is from token quantities in the wallets that DefiLlama knows: change of quantity at the mean of "
    "both days' prices, summed over kept tokens and days; positive is into the exchange. price_effect_mid_usd is what "
    "prices alone did. netflow_usd and price_effect_usd are the same at one day's price, and jump where a holding "
    "becomes worth more than before. left_out is the change of value of tokens that are not kept, by reason; "
    "left_out_gross_usd adds up the amounts of these changes, whatever their signs. netflow_pct_of_reserves and "
    "net_flow_direction (above 0.5 % either way) are of netflow_mid_usd. net_flow_signal "
    "is a guess from trust score and volume trend and measures no money. Wallets that are not labelled are not seen, "
    "and a new label looks like a new token."
)
SOURCE = "DefiLlama (https://defillama.com): reserves; data provided by CoinGecko (https://www.coingecko.com): volumes."

CSV_COLUMNS = (
    "day", "previous_day", *PARTS, "left_out_usd", "left_out_gross_usd",
    *(f"left_out_{reason}_usd" for reason in REASONS), "reserves_usd", "tvl_usd", "tvl_change_usd", "identity_gap_pct",
    "coverage_pct", "coverage_before_pct", "own_token_share_pct", "market_share_pct", "reason",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("day", "day"),
    ColumnFormat("net flow (M USD)", "netflow_mid_usd", 1, 1e6),
    ColumnFormat("price effect (M USD)", "price_effect_mid_usd", 1, 1e6),
    ColumnFormat("left out, net (M USD)", "left_out_usd", 1, 1e6),
    ColumnFormat("gross (M USD)", "left_out_gross_usd", 1, 1e6),
    ColumnFormat("reserves (M USD)", "reserves_usd", 0, 1e6),
    ColumnFormat("kept tokens (%)", "coverage_pct", 1),
    ColumnFormat("before (%)", "coverage_before_pct", 1),
    ColumnFormat("own tokens (%)", "own_token_share_pct", 1),
)

# Words for the guess from trust score and volume (`activity_signal`), which is named as a guess.
BASIS = "heuristic: trust score and volume trend, not money"

MEANINGS = {
    "strong_inflow": "a well-trusted exchange trades more than before; large holders may be moving in",
    "moderate_inflow": "a fairly trusted exchange trades more than before; buyers may be in the majority",
    "stable": "nothing in trust score and volume points either way",
    "moderate_outflow": "a fairly trusted exchange trades less than before; sellers may be in the majority",
    "strong_outflow": "a little-trusted exchange trades less than before; users may be leaving",
}
# What people read instead: inflow and outflow are words for measured money.
TREND_WORDS = {"increasing": "up", "stable": "stable", "decreasing": "down"}
SIGNALS = {
    "strong_inflow": "volume up, well trusted",
    "moderate_inflow": "volume up, fairly trusted",
    "stable": "neither way",
    "moderate_outflow": "volume down, at least fairly trusted",
    "strong_outflow": "volume down, little trusted",
}
UNKNOWN = "unknown: a trust score and two days of volume are needed"

_NETFLOW = "mart.exchange_netflow"
_DAYS = f"""
select {", ".join(CSV_COLUMNS)}, ts,
       n_tokens_kept, n_tokens_unpriced, n_tokens_negative, n_tokens_quarantined, n_tokens_rebased,
       largest_vanished_usd, largest_vanished_token, largest_new_usd, largest_new_token
from mart.exchange_netflow
where slug = $slug and day > (select max(day) from mart.exchange_netflow where slug = $slug) - $days::integer
order by day
"""
_VOLUMES = """
select day, ts, volume_24h_btc
from core.exchange_volumes
where exchange_id = $id and day > (select max(day) from core.exchange_volumes) - $days::integer
order by day
"""
_NOW = """
select observed_at, volume_24h_btc, volume_24h_usd, trust_score, market_share_pct, url
from mart.exchange_flows where exchange_id = $id
"""
_REPORTED = """
select observed_at, current_tvl_usd, inflows_24h_usd, inflows_1w_usd, inflows_1m_usd
from accepted.cex_snapshots where observed_at = $as_of and slug = $slug
"""
_ASKED = """
select max(attempted_at) as attempted_at from meta.fetches
where dataset = 'protocol' and target = $slug and outcome = 'complete' and attempted_at <= $published_at
"""
_LAST_OUTCOME = """
select outcome, note from meta.fetches
where dataset = 'protocol' and target = $slug order by attempted_at desc limit 1
"""
_GAPS = "select aspect, reason from mart.exchange_coverage where exchange_key = $key order by aspect"


def exchange_netflow(data: PublishedData, wanted: str, days: int) -> Report:
    """The report of `exchange-netflow` over `days` back from the newest one stored.

    Raises:
        UserInputError: if no exchange has that CoinGecko id, DefiLlama slug or name.
    """
    data.require("core.exchanges")
    exchange = find_exchange(data, wanted)
    records = _records(data, exchange, days)
    newest = records[-1] if records else {}
    flow = sum_netflow(records, since=_begin(newest, days))
    share_pct = pct_of(flow["netflow_mid_usd"], newest.get("reserves_usd"))
    reason = None if flow["netflow_usd"] is not None else _why_not(data, exchange, records)
    as_of = _asked_at(data, exchange, newest)
    stale = data.is_stale(as_of, DAILY_LIMIT) or (bool(newest) and data.is_stale(newest["ts"], RECORD_LIMIT))
    body = {
        **data.header(as_of, stale=stale),
        "data_day": newest.get("day"),
        **_traded(data, exchange, days),
        **flow,
        "netflow_reason": reason,
        "netflow_pct_of_reserves": share_pct,
        "net_flow_direction": flow_direction(share_pct),
        "by_class": sum_by_class(records_by_class(data, days, slug) if (slug := exchange.defillama_slug) else []),
        **_held(data, exchange, newest),
        "daily": [{key: record[key] for key in CSV_COLUMNS} for record in records],
        "source": data.credit(SOURCE),
        "method": METHOD,
        "coverage": _coverage(data, exchange, records),
    }
    return Report(
        f"Net flow of {exchange.name} over {counted(days, 'day')}",
        body,
        body["daily"],
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(body),
        tuple(body["coverage"]["warnings"]),
    )


def _begin(newest: dict[str, Any], days: int) -> date:
    """The day of the record that a period begins with; of no records any."""
    return date.min if not newest else newest["day"] - timedelta(days=days)


def _records(data: PublishedData, exchange: KnownExchange, days: int) -> list[dict[str, Any]]:
    if exchange.defillama_slug is None or not data.has(_NETFLOW):
        if exchange.defillama_slug is not None and exchange.is_tracked:
            raise no_data(data.context)
        return []
    return data.rows(_DAYS, {"slug": exchange.defillama_slug, "days": days})


def _traded(data: PublishedData, exchange: KnownExchange, days: int) -> dict[str, Any]:
    """The document's keys: volume, trust score, and the guess made of them."""
    asked = {"id": exchange.exchange_id, "days": days}
    volumes = data.rows(_VOLUMES, asked) if data.has("core.exchange_volumes") else []
    now = data.row(_NOW, {"id": exchange.exchange_id}) if data.has("mart.exchange_flows") else {}
    # Beyond the first page exchanges are listed once a day only; their last figure is in the history.
    latest = now or ({**volumes[-1], "observed_at": volumes[-1]["ts"]} if volumes else {})
    trend = volume_trend([row["volume_24h_btc"] for row in volumes])
    signal = net_flow_signal(now.get("trust_score"), trend.trend)
    return {
        "exchange": exchange.name,
        "exchange_id": exchange.exchange_key,
        "defillama_slug": exchange.defillama_slug,
        "is_tracked": exchange.is_tracked,
        "current_volume_24h_btc": latest.get("volume_24h_btc"),
        "current_volume_24h_usd": latest.get("volume_24h_usd"),
        "volume_as_of": latest.get("observed_at"),
        "market_share_pct": now.get("market_share_pct"),
        "trust_score": now.get("trust_score"),
        "net_flow_signal": signal,
        "net_flow_signal_basis": BASIS,
        "interpretation": UNKNOWN if signal is None else MEANINGS[signal],
        "volume_trend": trend.trend,
        "volume_change_pct": trend.change_pct,
        "analysis_period_days": days,
        "data_points": trend.points,
        "url": now.get("url"),
    }


def _held(data: PublishedData, exchange: KnownExchange, newest: dict[str, Any]) -> dict[str, Any]:
    """Reserves, and what DefiLlama itself reports of the exchange."""
    asked = {"slug": exchange.defillama_slug, "as_of": data.as_of("raw.cex_snapshots")}
    reported = data.row(_REPORTED, asked) if data.has("raw.cex_snapshots") else {}
    return {
        "reserves_usd": newest.get("reserves_usd", reported.get("current_tvl_usd")),
        "tvl_usd": newest.get("tvl_usd", reported.get("current_tvl_usd")),
        "own_token_share_pct": newest.get("own_token_share_pct"),
        "coverage_pct": newest.get("coverage_pct"),
        "coverage_before_pct": newest.get("coverage_before_pct"),
        "defillama_inflow_24h_usd": reported.get("inflows_24h_usd"),
        "defillama_inflow_1w_usd": reported.get("inflows_1w_usd"),
        "defillama_inflow_1m_usd": reported.get("inflows_1m_usd"),
        "defillama_inflow_as_of": reported.get("observed_at"),
    }


def _why_not(data: PublishedData, exchange: KnownExchange, records: Sequence[dict[str, Any]]) -> str:
    if exchange.is_centralised is False:
        return "a decentralised exchange: its users keep their own wallets, so nothing moves in or out of reserves"
    if exchange.defillama_slug is None:
        return "DefiLlama knows no wallets of this exchange, so its reserves and net flow are not measured"
    if not exchange.is_tracked:
        return f'not tracked: add "{exchange.exchange_key}" to tracked under [exchanges] in config.toml'
    if records:
        return records[-1]["reason"] or "the records that this period's would be compared with are older than it"
    last = data.row(_LAST_OUTCOME, {"slug": exchange.defillama_slug}) if data.has("meta.fetches") else {}
    if not last:
        return f"not fetched yet; {data.context.how_to_fetch}"
    return f"DefiLlama's last answer was {last['outcome']}" + (f": {last['note']}" if last["note"] else "")


def _asked_at(data: PublishedData, exchange: KnownExchange, newest: dict[str, Any]) -> datetime | None:
    """When DefiLlama was last asked for these records; without any, the time of the volumes."""
    if not newest:
        return data.as_of("mart.exchange_flows")
    # A fetch after the publish belongs to a run that did not pass.
    asked = {"slug": exchange.defillama_slug, "published_at": data.published_at(_NETFLOW)}
    moment: datetime | None = data.row(_ASKED, asked)["attempted_at"] if data.has("meta.fetches") else None
    return moment or newest["ts"]


def _coverage(data: PublishedData, exchange: KnownExchange, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "wallets": "those that DefiLlama knows",
        "n_records": len(records),
        "days_without_netflow": [
            {"day": record["day"], "reason": record["reason"]} for record in records if record["netflow_usd"] is None
        ],
        "largest_identity_gap_pct": largest_identity_gap(records),
        "warnings": reserve_warnings(records),
        "gaps": data.rows(_GAPS, {"key": exchange.exchange_key}) if data.has("mart.exchange_coverage") else [],
    }


def _summary(body: dict[str, Any]) -> tuple[str, ...]:
    volume = (
        f"Volume 24 h: {figure(body['current_volume_24h_btc'], 0)} BTC; trend over {body['data_points']} "
        f"{'day' if body['data_points'] == 1 else 'days'}: "
        f"{TREND_WORDS.get(body['volume_trend'], 'unknown')} ({figure(body['volume_change_pct'], 1, ' %')})"
    )
    signal = body["net_flow_signal"]
    guess = f"Trust score and volume, no measure of money: {UNKNOWN if signal is None else SIGNALS[signal]}"
    if body["netflow_usd"] is None:
        return (f"No net flow: {body['netflow_reason']}", volume, guess)
    flow = (
        f"Net flow: {figure(body['netflow_mid_usd'], 1, ' M USD', 1e6)}, "
        f"{figure(body['netflow_pct_of_reserves'], 2, ' %')} of the reserves: {body['net_flow_direction']}; "
        f"price effect {figure(body['price_effect_mid_usd'], 1, ' M USD', 1e6)}, "
        f"left out {figure(body['left_out_usd'], 1, ' M USD', 1e6)} net, "
        f"{figure(body['left_out_gross_usd'], 1, ' M USD', 1e6)} gross"
    )
    return (flow, *class_line(body["by_class"]), volume, guess)
