"""What the issuers of funds have in common as services: public files, no key, no published limit.

What belongs here: the connection, and when a fund is unknown. What does not: where one issuer keeps its files.
"""

from __future__ import annotations

from http import HTTPStatus
from types import TracebackType
from typing import Self

import httpx

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.faults import Answer, Fault, classify_by_status
from marketflows_pipeline.providers.http import HttpClient
from marketflows_pipeline.providers.ledger import CallLedger


class Issuer:
    """The connection to one issuer, which needs no key.

    Args:
        clock: tells the time and waits.
        ledger: told of every attempt before it is sent.
        base_url: another host, such as a local stand-in; None is the issuer's own.
        calls_per_minute: no limit is published; a run asks each fund once.
        timeout: seconds to wait for a connection, and for each part of an answer; files of some MB are long in coming.
        max_total_seconds: seconds after which a request is given up, waits included.
        transport: httpx transport, for tests.
    """

    name: str
    home: str

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: CallLedger,
        base_url: str | None = None,
        calls_per_minute: int = 20,
        timeout: float = 60.0,
        max_total_seconds: float = 300.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = HttpClient(
            self.name,
            base_url or self.home,
            clock=clock,
            ledger=ledger,
            headers={"accept": "*/*"},
            calls_per_minute=calls_per_minute,
            classify=unknown_fund,
            timeout=timeout,
            max_total_seconds=max_total_seconds,
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(http={self._http!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def unknown_fund(answer: Answer) -> Fault | None:
    """Judge an answer by its status; a fund that does not exist is HTTP 404 at one issuer, 400 at another."""
    if answer.status == HTTPStatus.BAD_REQUEST:
        return Fault(NotFoundError, f"HTTP 400, {answer.excerpt}")
    return classify_by_status(answer)
