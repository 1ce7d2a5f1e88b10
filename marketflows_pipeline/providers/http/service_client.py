"""Base classes of the clients of services: one HTTP client each, closed as a context manager."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import ClassVar, Self

import httpx

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.ledger import CallLedger
from marketflows_pipeline.providers.http.rate_limiter import MakeLimiter
from marketflows_pipeline.providers.http.responses import Classifier, classify_file
from marketflows_pipeline.providers.http.wait_budget import WaitBudget


class ServiceClient:
    """The client of one service."""

    def __init__(self, http: HttpClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(http={self._http!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class KeylessClient(ServiceClient):
    """The client of a service that needs no key.

    A subclass sets ``name`` and ``default_url`` and, where they differ, the other class attributes. Arguments are as
    for `HttpClient`; a ``base_url`` or ``timeout`` of None is the class's own.
    """

    name: str
    default_url: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = {}
    calls_per_minute: ClassVar[int | None] = None
    default_timeout: ClassVar[float] = 30.0
    classifier: Classifier = staticmethod(classify_file)

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: CallLedger,
        base_url: str | None = None,
        waits: WaitBudget | None = None,
        make_limiter: MakeLimiter | None = None,
        timeout: float | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        http = HttpClient(
            self.name,
            base_url or self.default_url,
            clock=clock,
            ledger=ledger,
            headers=self.headers,
            calls_per_minute=self.calls_per_minute,
            classify=self.classifier,
            timeout=self.default_timeout if timeout is None else timeout,
            waits=waits,
            make_limiter=make_limiter,
            transport=transport,
        )
        super().__init__(http, clock)
