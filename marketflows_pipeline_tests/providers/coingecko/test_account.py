"""Keys, plans, rate limits, credits and failures of an account at CoinGecko."""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import (
    CreditsExhaustedError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    TransientProviderError,
    UnexpectedResponseError,
    UserInputError,
)
from marketflows_pipeline.providers.coingecko.client import CoinGecko
from marketflows_pipeline.providers.coingecko.plans import PLANS, PlanName
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko import errors
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY, PRO_KEY, Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.providers.conftest import Connect
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

CHART = "/coins/{id}/market_chart"
MARKETS = "/coins/markets"


@pytest.mark.parametrize("plan", ["demo", "pro"])
def test_the_key_goes_in_the_header_of_the_plan_and_nowhere_else(
    connect: Connect, clock: FixedClock, ledger: MemoryLedger, caplog: pytest.LogCaptureFixture, plan: PlanName
) -> None:
    key, header = {"demo": (DEMO_KEY, "x-cg-demo-api-key"), "pro": (PRO_KEY, "x-cg-pro-api-key")}[plan]
    access = Access(host="pro" if plan == "pro" else "demo")

    with caplog.at_level(logging.DEBUG), FakeCoinGecko(generate(30), clock=clock, access=access) as service:
        client = connect(service, plan=plan, api_key=f" {key}\n")
        service.script(MARKETS, faults.json_error(429, errors.RATE_LIMIT))
        client.by_ids(["bitcoin"])
        with pytest.raises(NotFoundError) as refusal:
            client.history("no-such-coin", 1)

    for exchange in service.exchanges:
        assert exchange.request.headers[header] == key
        assert key not in exchange.request.target
    shown = [record.getMessage() for record in caplog.records]
    shown += [str(refusal.value), repr(vars(refusal.value)), repr(client), repr(ledger.calls)]
    assert not any(key in text for text in shown)


def test_the_keyless_plan_sends_no_key_even_where_there_is_one(connect: Connect, service: FakeCoinGecko) -> None:
    connect(service, plan="keyless").by_ids(["bitcoin"])

    assert not [name for name in service.exchanges[0].request.headers if "api-key" in name]


@pytest.mark.parametrize("key", [None, "", "  "])
def test_a_plan_with_a_key_is_not_begun_without_one(clock: FixedClock, ledger: MemoryLedger, key: str | None) -> None:
    with pytest.raises(UserInputError, match="set COINGECKO_API_KEY or api_key under"):
        CoinGecko(clock=clock, ledger=ledger, plan="demo", api_key=key)


@pytest.mark.parametrize("key", ["CG-a b", "CG-\N{LATIN SMALL LETTER E WITH ACUTE}", "CG-a\nb"])
def test_what_can_not_be_a_key_is_refused_without_being_shown(
    clock: FixedClock, ledger: MemoryLedger, key: str
) -> None:
    with pytest.raises(UserInputError) as refusal:
        CoinGecko(clock=clock, ledger=ledger, api_key=key)
    assert key not in str(refusal.value)


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize("host", ["demo", "pro"])
def test_a_key_of_the_other_host_is_told_apart_and_not_asked_again(
    connect: Connect, clock: FixedClock, status: int, host: Any
) -> None:
    other, key = {"demo": ("pro", PRO_KEY), "pro": ("demo", DEMO_KEY)}[host]
    access = Access(host=host, wrong_host_status=status)

    with FakeCoinGecko(generate(3), clock=clock, access=access) as service:
        with pytest.raises(PlanLimitError, match=f'set plan = "{other}" in \\[providers.coingecko\\]'):
            connect(service, plan=host, api_key=key).coin_list()
        assert service.calls() == 1


def test_an_unknown_key_says_where_to_set_it(connect: Connect, service: FakeCoinGecko) -> None:
    with pytest.raises(PlanLimitError, match="set COINGECKO_API_KEY"):
        connect(service, api_key="CG-unknown").coin_list()


@pytest.mark.parametrize("hint", ["retry-after", "reset", "invalid", "none"])
def test_a_service_that_is_slower_than_our_pace_is_waited_for(connect: Connect, clock: FixedClock, hint: Any) -> None:
    access = Access(calls_per_minute=3, retry_hint=hint)

    with FakeCoinGecko(generate(3), clock=clock, access=access) as service:
        client = connect(service, calls_per_minute=100)
        for _ in range(7):
            client.coin_list()

        good = [exchange.request.at for exchange in service.exchanges if exchange.status == 200]
    assert len(good) == 7
    assert timedelta(minutes=2) <= good[-1] - good[0] <= timedelta(minutes=4)


@pytest.mark.slow
def test_the_default_pace_keeps_below_the_services_limit(client: CoinGecko, service: FakeCoinGecko) -> None:
    for _ in range(60):
        client.by_ids(["bitcoin"])

    assert {exchange.status for exchange in service.exchanges} == {200}
    sent = [exchange.request.at for exchange in service.exchanges]
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in zip(sent, sent[25:], strict=False))
    assert any(later > earlier for earlier, later in pairwise(sent))


def test_the_plans_differ_in_pace_and_credits() -> None:
    assert {name: (plan.calls_per_minute, plan.monthly_credits) for name, plan in PLANS.items()} == {
        "demo": (25, 10_000),
        "keyless": (5, 10_000),
        "pro": (250, 100_000),
    }


def test_the_credits_of_the_plan_are_not_overspent(connect: Connect, service: FakeCoinGecko) -> None:
    client = connect(service, monthly_credits=2)

    client.coin_list()
    client.coin_list()
    with pytest.raises(CreditsExhaustedError, match="the 2 credits of plan 'demo' for September 2026"):
        client.coin_list()
    assert service.calls() == 2


def test_no_credits_at_all_is_a_limit_too(connect: Connect, service: FakeCoinGecko) -> None:
    with pytest.raises(CreditsExhaustedError):
        connect(service, monthly_credits=0).coin_list()


@pytest.mark.parametrize(
    "fault",
    [
        faults.json_error(200, errors.RATE_LIMIT),
        faults.json_error(200, errors.SERVER_ERROR),
        faults.json_error(200, {"error": "something new"}),
        faults.html(200),
        faults.html(429),
        faults.truncated(),
        faults.cut_off(),
        faults.reset(),
        faults.empty(),
    ],
)
def test_a_passing_fault_costs_a_retry_not_the_answer(
    client: CoinGecko, service: FakeCoinGecko, fault: faults.Fault
) -> None:
    service.script(CHART, fault)

    assert client.history("bitcoin", 2).height == pytest.approx(49, abs=1)
    assert service.calls() == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.json_error(200, errors.BEYOND_A_YEAR), PlanLimitError),
        (faults.json_error(200, errors.COIN_NOT_FOUND), NotFoundError),
        (faults.json_error(401, errors.BEYOND_A_YEAR), PlanLimitError),
        (faults.json_error(401, errors.NOT_IN_PLAN), PlanLimitError),
        (faults.json_error(403, errors.PLAN_BLOCKED), PlanLimitError),
        (faults.html(403), PermanentProviderError),
        (faults.json_error(400, errors.INVALID_CURRENCY), PermanentProviderError),
        (faults.json_error(200, {"caps": []}), UnexpectedResponseError),
        (faults.json_error(200, []), UnexpectedResponseError),
    ],
)
def test_a_refusal_or_an_unknown_shape_is_final(
    client: CoinGecko, service: FakeCoinGecko, fault: faults.Fault, kind: type[Exception]
) -> None:
    service.script(CHART, fault)

    with pytest.raises(kind, match="coingecko /coins/bitcoin/market_chart: "):
        client.history("bitcoin", 2)
    assert service.calls() == 1


def test_a_service_that_stays_down_is_given_up(client: CoinGecko, service: FakeCoinGecko, clock: FixedClock) -> None:
    service.script(CHART, *[faults.html(503)] * 20)

    with pytest.raises(TransientProviderError, match="a later run retries"):
        client.history("bitcoin", 2)
    assert clock.now() - START <= timedelta(seconds=300)


def test_a_page_that_fails_for_good_ends_the_snapshot_with_its_error(client: CoinGecko, service: FakeCoinGecko) -> None:
    service.script(MARKETS, None, *[faults.html(503)] * 20)
    pages = client.snapshot_pages(0)

    assert next(pages).height == 250
    with pytest.raises(TransientProviderError):
        next(pages)
