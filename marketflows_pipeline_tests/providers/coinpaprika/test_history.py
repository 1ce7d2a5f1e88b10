"""Histories of CoinPaprika over a real socket: daily ones to the exact year, finer ones by plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import NotFoundError, PlanLimitError
from marketflows_pipeline.providers.coinpaprika.client import CoinPaprika
from marketflows_pipeline.providers.coinpaprika.plans import PLANS
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.protocols.market_caps import HISTORY_SCHEMA
from marketflows_pipeline_tests.fakes.coinpaprika.access import PAID_KEY, Access
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.fakes.market import Market, to_ms
from marketflows_pipeline_tests.providers.coinpaprika.conftest import Connect, asked, row_of


def test_a_year_of_history_is_its_midnights(client: CoinPaprika, service: FakeCoinPaprika) -> None:
    history = client.history("btc-bitcoin", 364)

    assert history.schema == HISTORY_SCHEMA
    assert history.height == 365
    assert (history["ts"].dt.truncate("1d") == history["ts"]).all()
    assert (history["ts"][0], history["ts"][-1]) == (
        datetime(2025, 9, 19, tzinfo=UTC),
        datetime(2026, 9, 18, tzinfo=UTC),
    )
    assert asked(service) == [{"start": "2025-09-19", "interval": "1d", "quote": "usd", "limit": "5000"}]


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 9, 18, tzinfo=UTC),
        datetime(2026, 9, 18, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2028, 2, 29, 12, tzinfo=UTC),
        datetime(2029, 2, 28, 23, 59, tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("days", [364, 365, 367])
def test_the_longest_window_begins_inside_the_exact_year(
    connect: Connect, clock: FixedClock, now: datetime, days: int
) -> None:
    """A start of 365 days ago lies up to a day before the service's limit; every history was refused."""
    clock.set(now)
    ahead = FixedClock(now + timedelta(seconds=20))
    with FakeCoinPaprika(generate(3, has_churn=False), clock=ahead) as service:
        assert connect(service).history("btc-bitcoin", days).height >= 364


@pytest.mark.parametrize("days", [1, 2, 90])
def test_the_free_plan_has_no_history_of_hours_and_is_not_asked_for_one(
    client: CoinPaprika, service: FakeCoinPaprika, days: int
) -> None:
    with pytest.raises(
        PlanLimitError, match=f"plan 'free' serves 0 days of .* history, {days} were wanted: set `days`"
    ):
        client.history("btc-bitcoin", days)
    assert service.calls() == 0


def test_what_each_plan_serves_is_known_per_granularity(connect: Connect, service: FakeCoinPaprika) -> None:
    served = {
        plan: [connect(service, plan=plan, api_key=PAID_KEY).history_limit_days(grain) for grain in Granularity]
        for plan in PLANS
    }

    assert served["free"] == [0, 0, 364]
    assert served["starter"] == [7, 30, 1825]
    assert served["pro"] == [30, 90, 1825]
    assert served["business"] == served["ultimate"] == served["enterprise"] == [365, 365, 1825]


@pytest.mark.parametrize(("days", "interval", "points"), [(1, "5m", 288), (30, "1h", 720), (90, "1h", 2160)])
def test_a_paid_plan_has_hours_from_a_moment_in_seconds(
    connect: Connect, clock: FixedClock, days: int, interval: str, points: int
) -> None:
    clock.set(START + timedelta(minutes=7, seconds=12))
    with FakeCoinPaprika(generate(3, has_churn=False), clock=clock, access=Access(host="paid")) as service:
        history = connect(service, plan="pro", api_key=PAID_KEY).history("btc-bitcoin", days)

    (params,) = asked(service)
    assert (params["interval"], params["limit"]) == (interval, "5000")
    assert history.height == pytest.approx(points, abs=1)
    since = datetime.fromtimestamp(int(params["start"]), UTC)
    assert (
        clock.now() - timedelta(days=days, hours=1) < since < clock.now() - timedelta(days=days) + timedelta(minutes=6)
    )


def test_caps_of_0_in_a_history_are_null(connect: Connect, clock: FixedClock) -> None:
    with FakeCoinPaprika(generate(40, has_churn=False), clock=clock) as service:
        history = connect(service).history("grc-gridcoin", 91)

    assert history["market_cap_usd"].null_count() == history.height > 80
    assert history["price_usd"].null_count() == 0


def test_a_young_coin_has_what_there_is_and_one_of_today_nothing(connect: Connect, clock: FixedClock) -> None:
    coins = generate(2, has_churn=False, has_flaws=False).coins[:2]
    ages = (timedelta(days=3), timedelta(hours=1))
    market = Market([replace(coin, listed_at_ms=to_ms(START - age)) for coin, age in zip(coins, ages, strict=True)])
    with FakeCoinPaprika(market, clock=clock) as service:
        client = connect(service)
        assert client.history("btc-bitcoin", 364).height == 3
        assert client.history("eth-ethereum", 364).schema == HISTORY_SCHEMA
        assert client.history("eth-ethereum", 364).is_empty()


@pytest.mark.parametrize("coin_id", ["aave-aave", "usdc-usdc", "bitcoin"])
def test_a_coin_that_is_guessed_or_gone_is_not_found_and_not_asked_again(
    client: CoinPaprika, service: FakeCoinPaprika, coin_id: str
) -> None:
    with pytest.raises(NotFoundError, match="id not found"):
        client.history(coin_id, 91)
    assert service.calls() == 1


def test_a_snapshot_agrees_with_the_history_of_that_midnight(client: CoinPaprika, clock: FixedClock) -> None:
    clock.set(START.replace(hour=0, minute=5))
    row = row_of(next(client.snapshot_pages(0)), "sol-solana")
    last = client.history("sol-solana", 91).row(-1, named=True)

    assert last["ts"] == START.replace(hour=0)
    assert row["market_cap_usd"] == pytest.approx(last["market_cap_usd"], rel=0.02)
