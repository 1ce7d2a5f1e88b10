"""A small service on a real socket, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply
from marketflows_pipeline_tests.fakes.server import FakeServer, Request
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

KEY = "CG-a-secret-of-the-tests"
THING = "/things/{id}"

Connect: TypeAlias = Callable[..., HttpClient]


def _thing(_: Request, id: str) -> Reply:  # noqa: A002 - the placeholder's name
    return json_reply({"id": id, "parts": list(range(2000))})


@pytest.fixture
def service(clock: FixedClock) -> Iterator[FakeServer]:
    with FakeServer({THING: _thing}, clock=clock, prefix="/v1") as running:
        yield running


@pytest.fixture
def connect(service: FakeServer, clock: FixedClock, ledger: MemoryLedger) -> Iterator[Connect]:
    opened: list[HttpClient] = []

    def _connect(**changed: Any) -> HttpClient:
        options: dict[str, Any] = {"secret_headers": {"x-key": KEY}, "timeout": 60.0} | changed
        opened.append(HttpClient("thinghub", service.url, clock=clock, ledger=ledger, **options))
        return opened[-1]

    yield _connect
    for client in opened:
        client.close()


@pytest.fixture
def client(connect: Connect) -> HttpClient:
    return connect()
