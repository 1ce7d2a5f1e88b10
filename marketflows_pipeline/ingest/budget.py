"""The month's credits: what is spent, what the coming runs need, what is left for histories.

Pure arithmetic over the UTC calendar month, in which the services count. One attempt is one credit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketflows_pipeline.providers.http.ledger import month_after, month_of
from marketflows_pipeline.providers.plan import CallCosts

# Of CoinGecko's list of exchanges.
PAGE_SIZE = 250
# The list of exchanges, the trending coins, and one page of markets for all of these.
EXCHANGE_CALLS_PER_HOUR = 3
# Largest exchanges whose kind (centralised or not) is requested, once each.
EXCHANGE_KINDS_ASKED = 150
# All categories with their market figures, by the part of market caps.
CATEGORY_CALLS_PER_DAY = 1
# Until the full list has been counted.
EXCHANGES_ASSUMED = 1_500


def hourly_runs_left(now: datetime) -> int:
    """Hourly runs that still start in this month, the present one not counted."""
    return max(0, math.ceil((month_after(month_of(now)) - now) / timedelta(hours=1)) - 1)


def calls_per_hourly_run(costs: CallCosts, n_coins: int, n_narratives: int) -> int:
    """The most that a steady hourly run costs: with 250 coins a page ceil(C / 250) + K + 2.

    The two: the cohort's last page may be empty, and coins outside every page are requested by id. Where one list has
    all coins and another all categories, these are two calls, and one is kept for coins outside the first.
    """
    if costs.has_one_list:
        return costs.of_coins(n_coins) + 2
    return costs.of_coins(n_coins) + n_narratives + 2


def market_cap_calls_per_day(costs: CallCosts, n_categories: int) -> int:
    """What a day of the market-cap part costs beside its hours: the snapshot of all categories, 1 + K.

    Categories are those whose members `exclude_categories` leaves out. Nothing, where the hours' list has all of them.
    """
    return 0 if costs.has_one_list else CATEGORY_CALLS_PER_DAY + n_categories


def exchange_calls_per_day(n_exchanges: int, n_categories: int) -> int:
    """What a steady day of the exchange part costs beside its hours: 3 + floor(E / 250) + 1 + K.

    A daily run makes the hourly requests too, and a full last page of the list means one more. Volume charts are
    requested once an exchange, out of free credits. E is the length of the full list; K are the categories that whale
    signals leave out and no other part requests.
    """
    return EXCHANGE_CALLS_PER_HOUR + n_exchanges // PAGE_SIZE + 1 + n_categories


def calls_of_hourly_runs(n_runs: int, *, calls_per_hour: int, calls_per_day: int) -> int:
    """What hourly runs cost, and the daily calls of the days on which they start."""
    return n_runs * calls_per_hour + math.ceil(n_runs / 24) * calls_per_day


@dataclass(frozen=True)
class Budget:
    """A month's credits at one moment.

    The limit is None where the plan counts no credits; reserved are those that the month's remaining runs need.
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


@dataclass(frozen=True)
class Pace:
    """How long a month's credits last.

    Attributes:
        left: credits of the month that are not spent.
        days_left: how many days they last; None where nothing was spent lately.
        lasts_the_month: whether that is until they are counted anew.
    """

    left: int
    days_left: float | None
    lasts_the_month: bool


def pace(*, limit: int, spent: int, spent_of_a_day: int, now: datetime) -> Pace:
    """How long the month's credits last where each day spends as many as the last one; ``now`` is aware."""
    left = max(limit - spent, 0)
    days = left / spent_of_a_day if spent_of_a_day else None
    rest = month_after(month_of(now)) - now
    return Pace(left, days, lasts_the_month=days is None or days >= rest / timedelta(days=1))


def month_budget(
    *, limit: int | None, spent: int, now: datetime, calls_per_hour: int, calls_per_day: int = 0
) -> Budget:
    """Reserve the month's remaining hourly runs, and the daily calls of the days left, before anything else.

    Calls are those of all parts that share the account, by hour and by day; ``now`` is aware.
    """
    reserved = calls_of_hourly_runs(hourly_runs_left(now), calls_per_hour=calls_per_hour, calls_per_day=calls_per_day)
    return Budget(limit=limit, spent=spent, reserved=reserved)
