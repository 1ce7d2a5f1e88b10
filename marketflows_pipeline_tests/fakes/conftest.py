"""A CoinGecko and a CoinPaprika with all their flaws, asked without a client of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY, Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.coinpaprika.access import Access as FreeAccess
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.fakes.plain_http import plain_client

Get: TypeAlias = Callable[..., tuple[int, Any]]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def service(clock: FixedClock) -> Iterator[FakeCoinGecko]:
    """The public host without limits, over 300 coins with every flaw."""
    with FakeCoinGecko(generate(300), clock=clock, access=Access(calls_per_minute=None)) as running:
        yield running


@pytest.fixture
def get(service: FakeCoinGecko) -> Iterator[Get]:
    """Status and parsed body of what a key of the demo plan is answered."""
    with plain_client(base_url=service.url, headers={"x-cg-demo-api-key": DEMO_KEY}, timeout=60.0) as client:

        def _get(path: str, **params: Any) -> tuple[int, Any]:
            answer = client.get(path, params=params)
            return answer.status_code, json.loads(answer.content)

        yield _get


@pytest.fixture
def coinpaprika(clock: FixedClock) -> Iterator[FakeCoinPaprika]:
    """The free host without limits, over 300 coins with every flaw."""
    access = FreeAccess(calls_per_second=None, monthly_calls=None)
    with FakeCoinPaprika(generate(300), clock=clock, access=access) as running:
        yield running


@pytest.fixture
def get_paprika(coinpaprika: FakeCoinPaprika) -> Iterator[Get]:
    """Status and parsed body of what somebody without a key is answered."""
    with plain_client(base_url=coinpaprika.url, timeout=60.0) as client:

        def _get(path: str, **params: Any) -> tuple[int, Any]:
            answer = client.get(path, params=params)
            return answer.status_code, json.loads(answer.content)

        yield _get
