"""The plans of CoinPaprika: host, key header, rate limit, calls and history of each; and what its answers cost.

Source: https://docs.coinpaprika.com and the list of plans. A key travels bare in its header: the CDN refuses one with
the word Bearer before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from marketflows_pipeline.providers.plan import CallCosts, Plan

PlanName: TypeAlias = Literal["free", "starter", "pro", "business", "ultimate", "enterprise"]

FREE_URL = "https://api.coinpaprika.com/v1"
PAID_URL = "https://api-pro.coinpaprika.com/v1"

KEY_HEADER = "authorization"
# A fifth of the documented 10 calls a second of one address, which all plans share.
CALLS_PER_MINUTE = 120
# Enterprise accounts have no limit of calls; a run never comes near this one.
NO_LIMIT = 1_000_000_000
# The free plan serves one year, exact to the moment: a date 365 days ago begins before it.
FREE_DAYS = 364
# Larger plans have no limit; five years are beyond any window.
PAID_DAYS = 5 * 365


def _paid(monthly_credits: int, *, hourly: int, five_minutes: int) -> Plan:
    return Plan(PAID_URL, KEY_HEADER, CALLS_PER_MINUTE, monthly_credits, PAID_DAYS, hourly, five_minutes)


PLANS: Mapping[str, Plan] = {
    "free": Plan(FREE_URL, None, CALLS_PER_MINUTE, 20_000, FREE_DAYS, 0, 0, has_all_coins=False),
    "starter": _paid(400_000, hourly=30, five_minutes=7),
    "pro": _paid(1_000_000, hourly=90, five_minutes=30),
    "business": _paid(5_000_000, hourly=365, five_minutes=365),
    "ultimate": _paid(10_000_000, hourly=365, five_minutes=365),
    "enterprise": _paid(NO_LIMIT, hourly=365, five_minutes=365),
}

# One call lists all coins, one all tags with their coins.
COSTS = CallCosts(
    history="/tickers/{id}/historical",
    coins="/tickers",
    by_id="/tickers/{id}",
    category="/tags",
    category_names="/tags",
    category_figures="/tags",
    has_one_list=True,
)
