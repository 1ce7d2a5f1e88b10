"""Rate limiter: calls per minute, kept below the limit of a plan."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pyrate_limiter import Duration, InMemoryBucket, Rate, RateItem

from marketflows_pipeline.clock import Clock

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# pyrate-limiter frees a slot on the last millisecond of its window; one more is safely outside.
MARGIN_MS = 1


class Limiter(Protocol):
    """What lets calls through, one by one."""

    def acquire(self) -> None:
        """Wait until the next call may be sent."""
        ...


class MakeLimiter(Protocol):
    """What makes the limiter of an account, once its plan's limits are known."""

    def __call__(self, calls_per_minute: int, *, calls_per_second: int | None) -> Limiter:
        """A limiter of so many calls in any 60 seconds and, where it is not None, in any second."""
        ...


def rates_of(calls_per_minute: int, calls_per_second: int | None) -> list[Rate]:
    """The limits as pyrate-limiter takes them, the shorter window first."""
    if calls_per_second is None or calls_per_second >= calls_per_minute:
        return [Rate(calls_per_minute, Duration.MINUTE)]
    # Whatever the settings say: a minute has no more calls than its seconds.
    most = min(calls_per_minute, 60 * calls_per_second)
    return [Rate(calls_per_second, Duration.SECOND), Rate(most, Duration.MINUTE)]


class RateLimiter:
    """Lets at most ``calls_per_minute`` calls through in any 60 seconds of an injected clock.

    Where a service counts by the second as well, at most ``calls_per_second`` in any second.

    pyrate-limiter's ``Limiter`` sleeps on the machine's clock, so this class uses its bucket, which goes by the
    timestamps it is given.
    """

    def __init__(self, calls_per_minute: int, clock: Clock, *, calls_per_second: int | None = None) -> None:
        self._bucket = InMemoryBucket(rates_of(calls_per_minute, calls_per_second))
        self._clock = clock

    def acquire(self) -> None:
        """Wait until the next call may be sent."""
        while not self._bucket.put(call := RateItem("call", self._now_ms())):
            delay_ms = self._delay_ms(call)
            logger.debug("rate limit reached: waiting %.1f s", delay_ms / 1000)
            self._clock.sleep(delay_ms / 1000)
        self._bucket.leak(self._now_ms())

    def _delay_ms(self, call: RateItem) -> int:
        delay_ms = self._bucket.waiting(call)
        assert isinstance(delay_ms, int), "only remote buckets return an awaitable"
        return delay_ms + MARGIN_MS

    def _now_ms(self) -> int:
        return (self._clock.now() - EPOCH) // timedelta(milliseconds=1)
