"""Runs without a key: CoinPaprika's market caps, from nothing to pictures, page and database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from marketflows_pipeline.assets import publishing
from marketflows_pipeline.charts.rendering.plan import RenderJob
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.settings import CoinPaprika
from marketflows_pipeline_tests.fakes.coingecko.access import Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.coinpaprika.access import Access as FreeAccess
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.pipeline.environment import START, Environment
from marketflows_pipeline_tests.published_answers import query_rows

pytestmark = pytest.mark.slow

HISTORY = "/tickers/{id}/historical"


@contextmanager
def open_keyless(folder: Path) -> Iterator[tuple[Environment, FakeCoinPaprika]]:
    """An environment without a config file and without a key, beside 20 coins that either service knows."""
    clock = FixedClock(START)
    market = generate(20, start=START, has_churn=False, has_flaws=False)
    access = FreeAccess(calls_per_second=None)
    with (
        pytest.MonkeyPatch.context() as patch,
        FakeCoinGecko(market, clock=clock, access=Access(calls_per_minute=None)) as other,
        FakeCoinPaprika(market, clock=clock, access=access) as service,
    ):
        # Without a config file nothing else can tell another address.
        free = replace(CoinPaprika.plans["free"], base_url=service.url, calls_per_minute=10_000)
        patch.setattr(CoinPaprika, "plans", {**CoinPaprika.plans, "free": free})
        yield Environment(folder, other, clock, settings={}, provider="coinpaprika"), service


def calls(service: FakeCoinPaprika) -> Counter[str]:
    """Requests since the last time this was asked, by endpoint."""
    counted = Counter(str(exchange.request.endpoint) for exchange in service.exchanges)
    service.exchanges.clear()
    return counted


def two_of(jobs: Sequence[RenderJob], _set: str) -> list[RenderJob]:
    """The first pictures of a part: all of them would take longer than everything else."""
    return list(jobs[:2])


def test_a_folder_without_config_and_key_ends_with_pictures_page_and_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A newcomer had to register for a key before one real number appeared."""
    monkeypatch.setattr(publishing, "chosen_jobs", two_of)
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    with open_keyless(tmp_path) as (env, service):
        env.computes = "measures"
        assert env.run(with_pictures=True), env.failure.lines
        asked = calls(service)
        assert not env.calls()

        # One list of coins, one of tags, one history a coin; each of these is free.
        followed = env.stored("select count(distinct coin_id) as n from meta.backfills").item()
        assert (asked["/tickers"], asked["/tags"], asked[HISTORY]) == (1, 1, followed)
        assert followed > 10
        assert len(list((tmp_path / "pictures").glob("*.png"))) == 2
        page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
        assert "Data provided by CoinPaprika" in page
        assert "Data provided by CoinGecko" not in page
        assert "history has no supply" in page
        grid = query_rows(
            env.published,
            "select count(distinct ts), count(*) filter (fill = 'observed') > 500 from core.market_cap_grid",
        )
        assert grid.rows == [(92, True)]
        assert query_rows(env.published, "select provider from meta.market_cap_provider").rows == [("coinpaprika",)]
        shares = (
            "select bitcoin_pct > 0, ethereum_pct > 0, stablecoins_pct > 0 from mart.dominance order by ts desc limit 1"
        )
        assert query_rows(env.published, shares).rows == [(True, True, True)]
        beaten = "select max(n_beat_30d) > 0 from mart.breadth where category = 'Cohort'"
        assert query_rows(env.published, beaten).rows == [(True,)]

        # Default tags that the service does not have are no fault of the user's.
        assert "the default 'platform' is no category today; the run goes on without it" in caplog.text

        # Another provider on this history is refused before any call.
        env.provider, env.settings = None, {"providers.coingecko": {"plan": "keyless"}}
        assert not env.run(hours_later=1)
        (line,) = env.failure.lines
        assert "provider = 'coingecko': expected 'coinpaprika'" in line
        assert not env.calls()


def test_an_hourly_window_begins_at_the_first_run_and_grows_by_a_point_an_hour(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The free plan has no hourly history: a refusal for each coin would tell nothing that one line does not."""
    caplog.set_level("INFO")
    with open_keyless(tmp_path) as (env, service):
        env.settings = {
            "providers.coingecko": {},
            "providers.coinpaprika": {"days": 7, "narratives": ["layer-1"], "range_lower_limits": [1e8, 1e11]},
            "analysis": {"ema_periods": [1], "diff_orders": [0], "is_unit_normalize": False},
        }
        for hour in range(2):
            assert env.run(hours_later=min(hour, 1)), env.failure.lines
            assert calls(service) == {"/tickers": 1, "/tags": 1}
        times = env.stored("select count(distinct ts) as n from raw.market_caps where coin_id = 'btc-bitcoin'").item()
        assert times == 2
        assert caplog.text.count("the curves begin at the first run and grow by a point an hour") == 1
        # Nothing is held flat before the first run: gains over the days before it are not known.
        fills = env.stored("select ts, fill from core.market_cap_grid where coin_id = 'btc-bitcoin' order by ts")
        assert fills["fill"].to_list() == ["observed", "observed"]
        assert env.stored("select count(*) as n from core.series where category = 'Narratives'").item() == 1


def test_a_tag_that_the_user_wrote_is_a_fault(tmp_path: Path) -> None:
    with open_keyless(tmp_path) as (env, service):
        env.computes = "nothing"
        env.settings = {"providers.coingecko": {}, "providers.coinpaprika": {"narratives": ["layer-one"]}}
        assert not env.run()
        (line,) = env.failure.lines
        assert "providers.coinpaprika.narratives = 'layer-one': expected a category that coinpaprika knows" in line
        assert "did you mean layer-1" in line
        assert "https://api.coinpaprika.com/v1/tags" in line
        assert calls(service) == {"/tags": 1}
