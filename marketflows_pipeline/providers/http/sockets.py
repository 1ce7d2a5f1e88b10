"""Sockets with one timeout and one size limit for a whole attempt, below TLS, HTTP and decompression.

httpx limits each read by itself, so headers dripped byte by byte, endless interim responses or endless empty blocks
never time out. Here every connect, handshake, read and write gets at most the rest of the attempt.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TypeAlias

import httpcore
import httpx
from socksio import SOCKSError

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.http.wait_budget import WaitBudget

SocketOption: TypeAlias = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

# Limit before the body: headers, interim responses, a proxy's greeting. One read may include 64 KiB of the body.
HEAD_BYTES = 1 << 18
# httpx keeps cookies for ever, and builds the request of a redirect even when it is not followed.
UNWANTED_HEADERS = (b"set-cookie", b"location")
# Errors of connecting, of a proxy, of HTTP, and each kind of timeout.
CONNECTION_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    httpx.RequestError,
    SOCKSError,
)


class AttemptLimits:
    """The time and bytes left to the current attempt; used by one thread at a time, as its client is."""

    def __init__(self, clock: Clock, waits: WaitBudget) -> None:
        self._clock = clock
        self._waits = waits
        self._begun_at = clock.now()
        self._received = 0
        self._limit_bytes = HEAD_BYTES

    def begin(self) -> None:
        """Begin an attempt, at first with the limit of its head."""
        self._begun_at = self._clock.now()
        self._received = 0
        self._limit_bytes = HEAD_BYTES

    def allow(self, more_bytes: int) -> None:
        """Allow a body after the head."""
        self._limit_bytes = self._received + more_bytes

    def timeout(self, wanted: float | None) -> float:
        """Timeout of the next operation.

        Raises:
            httpcore.ReadTimeout: the attempt's time is used up.
        """
        spent = (self._clock.now() - self._begun_at).total_seconds()
        left = self._waits.remaining_s(spent, self._received)
        if left <= 0:
            raise httpcore.ReadTimeout(f"only {self._received:,} bytes after {spent:.0f} s")
        return left if wanted is None else min(wanted, left)

    def count(self, n_bytes: int) -> None:
        """Count received bytes.

        Raises:
            ParseError: there are more than allowed; the rest is not read.
        """
        self._received += n_bytes
        if self._received > self._limit_bytes:
            raise ParseError(f"more than {self._limit_bytes:,} bytes received")


class LimitedBackend(httpcore.NetworkBackend):
    """Connections within the limits of the current attempt."""

    def __init__(self, limits: AttemptLimits) -> None:
        self._limits = limits
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that accepts, all of them within the attempt's time."""
        first_error: Exception | None = None
        for address in _addresses(host, port, self._limits.timeout(timeout)):
            try:
                left = self._limits.timeout(timeout)
                stream = self._sockets.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                first_error = first_error or error
            else:
                return LimitedStream(stream, self._limits)
        raise first_error or httpcore.ConnectError(f"{host} has no address")


class LimitedStream(httpcore.NetworkStream):
    """One connection within the limits of the current attempt."""

    def __init__(self, stream: httpcore.NetworkStream, limits: AttemptLimits) -> None:
        self._stream = stream
        self._limits = limits

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes, counted."""
        with self._closed_on_error():
            received = self._stream.read(max_bytes, self._limits.timeout(timeout))
            self._limits.count(len(received))
            return received

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        with self._closed_on_error():
            self._stream.write(buffer, self._limits.timeout(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection under TLS."""
        with self._closed_on_error():
            left = self._limits.timeout(timeout)
            return LimitedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._limits)

    def get_extra_info(self, info: str) -> object:
        """What httpcore wants to know of the connection."""
        return self._stream.get_extra_info(info)

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """Close the connection where httpcore leaves that to the garbage collector, as while it greets a proxy."""
        try:
            yield
        except BaseException:
            self.close()
            raise


class LimitedTransport(httpx.BaseTransport):
    """httpx's own transport over httpcore, but errors keep httpcore's types and the reason phrase is dropped."""

    def __init__(self, pool: httpcore.ConnectionPool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request without a body, and return the response before its body is read."""
        url = request.url
        response = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        headers = [(name, value) for name, value in response.headers if name.lower() not in UNWANTED_HEADERS]
        # Without the reason phrase: httpx logs it, and the server may put anything there.
        return httpx.Response(response.status, headers=headers, stream=_Body(response))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


def _addresses(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a host; resolved in a thread, as the system's resolver has no timeout.

    Raises:
        httpcore.ConnectError: there are none.
        httpcore.ConnectTimeout: the resolver takes too long.
    """
    results: SimpleQueue[list[str] | Exception] = SimpleQueue()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            results.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except (OSError, UnicodeError) as error:
            results.put(error)

    threading.Thread(target=resolve, daemon=True).start()
    try:
        result = results.get(timeout=seconds)
    except Empty:
        raise httpcore.ConnectTimeout(f"no address of {host} within {seconds:.0f} s") from None
    if isinstance(result, Exception):
        raise httpcore.ConnectError(str(result)) from result
    return result
