"""What CoinGecko's answers cost: 250 coins a call, and a call a category."""

from __future__ import annotations

from marketflows_pipeline.providers.call_costs import CallCosts

COSTS = CallCosts(
    history="/coins/{id}/market_chart",
    coins="/coins/markets",
    by_id="/coins/markets",
    category="/coins/markets",
    category_names="/coins/categories/list",
    category_figures="/coins/categories",
    coins_per_page=250,
    ids_per_call=250,
)
