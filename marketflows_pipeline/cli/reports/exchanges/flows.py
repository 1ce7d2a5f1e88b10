"""`exchange-flows`: where trading volume goes up and down."""

from __future__ import annotations

from typing import Any

from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.report.ages import HOURLY_LIMIT

METHOD = (
    "volume_direction is trading volume against the exchange's own mean of the 7 days before, up or down by the "
    "thresholds of the settings: activity, not money moving in or out (exchange-netflow measures that); flow_direction "
    "says the same in older words. volume_zscore is against the 60 "
    "days before. trust_heuristic is a guess from the trust score alone, kept for comparison. Totals and shares are "
    "over all exchanges listed within the day (the first page of the list is read every hour, the rest once a day), "
    "however many are shown."
)
SOURCE = (
    "Data provided by CoinGecko (https://www.coingecko.com): exchanges; which are centralised: CoinGecko, DefiLlama."
)

# What people read instead: inflow and outflow are words for measured money.
VOLUME_WORDS = {"inflow": "up", "stable": "stable", "outflow": "down"}

CSV_COLUMNS = (
    "rank", "exchange", "exchange_id", "is_centralised", "is_tracked", "volume_24h_btc", "volume_24h_usd",
    "market_share_pct", "volume_7d_mean_btc", "volume_change_pct", "volume_zscore", "history_days", "volume_direction",
    "flow_direction", "trust_score", "trust_score_rank", "trust_heuristic", "year_established", "country", "url",
    "observed_at",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("#", "rank", 0),
    ColumnFormat("exchange", "exchange"),
    ColumnFormat("volume 24 h (BTC)", "volume_24h_btc", 0),
    ColumnFormat("(M USD)", "volume_24h_usd", 1, 1e6),
    ColumnFormat("share (%)", "market_share_pct", 2),
    ColumnFormat("against 7 d (%)", "volume_change_pct", 1),
    ColumnFormat("z-score", "volume_zscore", 2),
    ColumnFormat("volume", "volume_direction"),
    ColumnFormat("trust", "trust_score", 1),
)

_EXCHANGES = """
select name as exchange, exchange_id, volume_24h_btc, volume_24h_usd, trust_score, flow_direction, year_established,
       country, url, rank, is_centralised, is_tracked, market_share_pct, volume_7d_mean_btc, volume_change_pct,
       volume_zscore, history_days, trust_score_rank, trust_heuristic, observed_at
from mart.exchange_flows
order by rank nulls last, exchange_id
limit $limit
"""
_MARKET = """
select segment, total_volume_24h_btc, total_volume_24h_usd, top_3_concentration_pct,
       n_exchanges as num_major_exchanges, mean_trust_score as avg_trust_score,
       n_with_trust_score as num_with_trust_score
from mart.exchange_market
order by segment
"""
_DEPTH = """
select count(*) as n_exchanges, min(observed_at) as oldest_observed_at,
       (select max(position) from accepted.exchanges where observed_at = $as_of) as listing_depth,
       (select bool_or(is_full_listing) from accepted.exchanges where observed_at = $as_of) as is_full_listing
from mart.exchange_flows
"""
_FULL_LISTING = """
select attempted_at, rows_served from meta.fetches
where dataset = 'listing' and outcome = 'complete' order by attempted_at desc limit 1
"""
_UNCOVERED = """
select uncovered_pct from mart.exchange_dominance
where measure = 'spot_volume' and segment = 'all' order by day desc limit 1
"""
_MISSING = """
select exchange_key as exchange_id, name as exchange, reason from mart.exchange_coverage
where aspect = 'volume' and is_tracked order by exchange_key
"""


def exchange_flows(data: PublishedData, limit: int) -> Report:
    """The report of `exchange-flows`; at most `limit` exchanges are listed, totals are over all."""
    data.require("mart.exchange_flows")
    as_of = data.as_of("mart.exchange_flows")
    exchanges = data.rows(_EXCHANGES, {"limit": limit})
    for row in exchanges:
        row["volume_direction"] = VOLUME_WORDS.get(row["flow_direction"])
    segments = {row.pop("segment"): row for row in data.rows(_MARKET)}
    market = {**segments.pop("all"), "num_shown": len(exchanges), "segments": segments}
    coverage = _coverage(data)
    body = {
        **data.header(as_of, stale=data.is_stale(as_of, HOURLY_LIMIT)),
        "exchanges": exchanges,
        "market_analysis": market,
        "source": data.credit(SOURCE),
        "method": METHOD,
        "coverage": coverage,
    }
    return Report(
        "Exchange volumes, now against their own past",
        body,
        exchanges,
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(market),
        _footnotes(coverage),
    )


def _coverage(data: PublishedData) -> dict[str, Any]:
    observed = data.row(_DEPTH, {"as_of": data.as_of("mart.exchange_flows")})
    listing = data.row(_FULL_LISTING) if data.has("meta.fetches") else {}
    uncovered = data.row(_UNCOVERED) if data.has("mart.exchange_dominance") else {}
    return {
        **observed,
        "last_full_listing_at": listing.get("attempted_at"),
        "last_full_listing_exchanges": listing.get("rows_served"),
        "uncovered_pct": uncovered.get("uncovered_pct"),
        "tracked_without_volume": data.rows(_MISSING) if data.has("mart.exchange_coverage") else [],
    }


def _summary(market: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"All {market['num_major_exchanges']:,} exchanges with a volume: "
        f"{figure(market['total_volume_24h_btc'], 0)} BTC, "
        f"{figure(market['total_volume_24h_usd'], 2, ' billion USD', 1e9)} in 24 h",
        f"Three largest: {figure(market['top_3_concentration_pct'], 2, ' %')}; "
        f"mean trust score {figure(market['avg_trust_score'])} of {market['num_with_trust_score']:,} that have one",
    )


def _footnotes(coverage: dict[str, Any]) -> tuple[str, ...]:
    missing = ", ".join(str(row["exchange"]) for row in coverage["tracked_without_volume"])
    notes = [
        f"Coverage: {coverage['n_exchanges']:,} exchanges observed; what that leaves out of all volume: "
        f"{figure(coverage['uncovered_pct'], 2, ' %')}."
    ]
    return (*notes, f"Tracked, without a volume: {missing}.") if missing else tuple(notes)
