"""Who may use the fake CoinGecko, and how it is steered: keys, limits, credits, scripted errors, the clock."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko import errors
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY, PRO_KEY, Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.command_line import running
from marketflows_pipeline_tests.fakes.conftest import Get
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.fakes.market import Market, to_ms
from marketflows_pipeline_tests.fakes.plain_http import plain_client
from marketflows_pipeline_tests.fakes.server import SteeredClock

KEY = {"x-cg-demo-api-key": DEMO_KEY}
Rows = list[dict[str, Any]]


def markets(get: Get, **params: Any) -> Rows:
    status, rows = get("/coins/markets", vs_currency="usd", **({"per_page": 250} | params))
    assert status == 200
    assert isinstance(rows, list)
    return rows


@pytest.mark.parametrize(
    ("host", "headers", "status", "body"),
    [
        ("demo", KEY, 200, None),
        ("demo", {}, 200, None),
        ("demo", {"x-cg-demo-api-key": PRO_KEY}, 401, errors.PRO_KEY_ON_PUBLIC_HOST),
        ("demo", {"x-cg-pro-api-key": PRO_KEY}, 401, errors.PRO_KEY_ON_PUBLIC_HOST),
        ("demo", {"x-cg-demo-api-key": "CG-unknown"}, 401, errors.KEY_MISSING),
        ("pro", {"x-cg-pro-api-key": PRO_KEY}, 200, None),
        ("pro", {}, 401, errors.KEY_MISSING),
        ("pro", {"x-cg-pro-api-key": DEMO_KEY}, 401, errors.DEMO_KEY_ON_PRO_HOST),
        ("pro", KEY, 401, errors.DEMO_KEY_ON_PRO_HOST),
    ],
)
def test_each_host_knows_its_keys(
    clock: FixedClock, host: Any, headers: dict[str, str], status: int, body: object
) -> None:
    with FakeCoinGecko(generate(3), clock=clock, access=Access(host=host)) as service:
        answer = httpx.get(f"{service.url}/ping", headers=headers)

    assert answer.status_code == status
    assert body is None or answer.json() == body


@pytest.mark.parametrize(
    ("hint", "headers"),
    [
        ("retry-after", {"retry-after": "50"}),
        ("reset", {"x-ratelimit-reset": "2026-09-18 04:01:01 +0000"}),
        ("invalid", {"retry-after": "soon"}),
        ("none", {}),
    ],
)
def test_who_asks_too_often_in_a_minute_is_refused(clock: FixedClock, hint: Any, headers: dict[str, str]) -> None:
    access = Access(calls_per_minute=2, retry_hint=hint)

    with FakeCoinGecko(generate(3), clock=clock, access=access) as service, plain_client(headers=KEY) as client:
        for _ in range(2):
            assert client.get(f"{service.url}/ping").status_code == 200
        clock.sleep(10)
        refused = client.get(f"{service.url}/ping")
        clock.sleep(51)
        again = client.get(f"{service.url}/ping")

    assert (refused.status_code, refused.json()) == (429, errors.RATE_LIMIT)
    assert {name: refused.headers.get(name) for name in headers} == headers
    assert ("retry-after" in refused.headers) == ("retry-after" in headers)
    assert again.status_code == 200


def test_the_keyless_are_let_in_less_often(clock: FixedClock) -> None:
    access = Access(keyless_calls_per_minute=1)

    with FakeCoinGecko(generate(3), clock=clock, access=access) as service:
        statuses = [httpx.get(f"{service.url}/ping").status_code for _ in range(2)]

    assert statuses == [200, 429]


def test_a_months_credits_end_and_come_back(clock: FixedClock) -> None:
    with FakeCoinGecko(generate(3), clock=clock, access=Access(monthly_credits=1)) as service:
        assert httpx.get(f"{service.url}/ping", headers=KEY).status_code == 200
        refused = httpx.get(f"{service.url}/ping", headers=KEY)
        clock.set(datetime(2026, 10, 1, tzinfo=UTC))
        again = httpx.get(f"{service.url}/ping", headers=KEY)

    assert (refused.status_code, refused.json()) == (429, errors.MONTH_USED_UP)
    assert again.status_code == 200


def test_faults_come_in_the_order_of_the_script_and_only_at_their_endpoint(service: FakeCoinGecko, get: Get) -> None:
    service.script("/coins/list", faults.json_error(500, errors.SERVER_ERROR), None, faults.json_error(404, {}))

    assert get("/ping")[0] == 200
    assert [get("/coins/list")[0] for _ in range(4)] == [500, 200, 404, 200]
    assert [exchange.is_faulty for exchange in service.exchanges] == [False, True, False, True, False]
    assert service.calls("/coins/list") == 4


@pytest.mark.slow
def test_faults_that_break_the_connection_break_it(service: FakeCoinGecko) -> None:
    service.script("/ping", faults.reset(), faults.cut_off(), faults.stalled(), faults.truncated())

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        httpx.get(f"{service.url}/ping")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{service.url}/ping")
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{service.url}/ping", timeout=httpx.Timeout(60.0, read=0.1))
    with pytest.raises(json.JSONDecodeError):
        httpx.get(f"{service.url}/ping").json()


def test_the_rate_of_random_faults_is_about_the_one_asked_for(clock: FixedClock) -> None:
    access = Access(calls_per_minute=None)

    with FakeCoinGecko(generate(3), clock=clock, access=access, fault_rate=0.05) as service:
        for _ in range(2000):
            service.handle("GET", "/api/v3/ping", KEY, b"")

        faulty = sum(exchange.is_faulty for exchange in service.exchanges)
    assert 60 <= faulty <= 140


def test_an_observer_is_told_what_was_sent(service: FakeCoinGecko, get: Get) -> None:
    told: list[tuple[str | None, bytes]] = []
    service.observer = lambda exchange, reply: told.append((exchange.request.endpoint, reply.body))

    get("/ping")

    assert told == [("/ping", b'{"gecko_says":"(V3) To the Moon!"}')]


def test_the_clock_can_be_moved_from_outside(service: FakeCoinGecko, clock: FixedClock) -> None:
    admin = service.url.removesuffix("/api/v3")

    httpx.post(f"{admin}/__clock", json={"now": "2026-10-01T00:00:00+00:00"})
    assert clock.now() == datetime(2026, 10, 1, tzinfo=UTC)
    httpx.post(f"{admin}/__clock", json={"advance_seconds": 90})
    assert httpx.get(f"{admin}/__clock").json() == {"now": "2026-10-01T00:01:30+00:00"}
    assert service.calls() == 0


def test_a_steered_clock_takes_the_service_along(service: FakeCoinGecko, clock: FixedClock) -> None:
    admin = service.url.removesuffix("/api/v3")
    steered = SteeredClock(START, lambda now: httpx.post(f"{admin}/__clock", json={"now": now.isoformat()}))

    steered.sleep(3600)
    assert clock.now() == steered.now() == START + timedelta(hours=1)
    steered.set(START + timedelta(days=1))
    assert clock.now() == START + timedelta(days=1)


def test_calls_are_counted_by_endpoint(service: FakeCoinGecko, get: Get) -> None:
    get("/ping")
    get("/coins/bitcoin/market_chart", vs_currency="usd", days=1)
    get("/coins/solana/market_chart", vs_currency="usd", days=1)

    counted = httpx.get(f"{service.url.removesuffix('/api/v3')}/__calls").json()
    assert counted == {"/ping": 1, "/coins/{id}/market_chart": 2}


def test_a_coin_without_flaws_can_be_given_any() -> None:
    coin = replace(generate(1, has_churn=False, has_flaws=False).coins[0], cap_flaw="always_zero")
    market = Market([coin])

    present = market.present(coin.id, to_ms(START))

    assert present.caps == [0.0]
    assert present.prices[0] > 0


@pytest.mark.slow
def test_it_runs_on_its_own() -> None:
    with running("coingecko", "--coins", "5", "--no-flaws", "--no-churn") as url:
        rows = httpx.get(f"{url}/coins/markets", params={"vs_currency": "usd"}, headers=KEY, timeout=60).json()

    assert [row["id"] for row in rows] == ["bitcoin", "ethereum", "tether", "ripple", "binancecoin"]
