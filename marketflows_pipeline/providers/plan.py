"""A plan of a market-cap provider: what an account is allowed, and how far back it is served. Quick to import."""

from __future__ import annotations

from dataclasses import dataclass

from marketflows_pipeline.providers.granularity import Granularity


@dataclass(frozen=True)
class Plan:
    """One plan.

    Attributes:
        base_url: host and version.
        key_header: header that carries the key, or None where there is no key.
        calls_per_minute: default rate limit, below the service's: documented ones differ, and vary with traffic.
        monthly_credits: attempts in a UTC calendar month, of the smallest account of this kind.
        daily_history_days: how far back daily points are served.
        hourly_history_days: how far back hourly points are served; 0 where a window of hours can't be had.
        five_minute_history_days: how far back points of five minutes are served.
        has_all_coins: whether the service lists every coin to this plan; else its list ends somewhere.
    """

    base_url: str
    key_header: str | None
    calls_per_minute: int
    monthly_credits: int
    daily_history_days: int
    hourly_history_days: int = 90
    five_minute_history_days: int = 1
    has_all_coins: bool = True

    def history_limit_days(self, granularity: Granularity) -> int:
        """How many days back the plan serves a granularity."""
        match granularity:
            case Granularity.FIVE_MINUTES:
                return self.five_minute_history_days
            case Granularity.HOURLY:
                return self.hourly_history_days
            case Granularity.DAILY:
                return self.daily_history_days
