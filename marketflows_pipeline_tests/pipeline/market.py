"""A whole pipeline with the cross-asset part, and the services of that part on real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.jobs import cross_asset_refresh
from marketflows_pipeline.settings.universe import FUND_ISSUERS
from marketflows_pipeline_tests.fakes.coingecko.access import Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.fund_issuers.service import FakeIssuers, make_funds
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.fakes.volatility.service import FakeCboe
from marketflows_pipeline_tests.fakes.yahoo.service import FakeYahoo
from marketflows_pipeline_tests.pipeline.environment import Environment
from marketflows_pipeline_tests.published_answers import query_rows


@dataclass
class Market:
    """An environment and the services of the part."""

    env: Environment
    yahoo: FakeYahoo
    issuers: FakeIssuers
    cboe: FakeCboe

    def run(self, *, hours_later: float = 0, asks_again: bool = False) -> bool:
        return self.env.run(job_name=cross_asset_refresh.name, hours_later=hours_later, asks_again=asks_again)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self.env.stored(sql).rows()

    def methods(self) -> dict[str, str]:
        """How the flow of each asset is known."""
        found = self.env.stored("select symbol, max(flow_method) as method from core.asset_flows group by symbol")
        return dict(found.iter_rows())

    def published(self, sql: str) -> list[tuple[object, ...]]:
        return query_rows(self.env.published, sql).rows


@contextmanager
def open_market(folder: Path, start: datetime) -> Iterator[Market]:
    """A new environment with the part in its settings, a year and a half before `start` to fetch."""
    clock = FixedClock(start)
    coins = generate(12, start=start, has_churn=False, has_flaws=False)
    with (
        FakeCoinGecko(coins, clock=clock, access=Access(calls_per_minute=None)) as service,
        FakeYahoo(clock=clock) as yahoo,
        FakeIssuers(make_funds(7, start.date(), sessions=400), clock=clock) as issuers,
        FakeCboe(clock=clock) as cboe,
    ):
        env = Environment(folder, service, clock)
        env.addresses = {"yahoo": yahoo.url, "cboe": cboe.url, "fred": cboe.url}
        env.addresses |= dict.fromkeys(FUND_ISSUERS, issuers.url)
        env.configure("cross_asset", start="2025-01-02")
        yield Market(env, yahoo, issuers, cboe)
