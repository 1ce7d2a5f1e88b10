"""A second provider beside the first: one call a day, counted on its own account, whose failure costs nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from marketflows_pipeline.queries.provider_differences import caps_near_checks, checked_caps
from marketflows_pipeline.transforms.market_caps.provider_differences import compare_caps, differing
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coinpaprika.access import Access
from marketflows_pipeline_tests.fakes.coinpaprika.errors import SERVER_ERROR
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.pipeline.environment import Environment

pytestmark = pytest.mark.slow

TICKERS = "/tickers"


@pytest.fixture
def other(env: Environment) -> Iterator[FakeCoinPaprika]:
    """CoinPaprika over the same market."""
    access = Access(calls_per_second=None, monthly_calls=None)
    with FakeCoinPaprika(env.service.market, clock=env.clock, access=access) as running:
        env.addresses["coinpaprika"] = running.url
        env.configure("market_caps", cross_check="coinpaprika")
        env.configure("market_caps.cross_check_ids", ripple="xrp-xrp")
        env.configure(flow_types=["individual_assets"])
        env.configure("providers.coingecko.asset_groups", Pair=["bitcoin", "ethereum", "ripple"])
        yield running


def _with_half_of_ripple(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    for row in rows:
        if row["id"] == "xrp-xrp":
            quote = row["quotes"]["USD"]  # type: ignore[index]
            quote["market_cap"] //= 2
    return rows


def spent(env: Environment) -> dict[str, int]:
    return dict(env.stored("select provider, count(*) as n from meta.api_calls group by all").iter_rows())


@pytest.mark.usefixtures("fetches_only")
def test_caps_are_compared_by_one_call_and_what_differs_is_found(env: Environment, other: FakeCoinPaprika) -> None:
    other.script(TICKERS, faults.in_json(_with_half_of_ripple))

    assert env.run(), env.failure.lines

    assert spent(env)["coinpaprika"] == 1
    assert {exchange.request.endpoint for exchange in other.exchanges} == {TICKERS}

    with Warehouse(env.private, create=False) as warehouse:
        now = env.clock.now()
        compared = compare_caps(caps_near_checks(warehouse, now), checked_caps(warehouse, now))
    newest = compared.filter(compared["ts"] == compared["ts"].max())
    rules = dict(newest.select("coin_id", "mapping_rule").iter_rows())
    assert rules == {"bitcoin": "symbol and name", "ethereum": "symbol and name", "ripple": "settings"}
    (found,) = differing(newest).rows(named=True)
    assert (found["coin_id"], round(found["difference_pct"])) == ("ripple", -50)
    assert abs(found["price_difference_pct"]) < 1


@pytest.mark.usefixtures("fetches_only")
def test_a_second_provider_that_fails_is_a_warning(
    env: Environment, other: FakeCoinPaprika, log: pytest.LogCaptureFixture
) -> None:
    other.script(TICKERS, *[faults.json_error(500, SERVER_ERROR)] * 50)

    assert env.run(), env.failure.lines

    assert "market caps are not compared with those of coinpaprika today: coinpaprika /tickers: " in log.text
    assert env.stored("select count(*) as n from raw.cross_check_caps").item() == 0
    assert env.stored("select outcome from meta.fetches where dataset = 'cross_check'")["outcome"].to_list() == [
        "failed"
    ]
