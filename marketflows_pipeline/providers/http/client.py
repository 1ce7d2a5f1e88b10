"""One HTTP client for every service: paced, counted, retried within bounds, and careful with the key."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, TypeAlias, TypeVar, cast
from urllib.parse import quote

import httpx

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import ProviderError, TransientProviderError, UnexpectedResponseError
from marketflows_pipeline.providers.http.decompression import ACCEPTED
from marketflows_pipeline.providers.http.ledger import CallLedger, Outcome, refuse_beyond
from marketflows_pipeline.providers.http.rate_limiter import RateLimiter
from marketflows_pipeline.providers.http.reading import readable
from marketflows_pipeline.providers.http.receiving import Limits, Receiving
from marketflows_pipeline.providers.http.redaction import Blotter
from marketflows_pipeline.providers.http.responses import (
    Classifier,
    RefusedError,
    Response,
    ShapeError,
    classify_by_status,
    not_data,
    not_json,
    one_line,
    requested_wait,
)
from marketflows_pipeline.providers.http.retry import A_RUN_ASKS_AGAIN, AskAgainError, retry
from marketflows_pipeline.providers.http.sockets import NO_ANSWER, Allowance
from marketflows_pipeline.providers.http.transport import open_client, proxy_passwords
from marketflows_pipeline.providers.http.wait_budget import WaitBudget

logger = logging.getLogger(__name__)

T = TypeVar("T")
E = TypeVar("E", bound=ProviderError)
Values: TypeAlias = Mapping[str, str | int | bool]
Receiver: TypeAlias = Callable[[httpx.Response, Iterator[bytes]], T]

DEFAULT_HEADERS = {
    "accept": "application/json, text/*;q=0.9",
    "accept-encoding": ACCEPTED,
    "user-agent": "marketflows-pipeline",
}


@dataclass(frozen=True)
class _Request:
    endpoint: str
    path: str
    url: httpx.URL

    @property
    def target(self) -> str:
        return "?".join(filter(None, [self.path, self.url.query.decode()]))


class HttpClient:
    """Asks one service, and returns what its answers hold or raises one of errors.py.

    Args:
        provider: short name of the service, for the ledger and messages.
        base_url: address that endpoints are appended to.
        clock: tells the time and waits.
        ledger: told of every attempt before it is sent.
        headers: sent with every request, over the defaults.
        secret_headers: as ``headers``, but never shown: the values are blotted out of answers that repeat them.
        calls_per_minute: own limit, or None.
        plan: what the account is called, for messages.
        monthly_credits: attempts that the plan allows in a UTC calendar month, or None.
        classify: the service's own judgement of an answer.
        timeout: seconds to wait for a connection, and for each part of an answer.
        waits: how long the service may be waited for while it fails; by default that of a run.
        transport: httpx transport, for tests.

    Raises:
        UserInputError: the environment names a proxy or certificates that cannot be used.
    """

    limits: ClassVar = Limits()

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        clock: Clock,
        ledger: CallLedger,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        calls_per_minute: int | None = None,
        plan: str = "free",
        monthly_credits: int | None = None,
        classify: Classifier = classify_by_status,
        timeout: float = 30.0,
        waits: WaitBudget | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.provider = provider
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._ledger = ledger
        self._pacer = RateLimiter(calls_per_minute, clock) if calls_per_minute else None
        self._plan = plan
        self._monthly_credits = monthly_credits
        self._timeout = timeout
        self._waits = waits or WaitBudget(clock)
        self._allowance = Allowance(clock, self._waits)
        self._http = open_client(
            headers={**DEFAULT_HEADERS, **(headers or {})},
            secret_headers=secret_headers or {},
            allowance=self._allowance,
            transport=transport,
        )
        self._blotter = Blotter([*(secret_headers or {}).values(), *proxy_passwords()])
        self._receiving = Receiving(classify, self._blotter, self._allowance, self.limits)

    def __repr__(self) -> str:
        return f"HttpClient({self.provider!r}, {self._base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get_json(
        self, endpoint: str, read: Callable[[object], T], *, path: Values | None = None, params: Values | None = None
    ) -> T:
        """Ask for JSON.

        Args:
            endpoint: path with placeholders, such as ``/coins/{id}/market_chart``.
            read: makes the result of the parsed JSON; raises ``ShapeError`` where it is not what is documented.
            path: values of the placeholders, which are URL-encoded here.
            params: query parameters; never a secret.

        Raises:
            TransientProviderError: the service kept failing until attempts or time were used up; as BadAnswerError
                where what came is not whole JSON.
            UnexpectedResponseError: what came is whole, but not of the documented shape, or too long; it is not asked
                again.
            PermanentProviderError: the service refused (also as its kinds NotFoundError and PlanLimitError).
            CreditsExhaustedError: the month's credits are used up; nothing was sent.
        """
        receive = self._receive_whole(not_json, lambda answer: read(answer.body))
        return self._ask(endpoint, path, params, receive, self.limits.answer)

    def get_text(
        self,
        endpoint: str,
        read: Callable[[str], T],
        *,
        path: Values | None = None,
        params: Values | None = None,
        limit_bytes: int | None = None,
    ) -> T:
        """Ask for text such as CSV; arguments and errors as in ``get_json``. An empty answer or an HTML page is bad.

        Above ``limit_bytes``, once unpacked, it is of an unknown shape; the rest of it is not read.
        """
        receive = self._receive_whole(not_data, lambda answer: read(answer.text))
        return self._ask(endpoint, path, params, receive, min(limit_bytes or self.limits.answer, self.limits.answer))

    def get_bytes(
        self,
        endpoint: str,
        read: Callable[[bytes], T],
        *,
        path: Values | None = None,
        params: Values | None = None,
        limit_bytes: int | None = None,
    ) -> T:
        """Ask for a file such as a workbook; arguments and errors as in ``get_text``.

        Its reader may raise ``RefusedError`` too, where the file is worth asking for again.
        """
        receive = self._receive_whole(not_data, lambda answer: read(answer.content))
        return self._ask(endpoint, path, params, receive, min(limit_bytes or self.limits.answer, self.limits.answer))

    def download(
        self,
        endpoint: str,
        destination: Path,
        read: Callable[[Path], T],
        *,
        path: Values | None = None,
        params: Values | None = None,
    ) -> T:
        """Stream JSON too large for memory to a file, which appears only when it is whole, and read it there.

        Arguments and errors as in ``get_bytes``, but that the reader is given the file, at ``destination``.
        """
        return self._ask(
            endpoint,
            path,
            params,
            lambda response, body: self._receiving.file(response, body, destination, read),
            self.limits.download,
        )

    def _receive_whole(self, judge: Classifier, read: Callable[[Response], T]) -> Receiver[T]:
        return lambda response, body: readable(read, self._receiving.whole(response, body, judge))

    def _ask(
        self, endpoint: str, path: Values | None, params: Values | None, receive: Receiver[T], limit_bytes: int
    ) -> T:
        """Attempt until there is an answer, a final fault, or no time or attempt left."""
        filled = re.sub(r"\{(\w+)\}", lambda name: quote(str((path or {})[name[1]]), safe=""), endpoint)
        request = _Request(endpoint, filled, httpx.URL(self._base_url + filled, params=dict(params or {})))
        if self._waits.is_used_up:
            raise self._not_asked(request)
        return retry(lambda number: self._attempt(request, number, receive, limit_bytes), self._waits, self._clock.now)

    def _attempt(self, request: _Request, number: int, receive: Receiver[T], limit_bytes: int) -> T:
        """Send a request once, between the two halves of its entry in the ledger."""
        self._await_turn(request)
        sent_at = self._clock.now()
        call_id = self._ledger.begin(self.provider, request.endpoint, request.target, number, sent_at)
        status: int | None = None
        received_bytes = 0
        outcome: Outcome = "failed"
        reason: str | None = "interrupted"

        def seconds() -> float:
            return (self._clock.now() - sent_at).total_seconds()

        def failure(kind: type[E], what: str) -> E:
            nonlocal reason
            reason = self._blotter.blot_text(what)
            return self._error(kind, f"{self.provider} {request.path}: {reason}", request, status)

        def line(response: httpx.Response) -> Iterator[bytes]:
            """The body as it comes, packed, as long as it comes faster than what is left to wait runs out."""
            nonlocal received_bytes
            for chunk in cast("httpx.SyncByteStream", response.stream):
                received_bytes += len(chunk)
                if self._waits.remaining_s(seconds(), received_bytes) < 0:
                    raise httpx.ReadTimeout(f"only {received_bytes:,} bytes after {seconds():.0f} s")
                yield chunk

        try:
            self._allowance.begin()
            with self._http.stream("GET", request.url, timeout=min(self._timeout, self._waits.attempt_s)) as response:
                status = response.status_code
                result = receive(response, self._receiving.body(response, line(response), limit_bytes))
            outcome, reason = "ok", None
            self._waits.renew()
        except NO_ANSWER as fault:
            outcome = "retry"
            # Without its cause, whose words may be the server's, and would be kept where messages are.
            said = one_line(f"{type(fault).__name__} {fault}")
            raise AskAgainError(failure(TransientProviderError, said)) from None
        except RefusedError as refused:
            error = failure(refused.fault.kind, refused.fault.message)
            if not isinstance(error, TransientProviderError):
                raise error from None
            outcome = "retry"
            raise AskAgainError(error, requested_wait(refused.headers, self._clock.now())) from None
        except ShapeError as fault:
            raise failure(UnexpectedResponseError, f"an answer of an unknown shape: {fault}") from fault
        finally:
            if outcome == "retry":
                self._waits.lose(seconds(), received_bytes)
            self._ledger.finish(call_id, status, outcome, reason, 1000 * seconds())
        logger.debug("%s %s: %d in %.0f ms", self.provider, request.target, status, 1000 * seconds())
        return result

    def _await_turn(self, request: _Request) -> None:
        if self._monthly_credits is not None:
            refuse_beyond(self._monthly_credits, self._plan, self.provider, self._ledger, self._clock.now())
        if self._pacer:
            self._pacer.wait()
        if self._waits.is_run_over:
            raise self._not_asked(request)

    def _not_asked(self, request: _Request) -> TransientProviderError:
        why = f"the service has failed for {self._waits.limit_s:.0f} s"
        if self._waits.is_run_over:
            why = "the run's time, limit_minutes in [run], is over"
        said = f"{self.provider} {request.path}: not asked: {why}; {A_RUN_ASKS_AGAIN}"
        return self._error(TransientProviderError, said, request, None)

    def _error(self, kind: type[E], message: str, request: _Request, status: int | None) -> E:
        return kind(message, provider=self.provider, status=status, url=str(request.url))
