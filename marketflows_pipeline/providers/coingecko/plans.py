"""The plans of CoinGecko: host, key header, rate limit, credits and history of each; and what its answers cost.

Source: https://docs.coingecko.com and the pricing page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from marketflows_pipeline.providers.plan import CallCosts, Plan

PlanName: TypeAlias = Literal["demo", "pro", "keyless"]

PUBLIC_URL = "https://api.coingecko.com/api/v3"
PRO_URL = "https://pro-api.coingecko.com/api/v3"

PLANS: Mapping[str, Plan] = {
    "demo": Plan(PUBLIC_URL, "x-cg-demo-api-key", 25, 10_000, 365),
    "keyless": Plan(PUBLIC_URL, None, 5, 10_000, 365),
    "pro": Plan(PRO_URL, "x-cg-pro-api-key", 250, 100_000, 730),
}

# Coins of a page, and ids of a request; the longest that there are. Each category is a call.
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
