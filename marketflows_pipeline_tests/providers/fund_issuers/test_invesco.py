"""Invesco, which publishes its newest count alone, asked over a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import BadResponseError, NotFoundError, PermanentProviderError, UnexpectedResponseError
from marketflows_pipeline.providers.fund_issuers.invesco import Invesco
from marketflows_pipeline.providers.protocols.cross_asset import SHARES_SCHEMA, SharesProvider
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.fund_issuers.service import (
    BTCO,
    QQQ,
    SHARE_CLASS,
    TRUST,
    FakeIssuers,
    make_funds,
)
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

FRIDAY, SATURDAY, SUNDAY = date(2026, 9, 18), date(2026, 9, 19), date(2026, 9, 20)


@pytest.fixture
def issuers(clock: FixedClock) -> Iterator[FakeIssuers]:
    with FakeIssuers(make_funds(7, FRIDAY, sessions=5), clock=clock) as running:
        yield running


@pytest.fixture
def invesco(issuers: FakeIssuers, clock: FixedClock, ledger: MemoryLedger) -> Iterator[Invesco]:
    with Invesco(clock=clock, ledger=ledger, base_url=issuers.url, timeout=60.0) as opened:
        yield opened


def asked(issuers: FakeIssuers, name: str) -> list[str | None]:
    return [exchange.request.params.get(name) for exchange in issuers.exchanges]


def test_an_answer_is_one_session_as_of_its_day(invesco: Invesco, issuers: FakeIssuers) -> None:
    provider: SharesProvider = invesco
    frame = provider.shares_outstanding("QQQ", "46090e103")

    newest = issuers.funds.invesco[QQQ][-1]
    assert frame.schema == SHARES_SCHEMA
    assert frame.select("symbol", "session", "shares", "nav_usd", "net_assets_usd", "convention", "source").rows() == [
        ("QQQ", FRIDAY, newest.shares, newest.nav, None, "as_traded", "invesco:snapshot")
    ]
    assert asked(issuers, "idType") == ["cusip"]
    assert asked(issuers, "productSubType") == ["ETF"]


@pytest.mark.parametrize("effective", [SATURDAY, SUNDAY])
@pytest.mark.parametrize("has_business_date", [False, True])
def test_a_date_on_a_weekend_is_that_of_the_session_before(
    invesco: Invesco, issuers: FakeIssuers, effective: date, *, has_business_date: bool
) -> None:
    """Some answers are dated Saturday, and no session is."""
    issuers.effective, issuers.has_business_date = str(effective), has_business_date

    assert invesco.shares_outstanding("QQQ", QQQ)["session"].to_list() == [FRIDAY]


def test_the_business_date_stands_before_the_other_one(invesco: Invesco, issuers: FakeIssuers) -> None:
    issuers.effective, issuers.has_business_date = "2026-09-21", True

    assert invesco.shares_outstanding("QQQ", QQQ)["session"].to_list() == [FRIDAY]


def test_a_trust_of_coins_is_asked_for_as_what_it_is(invesco: Invesco, issuers: FakeIssuers) -> None:
    assert invesco.shares_outstanding("BTCO", BTCO).height == 1
    assert asked(issuers, "productSubType") == [TRUST]


def test_of_a_fund_whose_kind_nobody_listed_both_kinds_are_tried(
    invesco: Invesco, issuers: FakeIssuers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketflows_pipeline.providers.fund_issuers.invesco.TRUSTS", frozenset())

    assert invesco.shares_outstanding("BTCO", BTCO).height == 1
    assert asked(issuers, "productSubType") == ["ETF", TRUST]


def test_an_empty_text_under_success_is_an_unknown_fund_and_not_asked_again(
    invesco: Invesco, issuers: FakeIssuers
) -> None:
    with pytest.raises(NotFoundError, match=r"invesco .*HTTP 200, an empty text, as for an unknown fund"):
        invesco.shares_outstanding("NOPE", "000000000")
    assert issuers.calls() == 2


def test_a_refusal_is_answered_once_with_the_page_that_asks(invesco: Invesco, issuers: FakeIssuers) -> None:
    issuers.needs_origin = True

    assert invesco.shares_outstanding("QQQ", QQQ).height == 1
    sent = [exchange.request.headers for exchange in issuers.exchanges]
    assert [headers.get("origin") for headers in sent] == [None, "https://www.invesco.com"]
    assert sent[1]["referer"] == "https://www.invesco.com/"
    assert {headers["user-agent"] for headers in sent} == {"marketflows-pipeline"}


def test_a_refusal_of_both_is_final(invesco: Invesco, issuers: FakeIssuers) -> None:
    issuers.script(SHARE_CLASS, *[faults.empty(406)] * 3)

    with pytest.raises(PermanentProviderError, match="HTTP 406"):
        invesco.shares_outstanding("QQQ", QQQ)
    assert issuers.calls() == 2


def test_another_refusal_is_not_asked_again(invesco: Invesco, issuers: FakeIssuers) -> None:
    issuers.script(SHARE_CLASS, faults.html(403))

    with pytest.raises(PermanentProviderError, match="HTTP 403"):
        invesco.shares_outstanding("QQQ", QQQ)
    assert issuers.calls() == 1


def test_what_may_pass_is_asked_again(invesco: Invesco, issuers: FakeIssuers) -> None:
    spoilt = (faults.html(200), faults.empty(), faults.truncated(), faults.cut_off(), faults.html(503))
    issuers.script(SHARE_CLASS, *spoilt)

    assert invesco.shares_outstanding("QQQ", QQQ).height == 1
    assert issuers.calls() == len(spoilt) + 1


def test_a_page_that_stays_is_a_bad_answer(invesco: Invesco, issuers: FakeIssuers) -> None:
    issuers.script(SHARE_CLASS, *[faults.html(200)] * 20)

    with pytest.raises(BadResponseError, match="an HTML page"):
        invesco.shares_outstanding("QQQ", QQQ)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda body: body | {"cusip": "46138G649"}, "`cusip` should be 46090E103, found str '46138G649'"),
        (lambda body: body | {"currency": "EUR"}, "`currency` should be USD, found str 'EUR'"),
        (lambda body: {"effectiveDate": body["effectiveDate"]}, "expected the columns effectiveDate, nav, shares"),
        (lambda body: {key: body[key] for key in body if key != "effectiveDate"}, "`effectiveDate` should be a date"),
        (lambda body: body | {"effectiveDate": "soon"}, "`effectiveDate` should be a date, found 'soon'"),
        (lambda body: body | {"sharesOutstanding": -5}, "`sharesOutstanding` should be a number that is not negative"),
        (lambda body: body | {"sharesOutstanding": {"value": 5}}, "`sharesOutstanding` should be a number"),
        (lambda body: body | {"sharesOutstanding": True}, "`sharesOutstanding` should be a number"),
        (lambda body: body | {"sharesOutstanding": float("nan")}, "`sharesOutstanding` should be a number"),
        (lambda body: body | {"sharesOutstanding": 20260917}, "20,260,917.00 shares is a date"),
        (lambda body: body | {"effectiveDate": str((START + timedelta(days=9)).date())}, "should be from"),
        (lambda body: [body], "Expected `object`, got `array`"),
        (lambda body: {"error": "rate"}, "expected the columns effectiveDate, nav, sharesOutstanding"),
    ],
)
def test_what_is_not_of_the_known_shape_is_named_and_nothing_of_it_is_kept(
    invesco: Invesco, issuers: FakeIssuers, change: Change, said: str
) -> None:
    issuers.script(SHARE_CLASS, faults.in_json(change))

    with pytest.raises(UnexpectedResponseError) as fault:
        invesco.shares_outstanding("QQQ", QQQ)
    assert said in str(fault.value)
    assert str(fault.value).isprintable()
    assert issuers.calls() == 1


def test_a_count_of_zero_is_none_and_the_value_stays(invesco: Invesco, issuers: FakeIssuers) -> None:
    issuers.script(SHARE_CLASS, faults.in_json(lambda body: body | {"sharesOutstanding": 0}))

    frame = invesco.shares_outstanding("QQQ", QQQ)
    assert frame.select("shares", "nav_usd").rows() == [(None, issuers.funds.invesco[QQQ][-1].nav)]


def test_funds_are_asked_for_slowly(invesco: Invesco, clock: FixedClock) -> None:
    """Of requests in quick succession all but the first were refused."""
    for _ in range(13):
        invesco.shares_outstanding("QQQ", QQQ)

    assert clock.now() >= START + timedelta(minutes=2)
