"""How long a failing service is waited for: one limit a provider, counted anew after each success.

Waits between attempts count, and so does the time lost in attempts that failed: eight timeouts of 30 s are waiting too.
The rate limiter's own pacing (pacing.py) never counts, so a run over a healthy service may take as long as it needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from marketflows_pipeline.clock import Clock

LIMIT_OF_A_RUN = timedelta(seconds=300)
# Below this an attempt would be cut off before a healthy service could answer it.
SHORTEST_ATTEMPT_S = 5.0
# A line slower than this is as good as none; what arrives at that speed or faster is no waiting.
SLOWEST_LINE_BYTES_PER_S = 50_000


class WaitBudget:
    """What is left of the time that one provider may be waited for while it fails.

    Args:
        clock: tells the time and waits.
        limit: in all, from one success to the next.
        run_ends_at: when the run's own time is over, however well the service answers; None for no limit.
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
        """Seconds for which the next attempt may be silent."""
        return min(max(self.left_s, SHORTEST_ATTEMPT_S), max(0.0, self._left_of_run_s))

    @property
    def is_used_up(self) -> bool:
        """Whether too little is left for one more attempt."""
        return self.left_s < min(SHORTEST_ATTEMPT_S, self.limit_s)

    @property
    def is_run_over(self) -> bool:
        """Whether it is the run's own time of which too little is left."""
        return self._left_of_run_s < SHORTEST_ATTEMPT_S

    @property
    def _left_of_run_s(self) -> float:
        return (self._run_ends_at - self._clock.now()).total_seconds() if self._run_ends_at else math.inf

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Within the block only so much of what is left is there, for a request that the others must not wait for."""
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

    def lose(self, seconds: float, received_bytes: int) -> None:
        """Count the time of an attempt that failed, apart from what its bytes took on a slow line."""
        self._spent_s += max(0.0, seconds - received_bytes / SLOWEST_LINE_BYTES_PER_S)

    def remaining_s(self, seconds: float, received_bytes: int) -> float:
        """How much longer an attempt may take; negative where it has used up what was left.

        Args:
            seconds: that it has taken so far.
            received_bytes: that have come; what they take on a slow line is no waiting.
        """
        of_service = max(self.limit_s - self._spent_s, min(SHORTEST_ATTEMPT_S, self.limit_s))
        return min(of_service + received_bytes / SLOWEST_LINE_BYTES_PER_S - seconds, self._left_of_run_s)

    def renew(self) -> None:
        """Begin anew after a success."""
        self._spent_s = 0.0


class WaitBudgets:
    """The budgets of one run, by provider: a step that is tried once more goes on with what is left.

    Args:
        clock: tells the time and waits.
        limit: of each provider.
        run_limit: of the run as a whole, beginning now; None for no limit.

    Attributes:
        clock: the same, for the clients.
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
