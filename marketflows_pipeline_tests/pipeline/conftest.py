from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes.coingecko import FakeCoinGecko
from marketflows_pipeline_tests.fakes.coingecko_access import Access
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.pipeline.house import START, House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A new house beside a service with 40 well-behaved coins."""
    clock = FixedClock(START)
    market = generate(40, start=START, has_churn=False, has_flaws=False)
    with FakeCoinGecko(market, clock=clock, access=Access(calls_per_minute=None)) as service:
        yield House(tmp_path, service, clock)
