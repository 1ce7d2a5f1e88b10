"""A web service to misbehave: real sockets, scripted and random faults, a log of what was asked, a clock to set."""

from __future__ import annotations

import json
import random
import re
import socket
import struct
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Required, Self, TypeAlias, TypedDict
from urllib.parse import parse_qsl, unquote, urlsplit

from marketflows_pipeline.clock import Clock, FixedClock
from marketflows_pipeline_tests.fakes.faults import Fault, phrase_of
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply

STALL_SECONDS = 60.0


@dataclass(frozen=True)
class Request:
    """What was asked, as it came over the wire."""

    method: str
    target: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    at: datetime
    endpoint: str | None = None


@dataclass
class Exchange:
    """A request and what became of it."""

    request: Request
    status: int
    is_faulty: bool


Handler: TypeAlias = Callable[..., Reply]


class Serving(TypedDict, total=False):
    """Arguments of `FakeServer` that are the same for every fake."""

    clock: Required[Clock]
    port: int
    fault_rate: float
    seed: int


class FakeServer:
    """A service at ``url``, answered by the routes of a subclass.

    Args:
        routes: endpoint with placeholders, such as ``/coins/{id}/market_chart``, to what answers it. A handler is given
            the request, and the placeholders by name.
        clock: the service's present; a FixedClock can be moved, also by ``POST /__clock``.
        prefix: path before every endpoint.
        port: 0 takes a free one.
        fault_rate: share of answers that are spoilt at random.
        seed: of the random faults.

    Attributes:
        random_faults: what answers are spoilt by.
        exchanges: everything that was asked and answered, in order.
        observer: told of every exchange and the reply that is sent; None keeps no bodies.
    """

    random_faults: ClassVar[Sequence[Fault]] = ()

    def __init__(
        self,
        routes: Mapping[str, Handler],
        *,
        clock: Clock,
        prefix: str = "",
        port: int = 0,
        fault_rate: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.clock = clock
        self.exchanges: list[Exchange] = []
        self.observer: Callable[[Exchange, Reply], None] | None = None
        self.fault_rate = fault_rate
        self._rng = random.Random(seed)
        self._scripts: dict[str, deque[Fault | None]] = defaultdict(deque)
        self._routes = [(endpoint, _pattern(prefix + endpoint), handler) for endpoint, handler in routes.items()]
        self._prefix = prefix
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = _Server(("127.0.0.1", port), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Base address for clients."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{self._prefix}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, in threads of this process."""
        self._thread.start()

    def stop(self) -> None:
        """Let stalled answers go, and close the socket."""
        self._stopping.set()
        closing = threading.Thread(target=self._server.shutdown)
        closing.start()
        # A visitor who says nothing: the loop sees at once that it is to end, not at its next look.
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self._server.server_address[1]), timeout=1).close()
        closing.join()
        self._server.server_close()
        self._thread.join()

    def script(self, endpoint: str, *faults: Fault | None) -> None:
        """Spoil the next answers of an endpoint, one fault each; None leaves one as it is."""
        self._scripts[endpoint].extend(faults)

    def forgive(self) -> None:
        """Forget the faults that no request has met."""
        self._scripts.clear()

    @property
    def unmet(self) -> list[str]:
        """Endpoints with scripted faults that no request has met, once for each."""
        return [endpoint for endpoint, script in self._scripts.items() for _ in script]

    def calls(self, endpoint: str | None = None) -> int:
        """How often an endpoint, or anything, was asked."""
        return sum(endpoint is None or exchange.request.endpoint == endpoint for exchange in self.exchanges)

    def admit(self, request: Request) -> Reply | None:
        """Refuse a request before it is looked at, or None."""
        return None

    def stall(self) -> None:
        """Keep an answer back until the server stops."""
        self._stopping.wait(STALL_SECONDS)

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request, and log it."""
        parts = urlsplit(target)
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        request = Request(method, target, parts.path, params, headers, self.clock.now())
        if parts.path.startswith("/__"):
            return self._administer(request, body)
        endpoint, reply = self._answer(request)
        with self._lock:
            script = self._scripts.get(endpoint or "")
            fault = script.popleft() if script else self._random_fault()
            spoilt = reply if fault is None else fault(reply)
            logged = Request(method, target, parts.path, params, headers, request.at, endpoint)
            exchange = Exchange(logged, spoilt.status, spoilt is not reply)
            self.exchanges.append(exchange)
        if self.observer:
            self.observer(exchange, spoilt)
        return spoilt

    def _answer(self, request: Request) -> tuple[str | None, Reply]:
        for endpoint, pattern, handler in self._routes:
            if match := pattern.fullmatch(request.path):
                values = {name: unquote(value) for name, value in match.groupdict().items()}
                return endpoint, self.admit(request) or handler(request, **values)
        return None, json_reply({"error": "Incorrect path. Please check the documentation."}, HTTPStatus.NOT_FOUND)

    def _random_fault(self) -> Fault | None:
        if not self.random_faults or self._rng.random() >= self.fault_rate:
            return None
        return self._rng.choice(self.random_faults)

    def _administer(self, request: Request, body: bytes) -> Reply:
        match request.method, request.path:
            case "POST", "/__clock":
                if not isinstance(self.clock, FixedClock):
                    return json_reply({"error": "this server runs on the machine's clock"}, HTTPStatus.CONFLICT)
                self._move(self.clock, json.loads(body))
                return json_reply({"now": self.clock.now().isoformat()})
            case "GET", "/__clock":
                return json_reply({"now": self.clock.now().isoformat()})
            case "GET", "/__calls":
                return json_reply(dict(Counter(str(exchange.request.endpoint) for exchange in self.exchanges)))
            case _:
                return json_reply({"error": "no such command"}, HTTPStatus.NOT_FOUND)

    @staticmethod
    def _move(clock: FixedClock, wanted: dict[str, Any]) -> None:
        if "now" in wanted:
            clock.set(datetime.fromisoformat(wanted["now"]))
        clock.set(clock.now() + timedelta(seconds=wanted.get("advance_seconds", 0)))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


def _pattern(endpoint: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", endpoint))


def _handler_of(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class _Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._respond()

        def do_POST(self) -> None:
            self._respond()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet: the exchanges are the log."""

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = fake.handle(self.command, self.path, headers, body)
            if reply.is_reset:
                # Lingering for no time makes close() a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            with suppress(ConnectionError):
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            headers = {"content-type": reply.content_type, "content-length": str(len(reply.body)), **reply.headers}
            fields = [f"{name}: {value}" for name, value in headers.items()]
            head = "\r\n".join([f"HTTP/1.1 {reply.status} {phrase_of(reply.status)}", *fields, "", ""])
            sent = reply.body[: reply.cut_at]
            self.wfile.write(head.encode() + sent)
            if reply.cut_at is not None:
                self.close_connection = True
            if reply.is_stalled:
                self.wfile.flush()
                fake.stall()

    return _Handler


class SteeredClock(FixedClock):
    """A clock whose every move is told to a fake in another process, so that both live at the same time."""

    def __init__(self, start: datetime, tell: Callable[[datetime], object]) -> None:
        super().__init__(start)
        self._tell = tell
        tell(start)

    def sleep(self, seconds: float) -> None:
        """Advance both."""
        super().sleep(seconds)
        self._tell(self.now())

    def set(self, moment: datetime) -> None:
        """Move both."""
        super().set(moment)
        self._tell(self.now())
