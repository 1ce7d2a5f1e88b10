"""A way to a server that breaks down once some bytes have been sent on it."""

from __future__ import annotations

import contextlib
import socket
from threading import Event, Thread


class Stalling:
    """Hands on what is sent to a port of this machine and what comes back, up to some bytes, and then no more.

    Attributes:
        port: where it listens.
        is_full: set once the bytes have been handed on.
    """

    def __init__(self, port: int, most: int) -> None:
        self._target, self._left, self.is_full = port, most, Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._server]
        self.port: int = self._server.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close all connections; none is taken any more."""
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._open += [client, server]
            for pump in (self._upwards, self._pump):
                pair = (client, server) if pump == self._upwards else (server, client)
                Thread(target=pump, args=pair, daemon=True).start()

    def _upwards(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                self._left -= len(chunk)
                if self._left < 0:
                    self.is_full.set()
                    return
                target.sendall(chunk)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                target.sendall(chunk)
