"""A service to ask, a clock to live by, a ledger to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.providers.coingecko.client import CoinGecko
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply
from marketflows_pipeline_tests.fakes.server import FakeServer, Request
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

Connect: TypeAlias = Callable[..., CoinGecko]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def service(clock: FixedClock) -> Iterator[FakeCoinGecko]:
    """The public host, over 300 coins without flaws."""
    with FakeCoinGecko(generate(300, has_churn=False, has_flaws=False), clock=clock) as running:
        yield running


@pytest.fixture
def connect(clock: FixedClock, ledger: MemoryLedger) -> Iterator[Connect]:
    """Clients of a service, closed in the end."""
    opened: list[CoinGecko] = []

    def _connect(to: FakeCoinGecko, **changed: Any) -> CoinGecko:
        options: dict[str, Any] = {"api_key": DEMO_KEY, "timeout": 60.0} | changed
        opened.append(CoinGecko(clock=clock, ledger=ledger, base_url=to.url, **options))
        return opened[-1]

    yield _connect
    for client in opened:
        client.close()


@pytest.fixture
def client(connect: Connect, service: FakeCoinGecko) -> CoinGecko:
    """A client of the public host, on the demo plan."""
    return connect(service)


@pytest.fixture
def coinpaprika(clock: FixedClock) -> Iterator[FakeCoinPaprika]:
    """The free host of CoinPaprika, over the same 300 coins."""
    with FakeCoinPaprika(generate(300, has_churn=False, has_flaws=False), clock=clock) as running:
        yield running


THING = "/things/{id}"


@pytest.fixture
def thinghub(clock: FixedClock) -> Iterator[FakeServer]:
    """A service of one endpoint, for what every client does."""

    def answer(_: Request, id: str) -> Reply:  # noqa: A002 - the placeholder's name
        return json_reply({"id": id})

    with FakeServer({THING: answer}, clock=clock) as running:
        yield running
