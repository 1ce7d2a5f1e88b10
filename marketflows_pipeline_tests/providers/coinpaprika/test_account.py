"""Keys, plans, quotas, speed and failures of an account at CoinPaprika, over a real socket."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import (
    BadResponseError,
    CreditsExhaustedError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
    UserInputError,
)
from marketflows_pipeline.providers.coinpaprika.client import CoinPaprika
from marketflows_pipeline.providers.coinpaprika.plans import FREE_URL, PAID_URL, PLANS
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coinpaprika import errors
from marketflows_pipeline_tests.fakes.coinpaprika.access import PAID_KEY, Access
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.providers.coinpaprika.conftest import Connect
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

TICKERS, HISTORY, COINS = "/tickers", "/tickers/{id}/historical", "/coins"
A_YEAR_AGO = datetime(2025, 10, 7, 13, 25, 47, 673661, tzinfo=UTC)
REFUSALS = (
    errors.beyond_the_plan("daily", A_YEAR_AGO),
    errors.beyond_the_plan("hourly", None),
)


def test_the_plans_are_those_of_the_service() -> None:
    assert {name: plan.monthly_credits for name, plan in PLANS.items()} == {
        "free": 20_000,
        "starter": 400_000,
        "pro": 1_000_000,
        "business": 5_000_000,
        "ultimate": 10_000_000,
        "enterprise": 1_000_000_000,
    }
    assert {plan.base_url for name, plan in PLANS.items() if name != "free"} == {PAID_URL}
    assert (PLANS["free"].base_url, PLANS["free"].key_header) == (FREE_URL, None)
    assert {plan.calls_per_minute for plan in PLANS.values()} == {120}
    assert [name for name, plan in PLANS.items() if not plan.has_all_coins] == ["free"]


def test_the_key_goes_bare_in_its_header_and_nowhere_else(
    connect: Connect, clock: FixedClock, ledger: MemoryLedger, caplog: pytest.LogCaptureFixture
) -> None:
    """The word Bearer before the key brings the page of a CDN."""
    with (
        caplog.at_level(logging.DEBUG),
        FakeCoinPaprika(generate(3), clock=clock, access=Access(host="paid")) as service,
    ):
        client = connect(service, plan="starter", api_key=f" {PAID_KEY}\n")
        service.script(COINS, faults.json_error(429, errors.REQUEST_LIMIT))
        client.coin_list()
        with pytest.raises(NotFoundError) as refusal:
            client.history("no-such-coin", 91)

    for exchange in service.exchanges:
        assert exchange.request.headers["authorization"] == PAID_KEY
        assert PAID_KEY not in exchange.request.target
    shown = [record.getMessage() for record in caplog.records]
    shown += [str(refusal.value), repr(vars(refusal.value)), repr(client), repr(ledger.calls)]
    assert not any(PAID_KEY in text for text in shown)


def test_the_free_plan_sends_no_key_even_where_there_is_one(connect: Connect, service: FakeCoinPaprika) -> None:
    connect(service, api_key=PAID_KEY).coin_list()

    assert "authorization" not in service.exchanges[0].request.headers
    assert service.exchanges[0].request.headers["user-agent"] == "marketflows-pipeline"


@pytest.mark.parametrize("key", [None, "", "  "])
def test_a_paid_plan_is_not_begun_without_a_key(clock: FixedClock, ledger: MemoryLedger, key: str | None) -> None:
    with pytest.raises(UserInputError, match="coinpaprika plan 'pro' needs an API key: set COINPAPRIKA_API_KEY or"):
        CoinPaprika(clock=clock, ledger=ledger, plan="pro", api_key=key)


def test_a_key_with_the_word_before_it_is_refused_without_being_shown(clock: FixedClock, ledger: MemoryLedger) -> None:
    with pytest.raises(UserInputError, match="the API key holds characters that no key has") as refusal:
        CoinPaprika(clock=clock, ledger=ledger, plan="pro", api_key=f"Bearer {PAID_KEY}")
    assert PAID_KEY not in str(refusal.value)


def test_a_key_does_not_travel_in_the_clear(clock: FixedClock, ledger: MemoryLedger) -> None:
    with pytest.raises(UserInputError, match=r"expected https:// in http://paprika\.example"):
        CoinPaprika(clock=clock, ledger=ledger, plan="pro", api_key=PAID_KEY, base_url="http://paprika.example/v1")


def test_an_unknown_key_says_where_to_set_it(connect: Connect, clock: FixedClock) -> None:
    with FakeCoinPaprika(generate(3), clock=clock, access=Access(host="paid")) as service:
        with pytest.raises(PlanLimitError, match="HTTP 403; the API key is missing or not known: set COINPAPRIKA_API"):
            connect(service, plan="pro", api_key="paprika-unknown-key").coin_list()
        assert service.calls() == 1


@pytest.mark.parametrize("status", [400, 402])
@pytest.mark.parametrize("body", REFUSALS)
def test_what_the_plan_refuses_is_final_and_no_end_of_the_credits(
    client: CoinPaprika, service: FakeCoinPaprika, status: int, body: object
) -> None:
    service.script(HISTORY, faults.json_error(status, body))

    with pytest.raises(PlanLimitError, match=r"not allowed in this plan.*; lower `days`, or set a larger `plan`"):
        client.history("btc-bitcoin", 91)
    assert service.calls() == 1


def test_a_refusal_of_the_plan_under_success_is_one_too(client: CoinPaprika, service: FakeCoinPaprika) -> None:
    service.script(HISTORY, faults.json_error(200, REFUSALS[0]))

    with pytest.raises(PlanLimitError):
        client.history("btc-bitcoin", 91)


@pytest.mark.parametrize(
    "refusal",
    [
        faults.empty(402),
        faults.json_error(402, {"error": "quota exceeded"}),
        faults.plain_text(402, "pay"),
        faults.html(402),
    ],
)
def test_any_other_402_is_the_quota_of_the_address_and_stops_at_once(
    client: CoinPaprika, service: FakeCoinPaprika, ledger: MemoryLedger, refusal: faults.Fault
) -> None:
    """Three projects on shared addresses met it on their first call of a price."""
    service.script(TICKERS, refusal)

    with pytest.raises(CreditsExhaustedError, match=r"HTTP 402, .*the quota of this address or key is used up"):
        next(client.snapshot_pages(1e9))
    assert service.calls() == 1
    assert [(call.status, call.outcome) for call in ledger.calls] == [(402, "failed")]


def test_the_service_may_count_more_calls_than_we_do(connect: Connect, clock: FixedClock) -> None:
    access = Access(monthly_calls=2)
    with FakeCoinPaprika(generate(3), clock=clock, access=access) as service:
        client = connect(service)
        client.coin_list()
        client.coin_list()
        with pytest.raises(CreditsExhaustedError, match="HTTP 402, an empty response"):
            client.coin_list()


def test_the_months_calls_are_never_exceeded(connect: Connect, service: FakeCoinPaprika) -> None:
    client = connect(service, monthly_credits=1)
    client.coin_list()

    with pytest.raises(CreditsExhaustedError, match="the 1 credits of plan 'free' for September 2026 are used up"):
        client.coin_list()
    assert service.calls() == 1


def test_without_a_hint_an_address_that_asked_too_often_cools_down_for_a_minute(
    client: CoinPaprika, service: FakeCoinPaprika, clock: FixedClock
) -> None:
    began = clock.now()
    service.script(COINS, *[faults.json_error(429, errors.REQUEST_LIMIT)] * 2)

    assert not client.coin_list().is_empty()
    assert timedelta(minutes=2) <= clock.now() - began <= timedelta(minutes=2, seconds=5)


def test_with_a_hint_it_waits_as_long_as_the_service_asks(
    client: CoinPaprika, service: FakeCoinPaprika, clock: FixedClock
) -> None:
    began = clock.now()
    service.script(COINS, faults.json_error(429, errors.REQUEST_LIMIT, {"retry-after": "7"}))

    client.coin_list()
    assert timedelta(seconds=7) <= clock.now() - began < timedelta(seconds=9)


def test_a_limit_that_stays_is_given_up_within_the_budget(client: CoinPaprika, service: FakeCoinPaprika) -> None:
    service.script(COINS, *[faults.json_error(429, errors.REQUEST_LIMIT)] * 9)

    with pytest.raises(TransientProviderError, match=r"you have reached maximum request limit \(given up after 5 att"):
        client.coin_list()
    service.forgive()


@pytest.mark.slow
def test_the_default_pace_keeps_below_the_calls_of_a_second_and_of_a_minute(
    connect: Connect, clock: FixedClock
) -> None:
    with FakeCoinPaprika(generate(3), clock=clock) as service:
        client = connect(service)
        for _ in range(130):
            client.history("btc-bitcoin", 91)

    sent = [exchange.request.at for exchange in service.exchanges]
    assert {exchange.status for exchange in service.exchanges} == {200}
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in zip(sent, sent[5:], strict=False))
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in zip(sent, sent[120:], strict=False))
    assert any(earlier == later for earlier, later in pairwise(sent))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            faults.json_error(400, errors.INVALID_PARAMETERS),
            (PermanentProviderError, "HTTP 400, .*invalid parameters", 1),
        ),
        (faults.json_error(404, errors.ID_NOT_FOUND), (NotFoundError, "HTTP 404, .*id not found", 1)),
        (faults.json_error(200, errors.ID_NOT_FOUND), (NotFoundError, "HTTP 200, id not found", 1)),
        (faults.html(403), (UnexpectedResponseError, "HTTP 403, an HTML page; the service's CDN refused", 1)),
        (faults.html(404), (UnexpectedResponseError, "HTTP 404, an HTML page", 1)),
        (faults.html(200), (BadResponseError, "HTTP 200, an HTML page", 8)),
        (faults.empty(200), (BadResponseError, "an empty response", 8)),
        (faults.json_error(200, {"error": "try later"}), (BadResponseError, "an error body: HTTP 200, try later", 8)),
        (faults.json_error(200, {"error": None}), (BadResponseError, "an error body: HTTP 200, no message", 8)),
        (faults.json_error(200, errors.REQUEST_LIMIT), (TransientProviderError, "maximum request limit", 5)),
        (faults.json_error(500, errors.SERVER_ERROR), (TransientProviderError, "HTTP 500, .*internal server error", 8)),
        (faults.plain_text(502, ""), (TransientProviderError, "HTTP 502, an empty response", 8)),
        (faults.html(503), (TransientProviderError, "HTTP 503, an HTML page", 8)),
        (faults.truncated(), (BadResponseError, "truncated or not JSON", 8)),
        (faults.json_error(200, {}), (UnexpectedResponseError, "expected a list, found an object with keys", 1)),
        (faults.json_error(200, []), (UnexpectedResponseError, "an empty list of tickers", 1)),
        (faults.redirect("http://paprika.example/"), (UnexpectedResponseError, "a redirect, which is not followed", 1)),
    ],
)
def test_every_failure_is_one_clear_error_after_as_many_attempts_as_make_sense(
    client: CoinPaprika, service: FakeCoinPaprika, fault: faults.Fault, expected: tuple[type[ProviderError], str, int]
) -> None:
    kind, words, n_calls = expected
    service.script(TICKERS, *[fault] * n_calls)

    with pytest.raises(kind, match=words) as failure:
        client.by_ids(["btc-bitcoin"])
    assert type(failure.value) is kind
    assert "\n" not in str(failure.value)
    assert service.calls() == n_calls
    assert service.unmet == []


def test_a_service_that_fails_at_random_is_waited_out(clock: FixedClock, connect: Connect) -> None:
    with FakeCoinPaprika(generate(30), clock=clock, fault_rate=0.3, seed=3) as service:
        client = connect(service)
        for _ in range(10):
            assert client.history("btc-bitcoin", 91).height == 92
        assert any(exchange.is_faulty for exchange in service.exchanges)
