"""The month's credits: what is spent, what the coming ticks need, what is left for histories.

Pure arithmetic over the UTC calendar month, in which the services count. One attempt is one credit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketflows_pipeline.providers.ledger import month_after, month_of

PAGE_SIZE = 250


def hourly_ticks_left(now: datetime) -> int:
    """Hourly runs that still start in this month, the present one not counted."""
    return max(0, math.ceil((month_after(month_of(now)) - now) / timedelta(hours=1)) - 1)


def calls_per_tick(n_coins: int, n_narratives: int) -> int:
    """The most that a steady hourly tick costs: ceil(C / 250) + K + 2.

    The two: the cohort's last page may be empty, and coins outside every page are asked for by id.
    """
    return math.ceil(n_coins / PAGE_SIZE) + n_narratives + 2


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
    *, limit: int | None, spent: int, now: datetime, n_coins: int, n_narratives: int, calls_per_day: int = 0
) -> Budget:
    """Reserve the month's remaining hourly ticks, and the daily calls of the days left, before anything else."""
    ticks = hourly_ticks_left(now)
    reserved = ticks * calls_per_tick(n_coins, n_narratives) + math.ceil(ticks / 24) * calls_per_day
    return Budget(limit=limit, spent=spent, reserved=reserved)
