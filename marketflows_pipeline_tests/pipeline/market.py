"""A whole pipeline with the cross-asset part, and the services of that part on real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.jobs import cross_asset_refresh
from marketflows_pipeline.warehouse.published import query_rows
from marketflows_pipeline_tests.fakes.cboe import FakeCboe
from marketflows_pipeline_tests.fakes.coingecko import FakeCoinGecko
from marketflows_pipeline_tests.fakes.coingecko_access import Access
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.fakes.issuers import FakeIssuers, make_funds
from marketflows_pipeline_tests.fakes.yahoo import FakeYahoo
from marketflows_pipeline_tests.pipeline.house import House


@dataclass
class Market:
    """A house and the services of the part."""

    house: House
    yahoo: FakeYahoo
    issuers: FakeIssuers
    cboe: FakeCboe

    def run(self, *, hours_later: float = 0, asks_again: bool = False) -> bool:
        return self.house.run(job_name=cross_asset_refresh.name, hours_later=hours_later, asks_again=asks_again)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self.house.stored(sql).rows()

    def methods(self) -> dict[str, str]:
        """How the flow of each asset is known."""
        found = self.house.stored("select symbol, max(flow_method) as method from core.asset_flows group by symbol")
        return dict(found.iter_rows())

    def published(self, sql: str) -> list[tuple[object, ...]]:
        return query_rows(self.house.published, sql).rows


@contextmanager
def open_market(folder: Path, start: datetime) -> Iterator[Market]:
    """A new house with the part in its settings, a year and a half before `start` to fetch."""
    clock = FixedClock(start)
    coins = generate(12, start=start, has_churn=False, has_flaws=False)
    with (
        FakeCoinGecko(coins, clock=clock, access=Access(calls_per_minute=None)) as service,
        FakeYahoo(clock=clock) as yahoo,
        FakeIssuers(make_funds(7, start.date(), sessions=400), clock=clock) as issuers,
        FakeCboe(clock=clock) as cboe,
    ):
        house = House(folder, service, clock)
        house.addresses = {"yahoo": yahoo.url, "cboe": cboe.url, "fred": cboe.url}
        house.addresses |= dict.fromkeys(("ssga", "blackrock", "spdr_gold"), issuers.url)
        house.configure("cross_asset", start="2025-01-02")
        yield Market(house, yahoo, issuers, cboe)
