"""What CoinPaprika's answers cost: one call lists all coins, one all tags with their coins."""

from __future__ import annotations

from marketflows_pipeline.providers.call_costs import CallCosts

COSTS = CallCosts(
    history="/tickers/{id}/historical",
    coins="/tickers",
    by_id="/tickers/{id}",
    category="/tags",
    category_names="/tags",
    category_figures="/tags",
    has_one_list=True,
)
