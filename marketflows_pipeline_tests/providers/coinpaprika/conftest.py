"""CoinPaprika in place of CoinGecko, under the same names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.providers.coinpaprika.client import CoinPaprika
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.server import FakeServer
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

Connect: TypeAlias = Callable[..., CoinPaprika]


@pytest.fixture
def service(coinpaprika: FakeCoinPaprika) -> FakeCoinPaprika:
    """The free host, over 300 coins without flaws."""
    return coinpaprika


@pytest.fixture
def connect(clock: FixedClock, ledger: MemoryLedger) -> Iterator[Connect]:
    """Clients of a service, closed in the end."""
    opened: list[CoinPaprika] = []

    def _connect(to: FakeCoinPaprika, **changed: Any) -> CoinPaprika:
        options: dict[str, Any] = {"timeout": 60.0} | changed
        opened.append(CoinPaprika(clock=clock, ledger=ledger, base_url=to.url, **options))
        return opened[-1]

    yield _connect
    for client in opened:
        client.close()


@pytest.fixture
def client(connect: Connect, service: FakeCoinPaprika) -> CoinPaprika:
    """A client of the free host."""
    return connect(service)


def endpoints(service: FakeServer) -> list[str | None]:
    return [exchange.request.endpoint for exchange in service.exchanges]


def asked(service: FakeServer) -> list[dict[str, str]]:
    return [dict(exchange.request.params) for exchange in service.exchanges]


def row_of(rows: pl.DataFrame, coin_id: str) -> dict[str, object]:
    return rows.row(by_predicate=pl.col("coin_id") == coin_id, named=True)
