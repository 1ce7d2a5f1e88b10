"""One HTTP client for every service: paced, counted, retried within bounds, and careful with the key.

What belongs here: sending a request until it is answered well or not worth asking again. What does not: what any one
service means by its answers, which its module says by a classifier and a reader.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias, TypeVar
from urllib.parse import quote

import httpx
import tenacity

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import BadAnswerError, ProviderError, TransientProviderError
from marketflows_pipeline.providers.faults import (
    Answer,
    Classifier,
    RefusedError,
    ShapeError,
    classify_by_status,
    not_data,
    not_json,
    requested_wait,
)
from marketflows_pipeline.providers.ledger import CallLedger, Outcome, refuse_beyond
from marketflows_pipeline.providers.pacing import Pacer
from marketflows_pipeline.providers.streaming import write_whole

logger = logging.getLogger(__name__)

T = TypeVar("T")
Values: TypeAlias = Mapping[str, str | int | bool]
Receiver: TypeAlias = Callable[[httpx.Response, Iterator[bytes]], T]

DEFAULT_HEADERS = {"accept": "application/json, text/*;q=0.9", "user-agent": "marketflows-pipeline"}
MAX_ATTEMPTS = 8
MAX_BYTES = 1 << 26
JITTER = tenacity.wait_random(0, 1)
BACKOFF = tenacity.wait_exponential(multiplier=2, max=60) + JITTER


@dataclass(frozen=True)
class _Request:
    endpoint: str
    path: str
    url: httpx.URL
    give_up_at: datetime

    @property
    def target(self) -> str:
        query = self.url.query.decode()
        return f"{self.path}?{query}" if query else self.path


class _AskAgainError(Exception):
    """A fault that the retry loop may heal, with the wait that the service asked for."""

    def __init__(self, error: ProviderError, wait_seconds: float | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_seconds = wait_seconds


class _SecretHeaders(httpx.Auth):
    """Adds the key as a request leaves, so that no client, header or log shows it."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._headers)
        yield request


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
        max_total_seconds: seconds after which a request is given up, waits included.
        transport: httpx transport, for tests.
    """

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
        max_total_seconds: float = 300.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.provider = provider
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._ledger = ledger
        self._pacer = Pacer(calls_per_minute, clock) if calls_per_minute else None
        self._plan = plan
        self._monthly_credits = monthly_credits
        self._classify = classify
        self._max_total = timedelta(seconds=max_total_seconds)
        self._secrets = [secret.encode() for secret in (secret_headers or {}).values()]
        self._http = httpx.Client(
            headers={**DEFAULT_HEADERS, **(headers or {})},
            auth=_SecretHeaders(secret_headers or {}),
            timeout=timeout,
            # A redirect to another host would take the key along.
            follow_redirects=False,
            transport=transport,
        )

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
            TransientProviderError: the service kept failing until attempts or time were used up.
            BadAnswerError: what came is not whole JSON, or not of the documented shape (which is not asked again).
            PermanentProviderError: the service refused (also as its kinds NotFoundError and PlanLimitError).
            CreditsExhaustedError: the month's credits are used up; nothing was sent.
        """
        return self._ask(endpoint, path, params, self._receive_whole(not_json, lambda answer: read(answer.body)))

    def get_text(
        self, endpoint: str, read: Callable[[str], T], *, path: Values | None = None, params: Values | None = None
    ) -> T:
        """Ask for text such as CSV; arguments and errors as in ``get_json``. An empty answer or an HTML page is bad."""
        return self._ask(endpoint, path, params, self._receive_whole(not_data, lambda answer: read(answer.text)))

    def get_bytes(
        self,
        endpoint: str,
        read: Callable[[bytes], T],
        *,
        path: Values | None = None,
        params: Values | None = None,
        limit_bytes: int = MAX_BYTES,
    ) -> T:
        """Ask for a file such as a workbook; arguments and errors as in ``get_text``.

        Args:
            endpoint: as in ``get_json``.
            read: makes the result of the whole file; raises ``ShapeError`` where it is not what is documented, or
                ``RefusedError`` where it is worth asking for again.
            path: as in ``get_json``.
            params: as in ``get_json``.
            limit_bytes: a longer answer, once unpacked, is of an unknown shape; the rest of it is not read.
        """

        def receive(response: httpx.Response, chunks: Iterator[bytes]) -> T:
            receive_file = self._receive_whole(not_data, lambda answer: read(answer.content))
            return receive_file(response, _no_longer_than(limit_bytes, chunks))

        return self._ask(endpoint, path, params, receive)

    def download(
        self, endpoint: str, destination: Path, *, path: Values | None = None, params: Values | None = None
    ) -> int:
        """Stream JSON too large for memory to a file, which appears only when it is whole.

        Returns:
            The number of bytes written. Errors as in ``get_json``.
        """

        def receive(response: httpx.Response, chunks: Iterator[bytes]) -> int:
            start = Answer(response.status_code, response.headers, next(chunks, b""))
            if start.is_success and not not_data(start):
                return write_whole(destination, start, chunks)
            refuse = self._receive_whole(not_json, lambda answer: len(answer.content))
            return refuse(response, chain([start.content], chunks))

        return self._ask(endpoint, path, params, receive)

    def _receive_whole(self, judge: Classifier, read: Callable[[Answer], T]) -> Receiver[T]:
        def receive(response: httpx.Response, chunks: Iterator[bytes]) -> T:
            # Before anything is cut out of it for a message: half a key is one too many.
            content = self._blotted(b"".join(chunks))
            answer = Answer(response.status_code, response.headers, content)
            if fault := self._classify(answer) or judge(answer):
                raise RefusedError(fault, answer.headers)
            return read(answer)

        return receive

    def _ask(self, endpoint: str, path: Values | None, params: Values | None, receive: Receiver[T]) -> T:
        """Attempt until there is an answer, a permanent fault, or no time or attempt left."""
        filled = re.sub(r"\{(\w+)\}", lambda name: quote(str((path or {})[name[1]]), safe=""), endpoint)
        url = httpx.URL(self._base_url + filled, params=dict(params or {}))
        request = _Request(endpoint, filled, url, self._clock.now() + self._max_total)
        numbers = count(1)
        retrying = tenacity.Retrying(
            sleep=self._clock.sleep,
            retry=tenacity.retry_if_exception_type(_AskAgainError),
            wait=_wait_seconds,
            stop=lambda state: self._is_hopeless(request, state),
            before_sleep=_log_wait,
            reraise=True,
        )
        try:
            return retrying(lambda: self._attempt(request, next(numbers), receive))
        except _AskAgainError as last:
            tried = next(numbers) - 1
            message = f"{last.error} (given up after {tried} attempts; a later run asks again)"
            raise self._error(type(last.error), message, request, last.error.status) from last.__cause__

    def _attempt(self, request: _Request, number: int, receive: Receiver[T]) -> T:
        """Send a request once, between the two halves of its entry in the ledger."""
        if self._monthly_credits is not None:
            refuse_beyond(self._monthly_credits, self._plan, self.provider, self._ledger, self._clock.now())
        if self._pacer:
            self._pacer.wait()
        sent_at = self._clock.now()
        call_id = self._ledger.begin(self.provider, request.endpoint, request.target, number, sent_at)
        status: int | None = None
        outcome: Outcome = "failed"
        reason: str | None = "interrupted"

        def failure(kind: type[ProviderError], what: str) -> ProviderError:
            nonlocal reason
            reason = what
            return self._error(kind, f"{self.provider} {request.path}: {reason}", request, status)

        try:
            with self._http.stream("GET", request.url) as response:
                status = response.status_code
                result = receive(response, self._chunks(response, request))
            outcome, reason = "ok", None
        except httpx.RequestError as fault:
            outcome = "retry"
            raise _AskAgainError(
                failure(TransientProviderError, f"{type(fault).__name__} {fault}".strip()), None
            ) from fault
        except RefusedError as refused:
            error = failure(refused.fault.kind, refused.fault.message)
            if not refused.fault.is_transient:
                raise error from None
            outcome = "retry"
            raise _AskAgainError(error, requested_wait(refused.headers, self._clock.now())) from None
        except ShapeError as fault:
            raise failure(BadAnswerError, f"an answer of an unknown shape: {fault}") from fault
        finally:
            duration_ms = (self._clock.now() - sent_at) / timedelta(milliseconds=1)
            self._ledger.finish(call_id, status, outcome, reason, duration_ms)
        logger.debug("%s %s: %d in %.0f ms", self.provider, request.target, status, duration_ms)
        return result

    def _chunks(self, response: httpx.Response, request: _Request) -> Iterator[bytes]:
        """The body as it comes; one that drips on beyond the total time is a timeout."""
        for chunk in response.iter_bytes():
            if self._clock.now() > request.give_up_at:
                raise httpx.ReadTimeout(f"the answer took longer than {self._max_total.total_seconds():.0f} s")
            yield chunk

    def _is_hopeless(self, request: _Request, state: tenacity.RetryCallState) -> bool:
        """Whether attempts are used up, or the next would come too late: then waiting for it is pointless too."""
        next_at = self._clock.now() + timedelta(seconds=state.upcoming_sleep)
        return state.attempt_number >= MAX_ATTEMPTS or next_at > request.give_up_at

    def _error(self, kind: type[ProviderError], message: str, request: _Request, status: int | None) -> ProviderError:
        return kind(message, provider=self.provider, status=status, url=str(request.url))

    def _blotted(self, content: bytes) -> bytes:
        for secret in self._secrets:
            content = content.replace(secret, b"***")
        return content


def _no_longer_than(limit_bytes: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise ShapeError(f"more than {limit_bytes:,} bytes")
        yield chunk


def _wait_seconds(state: tenacity.RetryCallState) -> float:
    """What the service asked for, or longer each time; with jitter, so that clients do not return together."""
    asked = _fault(state).wait_seconds
    return BACKOFF(state) if asked is None else asked + JITTER(state)


def _log_wait(state: tenacity.RetryCallState) -> None:
    logger.warning(
        "%s; asking again in %.0f s (attempt %d)", _fault(state), state.upcoming_sleep, state.attempt_number + 1
    )


def _fault(state: tenacity.RetryCallState) -> _AskAgainError:
    fault = state.outcome.exception() if state.outcome else None
    assert isinstance(fault, _AskAgainError)
    return fault
