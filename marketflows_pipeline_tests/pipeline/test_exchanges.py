"""The exchange part as a whole, against both services, from the first run on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.jobs import daily_refresh, full_refresh
from marketflows_pipeline_tests.fakes.coingecko import FakeCoinGecko
from marketflows_pipeline_tests.fakes.coingecko_access import Access
from marketflows_pipeline_tests.fakes.defillama import FakeDefiLlama
from marketflows_pipeline_tests.fakes.defillama_protocols import make_cast
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.pipeline.house import START, House

TRACKED = ["binance", "okex", "gdax", "kraken"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house that follows four exchanges, one of which nobody knows the reserves of."""
    clock = FixedClock(START)
    market = generate(40, start=START, has_churn=False, has_flaws=False)
    with (
        FakeCoinGecko(market, clock=clock, access=Access(calls_per_minute=None)) as service,
        FakeDefiLlama(make_cast(7, START, days=60, fillers=20), clock=clock) as reserves,
    ):
        house = House(tmp_path, service, clock, reserves=reserves)
        house.configure("exchanges", tracked=TRACKED)
        yield house


def test_the_first_run_fills_every_table(house: House) -> None:
    assert house.run(job_name=full_refresh.name), house.failure.lines
    print(house.calls(), house.reserves_calls())
    for name in (
        "mart.exchange_flows",
        "mart.exchange_netflow",
        "mart.whale_signals",
        "mart.exchange_tvl",
        "mart.exchange_dominance",
        "mart.exchange_coverage",
        "mart.exchange_token_flows",
        "core.exchanges",
    ):
        print(name, house.stored(f"select * from {name}"))
    assert 0
