"""A plan of a market-cap provider, and what its answers cost in calls: budget, outlook and `plan` reckon with them.

Quick to import.
"""

from __future__ import annotations

import math
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


@dataclass(frozen=True)
class CallCosts:
    """Endpoints of a market-cap provider, without their values, and how much a call to each answers.

    Attributes:
        history: of one coin's history.
        coins: of coins by falling market cap.
        by_id: of coins that no page shows.
        category: of a category's coins.
        category_names: of the list of categories.
        category_figures: of all categories with their figures.
        coins_per_page: coins of a call to ``coins``; None where one call holds all that the plan lists.
        ids_per_call: coins of a call to ``by_id``.
        has_one_list: whether one call to ``category`` answers for every category, with names and figures.
    """

    history: str
    coins: str
    by_id: str
    category: str
    category_names: str
    category_figures: str
    coins_per_page: int | None = None
    ids_per_call: int = 1
    has_one_list: bool = False

    def of_coins(self, n_coins: int) -> int:
        """Calls that list this many coins at least."""
        return 1 if self.coins_per_page is None else math.ceil(n_coins / self.coins_per_page)
