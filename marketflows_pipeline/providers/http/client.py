"""HTTP client of the services: rate limit, retries, call ledger, size limits and redaction around every request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeAlias, TypeVar, cast

import httpx

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import ProviderError, TransientProviderError, UnexpectedResponseError
from marketflows_pipeline.providers.http.ledger import CallLedger, Outcome, refuse_beyond
from marketflows_pipeline.providers.http.rate_limiter import Limiter, MakeLimiter, RateLimiter
from marketflows_pipeline.providers.http.redaction import Redactor
from marketflows_pipeline.providers.http.request import Request, Values
from marketflows_pipeline.providers.http.response_body import BodyReader, SizeLimits, parsed
from marketflows_pipeline.providers.http.responses import (
    UNEXPECTED,
    Classifier,
    FailedResponseError,
    ParseError,
    Response,
    classify_by_status,
    not_data,
    not_json,
    one_line,
)
from marketflows_pipeline.providers.http.retry import LATER_RUN_RETRIES, RetryableError, requested_wait, retry
from marketflows_pipeline.providers.http.sockets import CONNECTION_ERRORS, AttemptLimits
from marketflows_pipeline.providers.http.transport import DEFAULT_HEADERS, environment_proxies, open_client
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.system.stopping import check_stop

logger = logging.getLogger(__name__)

T = TypeVar("T")
E = TypeVar("E", bound=ProviderError)
ReadResponse: TypeAlias = Callable[[httpx.Response, Iterator[bytes]], T]


class HttpClient:
    """Sends requests to one service, and returns what a parser makes of the response or raises one of errors.py.

    Args:
        provider: short name of the service, for the ledger and messages.
        base_url: URL that endpoints are appended to.
        clock: tells the time and waits.
        ledger: told of every attempt before it is sent.
        headers: sent with every request, over the defaults.
        secret_headers: as ``headers``, but never shown: the values are redacted in responses that repeat them.
        calls_per_minute: rate limit, or None.
        make_limiter: makes what keeps that limit; by default one that counts the calls of this client alone.
        plan: what the account is called, for messages.
        monthly_credits: attempts that the plan allows in a UTC calendar month, or None.
        classify: the service's own classifier of responses.
        timeout: seconds to wait for a connection, and for each part of a response.
        waits: how long a failing service is waited for; by default the limit of a run.
        transport: httpx transport, for tests.

    Raises:
        UserInputError: the environment names a proxy or certificates that cannot be used.
    """

    size_limits: ClassVar = SizeLimits()
    calls_per_second: ClassVar[int | None] = None

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
        make_limiter: MakeLimiter | None = None,
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
        make = make_limiter or partial(RateLimiter, clock=clock)
        self._rate_limiter: Limiter | None = (
            make(calls_per_minute, calls_per_second=self.calls_per_second) if calls_per_minute else None
        )
        self._plan = plan
        self._monthly_credits = monthly_credits
        self._timeout = timeout
        self._waits = waits or WaitBudget(clock)
        self._attempt_limits = AttemptLimits(clock, self._waits)
        proxies = {} if transport else environment_proxies()
        self._http = open_client(
            headers={**DEFAULT_HEADERS, **(headers or {})},
            secret_headers=secret_headers or {},
            attempt_limits=self._attempt_limits,
            proxies=proxies,
            transport=transport,
        )
        passwords = [proxy.auth[1] for proxy in proxies.values() if proxy and proxy.auth]
        self._redactor = Redactor([*(secret_headers or {}).values(), *passwords])
        self._body = BodyReader(classify, self._redactor, self._attempt_limits, self.size_limits)

    def __repr__(self) -> str:
        return f"HttpClient({self.provider!r}, {self._base_url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get_json(
        self, endpoint: str, parse: Callable[[object], T], *, path: Values | None = None, params: Values | None = None
    ) -> T:
        """Request JSON.

        Args:
            endpoint: path with placeholders, such as ``/coins/{id}/market_chart``.
            parse: makes the result of the decoded JSON; raises ``ParseError`` where it is not what is documented.
            path: values of the placeholders, which are URL-encoded here.
            params: query parameters; never a secret.

        Raises:
            TransientProviderError: the service kept failing until attempts or time were used up; as BadResponseError
                where the body is not complete JSON.
            UnexpectedResponseError: the body is complete, but not of the documented shape, or too large; not retried.
            PermanentProviderError: the service refused (also as its kinds NotFoundError and PlanLimitError).
            CreditsExhaustedError: the month's credits are used up; nothing was sent.
        """
        request = Request.of(self._base_url, endpoint, path, params)
        read = self._read_in_memory(not_json, lambda response: parse(response.body))
        return self._get(request, read, self.size_limits.memory)

    def get_text(
        self,
        endpoint: str,
        parse: Callable[[str], T],
        *,
        path: Values | None = None,
        params: Values | None = None,
        limit_bytes: int | None = None,
    ) -> T:
        """Request text such as CSV; arguments and errors as in ``get_json``. An empty body or an HTML page is bad.

        A body of more than ``limit_bytes``, decompressed, is an unexpected response; the rest of it is not read.
        """

        def parse_text(content: bytes) -> T:
            return parse(content.decode(errors="replace"))

        return self.get_bytes(endpoint, parse_text, path=path, params=params, limit_bytes=limit_bytes)

    def get_bytes(
        self,
        endpoint: str,
        parse: Callable[[bytes], T],
        *,
        path: Values | None = None,
        params: Values | None = None,
        headers: Mapping[str, str] | None = None,
        limit_bytes: int | None = None,
    ) -> T:
        """Request a file such as a workbook; arguments and errors as in ``get_text``.

        ``headers`` are sent with this request alone, over the client's own; never a secret.
        The parser may raise ``FailedResponseError`` too, such as for a truncated file, which is retried.
        """
        request = Request.of(self._base_url, endpoint, path, params, headers)
        read = self._read_in_memory(not_data, lambda response: parse(response.content))
        most = self.size_limits.memory
        return self._get(request, read, min(limit_bytes or most, most))

    def download(
        self,
        endpoint: str,
        destination: Path,
        parse: Callable[[Path], T],
        *,
        path: Values | None = None,
        params: Values | None = None,
    ) -> T:
        """Stream JSON too large for memory to a file, which appears only when it is complete, and parse it there.

        Arguments and errors as in ``get_bytes``, but that the parser is given the file, at ``destination``.
        """
        request = Request.of(self._base_url, endpoint, path, params)
        return self._get(
            request,
            lambda response, chunks: self._body.to_file(response, chunks, destination, parse),
            self.size_limits.download,
        )

    def _read_in_memory(self, check: Classifier, parse: Callable[[Response], T]) -> ReadResponse[T]:
        return lambda response, chunks: parsed(parse, self._body.in_memory(response, chunks, check))

    def _get(self, request: Request, read: ReadResponse[T], limit_bytes: int) -> T:
        """Attempt until there is a result, a permanent error, or no time or attempt left."""
        if self._waits.is_used_up:
            raise self._not_sent(request)
        return retry(lambda number: self._attempt(request, number, read, limit_bytes), self._waits, self._clock.now)

    def _attempt(self, request: Request, number: int, read: ReadResponse[T], limit_bytes: int) -> T:
        """Send a request once, between the two halves of its entry in the ledger."""
        self._wait_for_permission(request)
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
            reason = self._redactor.redact_text(what)
            return self._error(kind, f"{self.provider} {request.path}: {reason}", request, status)

        def wire(response: httpx.Response) -> Iterator[bytes]:
            """The body as received, as long as it comes faster than the wait budget runs out."""
            nonlocal received_bytes
            for chunk in cast("httpx.SyncByteStream", response.stream):
                received_bytes += len(chunk)
                if self._waits.remaining_s(seconds(), received_bytes) < 0:
                    raise httpx.ReadTimeout(f"only {received_bytes:,} bytes after {seconds():.0f} s")
                yield chunk

        try:
            self._attempt_limits.begin()
            timeout = min(self._timeout, self._waits.attempt_s)
            with self._http.stream("GET", request.url, headers=request.headers, timeout=timeout) as response:
                status = response.status_code
                result = read(response, self._body.chunks(response, wire(response), limit_bytes))
            outcome, reason = "ok", None
            self._waits.reset()
        except CONNECTION_ERRORS as error:
            outcome = "retry"
            # Without its cause: its text may be the server's, and unredacted.
            raise RetryableError(failure(TransientProviderError, one_line(f"{type(error).__name__} {error}"))) from None
        except FailedResponseError as failed:
            classified = failure(failed.classification.kind, failed.classification.message)
            if not isinstance(classified, TransientProviderError):
                raise classified from None
            outcome = "retry"
            wait_seconds = requested_wait(failed.headers, self._clock.now())
            raise RetryableError(classified, wait_seconds, failed.classification.cool_down_s) from None
        except ParseError as error:
            raise failure(UnexpectedResponseError, f"{UNEXPECTED}: {error}") from error
        finally:
            if outcome == "retry":
                self._waits.charge(seconds(), received_bytes)
            self._ledger.finish(call_id, status, outcome, reason, 1000 * seconds())
        logger.debug("%s %s: %d in %.0f ms", self.provider, request.target, status, 1000 * seconds())
        return result

    def _wait_for_permission(self, request: Request) -> None:
        check_stop()
        if self._monthly_credits is not None:
            refuse_beyond(self._monthly_credits, self._plan, self.provider, self._ledger, self._clock.now())
        if self._rate_limiter:
            self._rate_limiter.acquire()
        if self._waits.is_run_over:
            raise self._not_sent(request)

    def _not_sent(self, request: Request) -> TransientProviderError:
        why = f"the service has failed for {self._waits.limit_s:.0f} s"
        if self._waits.is_run_over:
            why = "the run's time, limit_minutes in [run], is over"
        message = f"{self.provider} {request.path}: not requested: {why}; {LATER_RUN_RETRIES}"
        return self._error(TransientProviderError, message, request, None)

    def _error(self, kind: type[E], message: str, request: Request, status: int | None) -> E:
        return kind(message, provider=self.provider, status=status, url=str(request.url))
