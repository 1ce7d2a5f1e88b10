"""Calls per minute, kept below a plan's limit."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from pyrate_limiter import Duration, InMemoryBucket, Rate, RateItem

from marketflows_pipeline.clock import Clock

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# pyrate-limiter frees a slot on the last millisecond of its window; one more is safely outside.
MARGIN_MS = 1


class RateLimiter:
    """Lets at most ``calls_per_minute`` calls through in any 60 seconds of an injected clock.

    pyrate-limiter's ``Limiter`` sleeps by itself on the machine's clock, so this asks its bucket directly, which judges
    by the timestamps it is given.
    """

    def __init__(self, calls_per_minute: int, clock: Clock) -> None:
        self._bucket = InMemoryBucket([Rate(calls_per_minute, Duration.MINUTE)])
        self._clock = clock

    def wait(self) -> None:
        """Return when the next call may be sent."""
        while not self._bucket.put(turn := RateItem("call", self._now_ms())):
            delay_ms = self._delay_ms(turn)
            logger.debug("at the limit of calls per minute: waiting %.1f s", delay_ms / 1000)
            self._clock.sleep(delay_ms / 1000)
        self._bucket.leak(self._now_ms())

    def _delay_ms(self, turn: RateItem) -> int:
        delay_ms = self._bucket.waiting(turn)
        assert isinstance(delay_ms, int), "only buckets of other processes answer later"
        return delay_ms + MARGIN_MS

    def _now_ms(self) -> int:
        return (self._clock.now() - EPOCH) // timedelta(milliseconds=1)
