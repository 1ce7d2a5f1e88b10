"""A SOCKS5 proxy on a real socket (RFC 1928, and 1929 for the password), which knows its guests and where they went."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from typing import Self

VERSION, PASSWORD_VERSION = 5, 1
NO_AUTHENTICATION, BY_PASSWORD, NO_METHOD = 0, 2, 0xFF
CONNECT, SUCCEEDED, FAILED = 1, 0, 1
IPV4, NAME, IPV6 = 1, 3, 4
CHUNK = 1 << 16


class FakeSocks:
    """A proxy at ``socks5://127.0.0.1:port``.

    Args:
        login: user name and password that it wants; None lets everybody in.
        is_rude: it hangs up as soon as a client has greeted it.

    Attributes:
        targets: where its clients were connected to, host and port.
    """

    def __init__(self, *, login: tuple[str, str] | None = None, is_rude: bool = False) -> None:
        self.login = login
        self.is_rude = is_rude
        self.targets: list[tuple[str, int]] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, proxy: FakeSocks) -> None:
        super().__init__(("127.0.0.1", 0), _Guest)
        self.proxy = proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class _Guest(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        _, n_methods = self.rfile.read(2)
        methods = self.rfile.read(n_methods)
        if self.server.proxy.is_rude or not self._is_let_in(methods):
            return
        _, command, _, kind = self.rfile.read(4)
        target = self._host(kind), int.from_bytes(self.rfile.read(2))
        self.server.proxy.targets.append(target)
        try:
            assert command == CONNECT
            onward = socket.create_connection(target, timeout=5)
        except OSError:
            self._reply(FAILED)
            return
        self._reply(SUCCEEDED)
        with onward:
            back = threading.Thread(target=_pour, args=(onward, self.connection), daemon=True)
            back.start()
            _pour(self.connection, onward)
            back.join()

    def _is_let_in(self, methods: bytes) -> bool:
        wanted = BY_PASSWORD if self.server.proxy.login else NO_AUTHENTICATION
        self.wfile.write(bytes([VERSION, wanted if wanted in methods else NO_METHOD]))
        if wanted not in methods or wanted == NO_AUTHENTICATION:
            return wanted in methods
        self.rfile.read(1)
        login = self._text(), self._text()
        is_known = login == self.server.proxy.login
        self.wfile.write(bytes([PASSWORD_VERSION, SUCCEEDED if is_known else FAILED]))
        return is_known

    def _text(self) -> str:
        return self.rfile.read(self.rfile.read(1)[0]).decode()

    def _host(self, kind: int) -> str:
        if kind == NAME:
            return self._text()
        family, size = (socket.AF_INET, 4) if kind == IPV4 else (socket.AF_INET6, 16)
        return socket.inet_ntop(family, self.rfile.read(size))

    def _reply(self, code: int) -> None:
        self.wfile.write(bytes([VERSION, code, 0, IPV4, 0, 0, 0, 0, 0, 0]))


def _pour(source: socket.socket, sink: socket.socket) -> None:
    """Everything from one socket into the other, its end too."""
    with suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
