"""The month's credits: what is spent, what the coming ticks need, what is left for histories.

Pure arithmetic over the UTC calendar month, in which the services count. One attempt is one credit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketflows_pipeline.providers.http.ledger import month_after, month_of

PAGE_SIZE = 250
# The list of exchanges, the trending coins, and one page of markets for all of these.
EXCHANGE_CALLS_PER_HOUR = 3
# Largest exchanges of which it is asked, once each, whether they are centralised.
EXCHANGE_KINDS_ASKED = 150
# All categories with their market figures, by the part of market caps.
CATEGORY_CALLS_PER_DAY = 1
# Until the full list has been counted.
EXCHANGES_ASSUMED = 1_500


def hourly_ticks_left(now: datetime) -> int:
    """Hourly runs that still start in this month, the present one not counted."""
    return max(0, math.ceil((month_after(month_of(now)) - now) / timedelta(hours=1)) - 1)


def calls_per_tick(n_coins: int, n_narratives: int) -> int:
    """The most that a steady hourly tick costs: ceil(C / 250) + K + 2.

    The two: the cohort's last page may be empty, and coins outside every page are asked for by id.
    """
    return math.ceil(n_coins / PAGE_SIZE) + n_narratives + 2


def market_cap_calls_per_day(n_categories: int) -> int:
    """What a day of the market-cap part costs beside its hours: the snapshot of all categories, 1 + K.

    Args:
        n_categories: categories whose members `exclude_categories` leaves out.
    """
    return CATEGORY_CALLS_PER_DAY + n_categories


def exchange_calls_per_day(n_exchanges: int, n_categories: int) -> int:
    """What a steady day of the exchange part costs beside its hours: 3 + floor(E / 250) + 1 + K.

    A daily run asks for what an hour asks for too, and a full last page of the list means one more. Volume charts are
    asked for once an exchange, out of what is free.

    Args:
        n_exchanges: exchanges in the full list.
        n_categories: categories that whale signals leave out, and no other part asks for.
    """
    return EXCHANGE_CALLS_PER_HOUR + n_exchanges // PAGE_SIZE + 1 + n_categories


def calls_of_ticks(n_ticks: int, *, calls_per_hour: int, calls_per_day: int) -> int:
    """What hourly runs cost, and the daily calls of the days on which they start."""
    return n_ticks * calls_per_hour + math.ceil(n_ticks / 24) * calls_per_day


@dataclass(frozen=True)
class Budget:
    """A month's credits at one moment.

    Attributes:
        limit: credits of the plan's month; None where the plan counts none.
        spent: attempts already made this month.
        reserved: credits that the month's remaining ticks need.
    """

    limit: int | None
    spent: int
    reserved: int

    @property
    def available(self) -> float:
        """Credits that histories may use now; infinite without a limit, never negative."""
        if self.limit is None:
            return math.inf
        return max(0, self.limit - self.spent - self.reserved)

    @property
    def exhausted(self) -> bool:
        """Whether not even the next page can be asked for."""
        return self.limit is not None and self.spent >= self.limit


def month_budget(
    *,
    limit: int | None,
    spent: int,
    now: datetime,
    n_coins: int,
    n_narratives: int,
    calls_per_hour: int = 0,
    calls_per_day: int = 0,
) -> Budget:
    """Reserve the month's remaining hourly ticks, and the daily calls of the days left, before anything else.

    Args:
        limit: credits of the plan's month.
        spent: attempts already made this month.
        now: the present, aware.
        n_coins: coins followed.
        n_narratives: narratives followed.
        calls_per_hour: what other parts ask for each hour.
        calls_per_day: what is asked for once a day.
    """
    hourly = calls_per_tick(n_coins, n_narratives) + calls_per_hour
    reserved = calls_of_ticks(hourly_ticks_left(now), calls_per_hour=hourly, calls_per_day=calls_per_day)
    return Budget(limit=limit, spent=spent, reserved=reserved)
