"""Wait budget: how long a failing service is waited for, one limit a provider, reset by each success.

Waits between attempts count, and so does the time of failed attempts: eight timeouts of 30 s are waiting too. The rate
limiter (rate_limiter.py) never counts, so a run over a healthy service may take as long as it needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from marketflows_pipeline.clock import Clock

LIMIT_OF_A_RUN = timedelta(seconds=300)
# A shorter attempt would time out before a healthy service could respond.
SHORTEST_ATTEMPT_S = 5.0
# Time spent receiving at this speed or faster is not waiting; a slower connection is as good as none.
SLOWEST_BYTES_PER_S = 50_000


class WaitBudget:
    """The time left to wait for one failing provider.

    The limit is in total, from one success to the next. The run ends at its deadline however well the service responds;
    None is no limit.
    """

    def __init__(self, clock: Clock, limit: timedelta = LIMIT_OF_A_RUN, *, run_ends_at: datetime | None = None) -> None:
        self._clock = clock
        self.limit_s = limit.total_seconds()
        self._run_ends_at = run_ends_at
        self._spent_s = 0.0

    @property
    def left_s(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, min(self.limit_s - self._spent_s, self._left_of_run_s))

    @property
    def attempt_s(self) -> float:
        """Read timeout of the next attempt in seconds."""
        return min(max(self.left_s, SHORTEST_ATTEMPT_S), max(0.0, self._left_of_run_s))

    @property
    def is_used_up(self) -> bool:
        """Whether too little time is left for one more attempt."""
        return self.left_s < min(SHORTEST_ATTEMPT_S, self.limit_s)

    @property
    def is_run_over(self) -> bool:
        """Whether too little time is left until the deadline of the run."""
        return self._left_of_run_s < SHORTEST_ATTEMPT_S

    @property
    def _left_of_run_s(self) -> float:
        return (self._run_ends_at - self._clock.now()).total_seconds() if self._run_ends_at else math.inf

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Limit the budget within the block, for an optional request that must not use up the time of others."""
        limit_s = self.limit_s
        self.limit_s = min(limit_s, self._spent_s + seconds)
        try:
            yield
        finally:
            self.limit_s = limit_s

    def sleep(self, seconds: float) -> None:
        """Wait before the next attempt."""
        self._clock.sleep(seconds)
        self._spent_s += seconds

    def charge(self, seconds: float, received_bytes: int) -> None:
        """Count the time of a failed attempt, without what its bytes take on a slow connection."""
        self._spent_s += max(0.0, seconds - received_bytes / SLOWEST_BYTES_PER_S)

    def remaining_s(self, seconds: float, received_bytes: int) -> float:
        """How much longer an attempt may take; negative where the budget is exceeded.

        What ``received_bytes`` take on a slow connection is not waiting.
        """
        budget_s = max(self.limit_s - self._spent_s, min(SHORTEST_ATTEMPT_S, self.limit_s))
        return min(budget_s + received_bytes / SLOWEST_BYTES_PER_S - seconds, self._left_of_run_s)

    def reset(self) -> None:
        """Start again after a success."""
        self._spent_s = 0.0


class WaitBudgets:
    """The wait budgets of one run, by provider: the retry of a step continues with what is left.

    Each provider has the limit; the run as a whole ends ``run_limit`` from now, if it is not None.
    """

    def __init__(self, clock: Clock, limit: timedelta = LIMIT_OF_A_RUN, *, run_limit: timedelta | None = None) -> None:
        self.clock = clock
        self._limit = limit
        self._run_ends_at = clock.now() + run_limit if run_limit else None
        self._budgets: dict[str, WaitBudget] = {}

    def of(self, provider: str) -> WaitBudget:
        """The budget of a provider, by its short name."""
        budget = WaitBudget(self.clock, self._limit, run_ends_at=self._run_ends_at)
        return self._budgets.setdefault(provider, budget)
