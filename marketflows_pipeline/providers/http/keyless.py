"""What services without a key have in common: one client and its terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import httpx

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.ledger import CallLedger
from marketflows_pipeline.providers.http.responses import Classifier, classify_file
from marketflows_pipeline.providers.http.service import Connection
from marketflows_pipeline.providers.http.wait_budget import WaitBudget


class KeylessService(Connection):
    """The connection to one service that needs no key; closed as a context manager.

    A subclass says its terms: ``name`` and ``home``, and where they differ ``headers``, ``judge``, and the defaults of
    the arguments.

    Args:
        clock: tells the time and waits.
        ledger: told of every attempt before it is sent.
        base_url: another host, such as a local stand-in; None is the service's own.
        calls_per_minute: own limit, where none is published; None is that of the service's class.
        timeout: seconds to wait for a connection, and for each part of an answer.
        waits: how long the service may be waited for while it fails; by default that of a run.
        transport: httpx transport, for tests.
    """

    name: str
    home: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = {}
    pace: ClassVar[int | None] = None
    patience: ClassVar[float] = 30.0

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: CallLedger,
        base_url: str | None = None,
        calls_per_minute: int | None = None,
        timeout: float | None = None,
        waits: WaitBudget | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._clock = clock
        client = HttpClient(
            self.name,
            base_url or self.home,
            clock=clock,
            ledger=ledger,
            headers=self.headers,
            calls_per_minute=calls_per_minute or self.pace,
            classify=self.judge(),
            timeout=self.patience if timeout is None else timeout,
            waits=waits,
            transport=transport,
        )
        super().__init__(client)

    @classmethod
    def judge(cls) -> Classifier:
        """The service's own judgement of an answer."""
        return classify_file

    def __repr__(self) -> str:
        return f"{type(self).__name__}(http={self._http!r})"
