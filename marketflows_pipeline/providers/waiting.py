"""How long a failing service is waited for: one limit a provider, counted anew after each success.

Waits between attempts count, and so does the time lost in attempts that failed: eight timeouts of 30 s are waiting too.
The rate limiter's own pacing (pacing.py) never counts, so a run over a healthy service may take as long as it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

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
    """

    def __init__(self, clock: Clock, limit: timedelta = LIMIT_OF_A_RUN) -> None:
        self._clock = clock
        self.limit_s = limit.total_seconds()
        self._spent_s = 0.0

    @property
    def left_s(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, self.limit_s - self._spent_s)

    @property
    def attempt_s(self) -> float:
        """Seconds for which the next attempt may be silent."""
        return max(self.left_s, SHORTEST_ATTEMPT_S)

    @property
    def is_used_up(self) -> bool:
        """Whether too little is left for one more attempt."""
        return self.left_s < min(SHORTEST_ATTEMPT_S, self.limit_s)

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

    def is_too_slow(self, seconds: float, received_bytes: int) -> bool:
        """Whether an answer that is still coming has used up what is left."""
        return seconds > self.left_s + received_bytes / SLOWEST_LINE_BYTES_PER_S

    def renew(self) -> None:
        """Begin anew after a success."""
        self._spent_s = 0.0


class WaitBudgets:
    """The budgets of one run, by provider: a step that is tried once more goes on with what is left.

    Args:
        clock: tells the time and waits.
        limit: of each provider.

    Attributes:
        clock: the same, for the clients.
    """

    def __init__(self, clock: Clock, limit: timedelta = LIMIT_OF_A_RUN) -> None:
        self.clock = clock
        self._limit = limit
        self._budgets: dict[str, WaitBudget] = {}

    def of(self, provider: str) -> WaitBudget:
        """The budget of a provider, by its short name."""
        return self._budgets.setdefault(provider, WaitBudget(self.clock, self._limit))
