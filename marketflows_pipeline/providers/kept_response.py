"""A response that answers several questions, kept for a while instead of being requested for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.providers.bad_rows import count_again, counting_left_out

T = TypeVar("T")


class KeptResponse(Generic[T]):
    """Calls ``request`` when first called, and again when its response is older than ``keep_for``.

    Rows that were left out of it count for each caller.
    """

    def __init__(self, request: Callable[[], T], *, keep_for: timedelta, clock: Clock) -> None:
        self._request = request
        self._keep_for = keep_for
        self._clock = clock
        self._kept: tuple[datetime, T, Counter[str]] | None = None

    def __call__(self) -> T:
        """The response.

        Raises:
            ProviderError: as the request does; nothing is kept.
        """
        now = self._clock.now()
        if self._kept is not None and now - self._kept[0] < self._keep_for:
            count_again(self._kept[2])
            return self._kept[1]
        with counting_left_out() as left_out:
            response = self._request()
        self._kept = now, response, left_out
        return response
