"""A list that answers several questions, kept for a while instead of being requested for each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.providers.bad_rows import counting_for_all

T = TypeVar("T")


class KeptResponse(Generic[T]):
    """Calls ``request`` when first called, and again when its response is older than ``keep_for``.

    Rows that are left out of it count once, whoever asks first.
    """

    def __init__(self, request: Callable[[], T], *, keep_for: timedelta, clock: Clock) -> None:
        self._request = request
        self._keep_for = keep_for
        self._clock = clock
        self._kept: tuple[datetime, T] | None = None

    def __call__(self) -> T:
        """The response.

        Raises:
            ProviderError: as the request does; nothing is kept.
        """
        now = self._clock.now()
        if self._kept is not None and now - self._kept[0] < self._keep_for:
            return self._kept[1]
        with counting_for_all():
            response = self._request()
        self._kept = now, response
        return response
