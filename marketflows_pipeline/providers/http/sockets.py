"""Sockets with one limit of time and bytes for a whole attempt, below TLS, HTTP and decoding.

httpx limits each read by itself, so that headers dripped byte by byte, interim answers or empty blocks without end
never time out. Here every connect, handshake, read and write gets at most what is left of the attempt.
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
from marketflows_pipeline.providers.http.responses import ShapeError
from marketflows_pipeline.providers.http.wait_budget import WaitBudget

SocketOption: TypeAlias = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

# What comes before the body: headers, interim answers, a proxy's greeting. One read may bring 64 KiB of body along.
HEAD_BYTES = 1 << 18
# httpx keeps cookies for ever, and builds the request of a redirect that is not followed.
UNWANTED_HEADERS = (b"set-cookie", b"location")
# What no network brings: faults of connecting, of a proxy, of HTTP, and each kind of time-out.
NO_ANSWER = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    httpx.RequestError,
    SOCKSError,
)


class Allowance:
    """What the attempt under way may still take; used by one thread at a time, as its client is.

    Args:
        clock: tells the time.
        waits: how long the service may be waited for.
    """

    def __init__(self, clock: Clock, waits: WaitBudget) -> None:
        self._clock = clock
        self._waits = waits
        self._begun_at = clock.now()
        self._received = 0
        self._limit_bytes = HEAD_BYTES

    def begin(self) -> None:
        """Begin an attempt, of which only the head is awaited."""
        self._begun_at = self._clock.now()
        self._received = 0
        self._limit_bytes = HEAD_BYTES

    def allow(self, more_bytes: int) -> None:
        """Let a body come after the head."""
        self._limit_bytes = self._received + more_bytes

    def seconds(self, wanted: float | None) -> float:
        """How long the next operation may take.

        Raises:
            httpcore.ReadTimeout: nothing is left of the attempt's time.
        """
        spent = (self._clock.now() - self._begun_at).total_seconds()
        left = self._waits.remaining_s(spent, self._received)
        if left <= 0:
            raise httpcore.ReadTimeout(f"only {self._received:,} bytes after {spent:.0f} s")
        return left if wanted is None else min(wanted, left)

    def take(self, n_bytes: int) -> None:
        """Count what has come.

        Raises:
            ShapeError: it is more than was allowed; the rest is not read.
        """
        self._received += n_bytes
        if self._received > self._limit_bytes:
            raise ShapeError(f"more than {self._limit_bytes:,} bytes on the line")


class LimitedBackend(httpcore.NetworkBackend):
    """Connections that keep to an allowance.

    Args:
        allowance: of the attempt under way.
    """

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that answers, all of them within what is left."""
        fault: Exception | None = None
        for address in _addresses(host, port, self._allowance.seconds(timeout)):
            try:
                left = self._allowance.seconds(timeout)
                stream = self._sockets.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                fault = fault or failed
            else:
                return LimitedStream(stream, self._allowance)
        raise fault or httpcore.ConnectError(f"{host} has no address")


class LimitedStream(httpcore.NetworkStream):
    """One connection that keeps to an allowance.

    Args:
        stream: the connection.
        allowance: of the attempt under way.
    """

    def __init__(self, stream: httpcore.NetworkStream, allowance: Allowance) -> None:
        self._stream = stream
        self._allowance = allowance

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What comes next, counted."""
        with self._closed_on_fault():
            received = self._stream.read(max_bytes, self._allowance.seconds(timeout))
            self._allowance.take(len(received))
            return received

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        with self._closed_on_fault():
            self._stream.write(buffer, self._allowance.seconds(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection under TLS."""
        with self._closed_on_fault():
            left = self._allowance.seconds(timeout)
            return LimitedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._allowance)

    def get_extra_info(self, info: str) -> object:
        """What httpcore wants to know of the connection."""
        return self._stream.get_extra_info(info)

    @contextmanager
    def _closed_on_fault(self) -> Iterator[None]:
        """Close the connection where httpcore leaves that to the garbage collector, as while it greets a proxy."""
        try:
            yield
        except BaseException:
            self.close()
            raise


class LimitedTransport(httpx.BaseTransport):
    """What httpx's own transport is over httpcore, but for faults, which keep httpcore's types, and the server's words.

    Args:
        pool: makes connections, directly or by a proxy.
    """

    def __init__(self, pool: httpcore.ConnectionPool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request without a body, and give the answer before its body is read."""
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        headers = [(name, value) for name, value in answer.headers if name.lower() not in UNWANTED_HEADERS]
        # Without the reason phrase: httpx logs it, and it is whatever the server wants to say.
        return httpx.Response(answer.status, headers=headers, stream=_Body(answer))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def _addresses(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a host; asked for in a thread, as the system's resolver knows no time limit.

    Raises:
        httpcore.ConnectError: there are none.
        httpcore.ConnectTimeout: the resolver does not answer in time.
    """
    answers: SimpleQueue[list[str] | Exception] = SimpleQueue()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except (OSError, UnicodeError) as fault:
            answers.put(fault)

    threading.Thread(target=resolve, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise httpcore.ConnectTimeout(f"no address of {host} within {seconds:.0f} s") from None
    if isinstance(answer, Exception):
        raise httpcore.ConnectError(str(answer)) from answer
    return answer
