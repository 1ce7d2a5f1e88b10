"""The plans of CoinGecko: host, key header, rate limit, credits and history of each.

Source: https://docs.coingecko.com and the pricing page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

PlanName: TypeAlias = Literal["demo", "pro", "keyless"]

PUBLIC_URL = "https://api.coingecko.com/api/v3"
PRO_URL = "https://pro-api.coingecko.com/api/v3"


@dataclass(frozen=True)
class Plan:
    """One plan.

    Attributes:
        base_url: host and version.
        key_header: header that carries the key, or None where there is no key.
        calls_per_minute: default rate limit, below the service's: the documented ones differ, and vary with traffic.
        monthly_credits: attempts in a UTC calendar month, of the smallest account of this kind.
        daily_history_days: how far back daily points are served.
        hourly_history_days: how far back hourly points are served.
        five_minute_history_days: how far back points of five minutes are served.
    """

    base_url: str
    key_header: str | None
    calls_per_minute: int
    monthly_credits: int
    daily_history_days: int
    hourly_history_days: int = 90
    five_minute_history_days: int = 1


PLANS: Mapping[PlanName, Plan] = {
    "demo": Plan(PUBLIC_URL, "x-cg-demo-api-key", 25, 10_000, 365),
    "keyless": Plan(PUBLIC_URL, None, 5, 10_000, 365),
    "pro": Plan(PRO_URL, "x-cg-pro-api-key", 250, 100_000, 730),
}
