"""What CoinGecko's answers cost: 250 coins a call, and a call a category."""

from __future__ import annotations

from marketflows_pipeline.providers.call_costs import CallCosts

# Coins of a page, and ids of a request; the longest that there are.
ROWS_PER_PAGE = 250

COSTS = CallCosts(
    history="/coins/{id}/market_chart",
    coins="/coins/markets",
    by_id="/coins/markets",
    category="/coins/markets",
    category_names="/coins/categories/list",
    category_figures="/coins/categories",
    coins_per_page=ROWS_PER_PAGE,
    ids_per_call=ROWS_PER_PAGE,
)
