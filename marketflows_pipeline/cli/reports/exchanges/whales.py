"""`whale-movements`: coins whose trading volume is unusual for their size."""

from __future__ import annotations

from typing import Any

from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.options import DEFAULT_PROVIDER
from marketflows_pipeline.providers.attribution import attribution
from marketflows_pipeline.report.ages import HOURLY_LIMIT

METHOD = (
    "A proxy: trading volume of 24 h against market cap, unusual where its z-score over 60 days is 2 or more, or, "
    "without 20 days of history, where the ratio is above 10 %. No single transaction is seen, so "
    "min_value_threshold_usd is a threshold on the 24 h volume of a coin. signal_type is the sign of the price change "
    "over 24 h: nobody is seen to buy or to sell. ratio_heuristic is a guess from the ratio alone, kept for comparison."
)

CSV_COLUMNS = (
    "rank", "coin", "symbol", "coin_id", "market_cap_rank", "is_trending", "volume_24h_usd", "market_cap_usd",
    "volume_to_mcap_ratio", "volume_zscore", "history_days", "price_change_24h_pct", "whale_activity_score",
    "score_basis", "ratio_heuristic", "signal_type", "method", "source",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("#", "rank", 0),
    ColumnFormat("coin", "coin"),
    ColumnFormat("symbol", "symbol"),
    ColumnFormat("volume 24 h (M USD)", "volume_24h_usd", 1, 1e6),
    ColumnFormat("of market cap (%)", "volume_to_mcap_ratio", 1),
    ColumnFormat("z-score", "volume_zscore", 2),
    ColumnFormat("price 24 h (%)", "price_change_24h_pct", 1),
    ColumnFormat("score (0-10)", "whale_activity_score", 1),
    ColumnFormat("trending", "is_trending"),
)

_SIGNALS = """
select name as coin, symbol, coin_id, volume_24h_usd, market_cap_usd, volume_to_mcap_pct as volume_to_mcap_ratio,
       price_change_24h_pct, whale_activity_score, signal_type, market_cap_rank, is_trending, volume_zscore,
       row_number() over (order by s.rank) as rank, history_days, score_basis, ratio_heuristic, method, source
from mart.whale_signals s
where is_unusual and volume_24h_usd >= $min_value_usd
order by s.rank
"""
_CANDIDATES = """
select count(*) as n_candidates, count(*) filter (is_trending) as n_trending,
       count(volume_zscore) as n_with_zscore, count(*) filter (is_unusual) as n_unusual,
       count(*) filter (volume_24h_usd >= $min_value_usd) as n_above_threshold
from mart.whale_signals
"""
_EXCLUDED = "select distinct category from accepted.excluded_coins order by category"


def whale_movements(data: PublishedData, min_value_usd: float) -> Report:
    """The report of `whale-movements`: coins with a 24 h volume of at least `min_value_usd`."""
    if not data.has("mart.whale_signals"):
        # An hour without candidates is an answer; one without trending coins was never asked for.
        data.require("raw.trending_coins")
    asked = {"min_value_usd": min_value_usd}
    signals = data.rows(_SIGNALS, asked)
    as_of = data.as_of("mart.whale_signals") or data.as_of("raw.trending_coins")
    excluded = data.rows(_EXCLUDED) if data.has("raw.excluded_coins") else []
    coverage = {**data.row(_CANDIDATES, asked), "excluded_categories": [row["category"] for row in excluded]}
    services = attribution(DEFAULT_PROVIDER, data.provider, with_address=True)
    source = data.credit(f"{services}: trending coins and the tracked cohort.")
    body: dict[str, Any] = {
        **data.header(as_of, stale=data.is_stale(as_of, HOURLY_LIMIT)),
        "whale_movements": signals,
        "total_whale_signals": len(signals),
        "methodology": METHOD,
        "min_value_threshold_usd": min_value_usd,
        "data_source": source,
        "source": source,
        "method": METHOD,
        "coverage": coverage,
    }
    summary = (
        f"Coins with a volume of at least {figure(min_value_usd, 0)} USD in 24 h whose volume is unusual: "
        f"{len(signals):,}. In all {coverage['n_unusual']:,} of {coverage['n_candidates']:,} coins are unusual",
    )
    footnote = (
        f"Coverage: {coverage['n_candidates']:,} coins, {coverage['n_trending']:,} of them trending; "
        f"{coverage['n_with_zscore']:,} have the history for a z-score."
    )
    return Report("Whale signals (proxy)", body, signals, CSV_COLUMNS, TABLE_COLUMNS, summary, (footnote,))
