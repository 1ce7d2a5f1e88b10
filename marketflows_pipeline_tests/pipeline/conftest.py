from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.ingest.exchanges import kinds
from marketflows_pipeline_tests.fakes.coingecko.access import Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.pipeline.environment import START, Environment


@pytest.fixture(autouse=True)
def few_kinds(monkeypatch: pytest.MonkeyPatch) -> int:
    """Of how many exchanges it is asked what kind they are: a hundred and fifty calls would show no more."""
    monkeypatch.setattr(kinds, "EXCHANGE_KINDS_ASKED", 5)
    return 5


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    """A new environment beside a service with 40 well-behaved coins."""
    clock = FixedClock(START)
    market = generate(40, start=START, has_churn=False, has_flaws=False)
    with FakeCoinGecko(market, clock=clock, access=Access(calls_per_minute=None)) as service:
        yield Environment(tmp_path, service, clock)
