"""Starting the page on a real socket, and asking it byte by byte what a browser or an attacker would."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JSON = ("Content-Type", "application/json")
Header = tuple[str, str]


@dataclass(frozen=True)
class Reply:
    """An answer: status, headers by lower-case name (several values joined), body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Page:
    """A page that is served on a port of this machine, and the process that serves it, if it is one of its own."""

    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    def ask(
        self,
        target: str = "/server_info",
        *headers: Header,
        method: str = "GET",
        host: str | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """One request with exactly these headers, and Host unless it is empty."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        if host != "":
            connection.putheader("Host", host or self.host)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        found: dict[str, str] = {}
        for name, value in answer.getheaders():
            found[name.lower()] = ", ".join(filter(None, [found.get(name.lower()), value]))
        reply = Reply(answer.status, found, answer.read())
        connection.close()
        return reply

    def graphql(self, query: str, *headers: Header) -> Any:
        """What the page answers to GraphQL as its own script asks it."""
        own = (("Origin", self.origin), ("Sec-Fetch-Site", "same-origin"), JSON, ("Accept", "*/*"))
        reply = self.ask("/graphql?op=Test", *own, *headers, method="POST", body=json.dumps({"query": query}).encode())
        assert reply.status == 200, reply
        return json.loads(reply.body)["data"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(command: Sequence[str], folder: Path, **environ: str) -> Iterator[Page]:
    """A command of the package that serves a page, in a folder of its own, until the block ends."""
    port = free_port()
    known = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "MARKETFLOWS"))}
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--port", str(port)],
        cwd=folder,
        env=known | {"DAGSTER_WEBSERVER_UVICORN_LOG_LEVEL": "info"} | environ,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    said = []
    try:
        for line in process.stderr or ():
            said.append(line)
            if "Uvicorn running on" in line:
                break
        else:
            raise AssertionError("".join(said))
        yield Page(port, process)
    finally:
        process.terminate()
        process.communicate(timeout=300)
