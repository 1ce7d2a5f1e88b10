"""The provider against a Yahoo of our own, on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import httpx
import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import (
    BadResponseError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.protocols.cross_asset import PriceHistory, PriceProvider
from marketflows_pipeline.providers.yahoo.client import BASE_URL, Yahoo
from marketflows_pipeline.transforms.cross_asset.unadjusted_prices import unadjusted_close
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.markets import ASSETS, as_traded
from marketflows_pipeline_tests.fakes.us_calendar import is_half_day, sessions
from marketflows_pipeline_tests.fakes.yahoo.bodies import error_body
from marketflows_pipeline_tests.fakes.yahoo.service import CHART, CONSENT, TOO_MANY, FakeYahoo
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

# In New York START is the first minute of Friday, so that Thursday the 17th is the newest complete session.
FIRST, LAST = date(2026, 1, 2), date(2026, 9, 17)
BY_SYMBOL = {asset.symbol: asset for asset in ASSETS}
SPLIT_DAY = BY_SYMBOL["QQQ"].splits[0].session
UNKNOWN = error_body("Not Found", "No data found, symbol may be delisted")


@pytest.fixture
def yahoo(clock: FixedClock) -> Iterator[FakeYahoo]:
    with FakeYahoo(clock=clock) as running:
        yield running


@pytest.fixture
def asking(yahoo: FakeYahoo, clock: FixedClock, ledger: MemoryLedger) -> Iterator[Yahoo]:
    with Yahoo(clock=clock, ledger=ledger, base_url=yahoo.url, timeout=60.0) as client:
        yield client


def spy(client: Yahoo) -> PriceHistory:
    return client.daily_bars("SPY", "SPY", FIRST, LAST)


def test_it_is_a_provider_of_prices(asking: Yahoo) -> None:
    provider: PriceProvider = asking

    assert provider.name == "yahoo"
    assert BASE_URL == "https://query1.finance.yahoo.com"


def test_a_fund_has_every_session_of_the_exchange(asking: Yahoo) -> None:
    history = spy(asking)

    assert history.bars["session"].to_list() == sessions(FIRST, LAST)
    assert history.actions["session"].to_list() == [date(2026, 3, 16), date(2026, 6, 15), date(2026, 9, 15)]
    assert (history.bars["adjusted_close_usd"] <= history.bars["close_usd"]).all()
    # No dividend came after the last session: both closes are the same there.
    assert history.bars["adjusted_close_usd"][-1] == history.bars["close_usd"][-1]


def test_a_coin_has_every_day(asking: Yahoo) -> None:
    bars = asking.daily_bars("BTC", "BTC-USD", date(2026, 9, 1), date(2026, 9, 30)).bars

    # Now is 04:00 UTC on the 18th.
    assert bars["session"].to_list() == [date(2026, 9, day) for day in range(1, 18)]
    assert set(bars["volume_unit"]) == {"usd"}
    assert set(bars["symbol"]) == {"BTC"}
    assert (bars["volume"] > 1e9).all()


def test_the_present_is_asked_for_whatever_the_end(asking: Yahoo, yahoo: FakeYahoo, clock: FixedClock) -> None:
    clock.set(datetime(2026, 9, 25, 4, 0, tzinfo=UTC))

    history = asking.daily_bars("QQQ", "QQQ", date(2026, 8, 3), date(2026, 8, 31))

    request = yahoo.exchanges[0].request
    assert request.params["interval"] == "1d"
    assert request.params["events"] == "div,splits"
    assert datetime.fromtimestamp(int(request.params["period1"]), UTC).date() == date(2026, 8, 2)
    assert datetime.fromtimestamp(int(request.params["period2"]), UTC).date() == date(2026, 9, 26)
    assert history.bars["session"].max() == date(2026, 8, 31)
    # The closes are adjusted for a split that came after the span; without it nobody could tell.
    assert history.actions.filter(action="split").select("session", "value").rows() == [(SPLIT_DAY, 10.0)]


def test_it_calls_itself_a_browser(asking: Yahoo, yahoo: FakeYahoo) -> None:
    spy(asking)

    assert yahoo.exchanges[0].request.headers["user-agent"].startswith("Mozilla/5.0 ")
    assert yahoo.calls() == 1


def test_a_symbol_is_encoded_into_the_address(asking: Yahoo, yahoo: FakeYahoo) -> None:
    with pytest.raises(NotFoundError):
        asking.daily_bars("X", "^A/B?c", FIRST, LAST)

    assert yahoo.exchanges[0].request.path == "/v8/finance/chart/%5EA%2FB%3Fc"


def test_a_split_changes_the_whole_history_and_what_was_traded_stays(
    asking: Yahoo, yahoo: FakeYahoo, clock: FixedClock
) -> None:
    before = asking.daily_bars("QQQ", "QQQ", FIRST, LAST)
    # The split takes effect on Monday; it is Tuesday there.
    clock.set(datetime(2026, 9, 22, 5, 0, tzinfo=UTC))
    after = asking.daily_bars("QQQ", "QQQ", FIRST, LAST)

    assert before.actions.filter(action="split").is_empty()
    assert after.actions.filter(action="split").select("session", "value").rows() == [(SPLIT_DAY, 10.0)]
    both = before.bars.join(after.bars, on="session", suffix="_after")
    assert both.height == before.bars.height
    assert ((both["close_usd"] / both["close_usd_after"] / 10 - 1).abs() < 1e-6).all()
    assert ((both["volume_after"] / both["volume"] / 10 - 1).abs() < 1e-6).all()
    # What was on the tape: in cents, times 1 before the split was known, times 10 after.
    days = both["session"].to_list()
    tape = pl.Series(as_traded(BY_SYMBOL["QQQ"], days, [BY_SYMBOL["QQQ"].ends_at(day) for day in days]))
    assert ((both["close_usd"] / tape - 1).abs() < 1e-6).all()
    assert ((both["close_usd_after"] * 10 / tape - 1).abs() < 1e-6).all()
    assert yahoo.calls() == 2


@pytest.mark.slow
@pytest.mark.parametrize("symbol", ["QQQ", "SLV", "SPY"])
def test_what_was_on_the_tape_is_rebuilt_from_any_span(asking: Yahoo, clock: FixedClock, symbol: str) -> None:
    clock.set(datetime(2026, 9, 22, 5, 0, tzinfo=UTC))
    asset = BY_SYMBOL[symbol]

    # SLV was split 1:4 in 2022 and 3:2 in 2024, QQQ 10:1 the day before: none, one or both within the span.
    for end in (date(2022, 3, 1), date(2023, 3, 1), date(2026, 9, 21)):
        history = asking.daily_bars(symbol, symbol, date(2021, 1, 4), end)
        days = history.bars["session"].to_list()
        tape = pl.Series(as_traded(asset, days, [asset.ends_at(day) for day in days]))
        rebuilt = unadjusted_close(history.bars, history.actions)["as_traded_close_usd"]
        assert days[-1] == end
        assert ((rebuilt / tape - 1).abs() < 1e-6).all()


def test_the_session_of_the_split_itself_is_in_new_shares(asking: Yahoo, clock: FixedClock) -> None:
    clock.set(datetime(2026, 9, 22, 5, 0, tzinfo=UTC))

    closes = asking.daily_bars("QQQ", "QQQ", date(2026, 9, 17), date(2026, 9, 21)).bars["close_usd"].to_list()

    assert len(closes) == 3
    assert max(closes) / min(closes) < 1.2


@pytest.mark.slow
def test_the_open_session_is_left_out_and_comes_when_it_is_over(asking: Yahoo, clock: FixedClock) -> None:
    newest = []
    # Friday the 18th: before the open, in the session, at its last trade, and when it is settled.
    for hour, minute in [(13, 29), (17, 0), (20, 14), (20, 15)]:
        clock.set(datetime(2026, 9, 18, hour, minute, tzinfo=UTC))
        newest.append(asking.daily_bars("SPY", "SPY", FIRST, date(2026, 12, 31)).bars["session"][-1].day)

    assert newest == [17, 17, 17, 18]


def test_what_a_session_closed_at_does_not_change_the_day_after(asking: Yahoo, clock: FixedClock) -> None:
    clock.set(datetime(2026, 9, 18, 20, 30, tzinfo=UTC))
    that_evening = asking.daily_bars("SPY", "SPY", FIRST, date(2026, 9, 18)).bars
    clock.set(datetime(2026, 9, 19, 20, 30, tzinfo=UTC))

    assert asking.daily_bars("SPY", "SPY", FIRST, date(2026, 9, 18)).bars.equals(that_evening)


@pytest.mark.parametrize("hour", [17, 21])
def test_a_session_that_comes_twice_is_kept_once(yahoo: FakeYahoo, asking: Yahoo, clock: FixedClock, hour: int) -> None:
    yahoo.is_repeated = True
    clock.set(datetime(2026, 9, 18, hour, tzinfo=UTC))

    for symbol in ("SPY", "BTC-USD"):
        bars = asking.daily_bars(symbol, symbol, date(2026, 9, 1), date(2026, 9, 30)).bars
        assert bars["session"].is_unique().all()


def test_sessions_that_come_empty_are_left_out(asking: Yahoo) -> None:
    bars = asking.daily_bars("IWM", "IWM", date(2020, 1, 2), LAST).bars

    everyone = sessions(date(2020, 1, 2), LAST)
    assert 0.98 * len(everyone) < bars.height < len(everyone)
    assert bars["volume"].null_count() > 0
    assert bars["close_usd"].null_count() == 0


def test_half_days_are_sessions(asking: Yahoo) -> None:
    bars = asking.daily_bars("SPY", "SPY", date(2025, 11, 1), date(2025, 12, 31)).bars

    half = bars.filter(pl.col("session").is_in([date(2025, 11, 28), date(2025, 12, 24)]))
    assert half.height == 2
    assert all(is_half_day(day) for day in half["session"])
    assert half["volume"].max() < bars["volume"].median()  # type: ignore[operator]


def test_a_span_before_the_listing_or_over_a_weekend_holds_nothing(asking: Yahoo, ledger: MemoryLedger) -> None:
    weekend = asking.daily_bars("SPY", "SPY", date(2026, 9, 12), date(2026, 9, 13))
    later = asking.daily_bars("SPY", "SPY", date(2026, 9, 19), date(2026, 9, 20))

    assert weekend.bars.is_empty()
    assert later.bars.is_empty()
    assert later.actions.is_empty()
    assert [call.outcome for call in ledger.calls] == ["ok", "ok"]


def test_an_unknown_symbol_is_not_found_and_not_asked_again(asking: Yahoo, yahoo: FakeYahoo) -> None:
    with pytest.raises(NotFoundError, match="chart/SPYX: HTTP 404, Not Found: No data found, symbol may be delisted"):
        asking.daily_bars("SPY", "SPYX", FIRST, LAST)

    assert yahoo.calls() == 1


def test_an_unknown_symbol_that_is_answered_with_a_shell_is_not_found(asking: Yahoo, yahoo: FakeYahoo) -> None:
    yahoo.shells = {"SPYX"}

    with pytest.raises(NotFoundError, match="the service does not know SPYX"):
        asking.daily_bars("SPY", "SPYX", FIRST, LAST)

    assert yahoo.calls() == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.json_error(404, UNKNOWN), NotFoundError),
        (faults.json_error(200, UNKNOWN), NotFoundError),
        (faults.json_error(400, error_body("Bad Request", "Invalid input")), PermanentProviderError),
        (faults.json_error(200, error_body("Bad Request", "Invalid input")), PermanentProviderError),
        (faults.json_error(422, error_body("Unprocessable Entity", "No interval")), PermanentProviderError),
        (
            faults.json_error(401, {"finance": {"result": None, "error": {"code": "Unauthorized", "description": ""}}}),
            PermanentProviderError,
        ),
        (faults.html(403), UnexpectedResponseError),
        (faults.redirect("https://consent.example/"), UnexpectedResponseError),
    ],
    ids=["404", "404 under 200", "400", "400 under 200", "422", "401", "403", "302"],
)
def test_a_refusal_is_not_asked_again(
    asking: Yahoo, yahoo: FakeYahoo, fault: faults.Fault, kind: type[ProviderError]
) -> None:
    yahoo.script(CHART, fault)

    with pytest.raises(ProviderError) as refusal:
        spy(asking)

    assert type(refusal.value) is kind
    assert not isinstance(refusal.value, PlanLimitError)
    assert yahoo.calls() == 1


def test_status_999_is_not_asked_again_and_says_what_to_do(clock: FixedClock, ledger: MemoryLedger) -> None:
    denied = httpx.MockTransport(lambda _: httpx.Response(999, text="<html><title>Yahoo</title></html>"))

    with (
        Yahoo(clock=clock, ledger=ledger, transport=denied) as client,
        pytest.raises(PermanentProviderError, match=r"HTTP 999.*another price provider"),
    ):
        spy(client)

    assert len(ledger.calls) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoilt",
    [
        (CONSENT, faults.plain_text(429, TOO_MANY), faults.truncated(), faults.cut_off()),
        (
            faults.reset(),
            faults.empty(),
            faults.json_error(500, error_body("Internal Server Error", "oops")),
            faults.json_error(200, error_body("internal-error", "try again")),
        ),
    ],
    ids=["pages and cuts", "errors"],
)
def test_what_may_pass_is_asked_again_until_it_is_answered(
    asking: Yahoo, yahoo: FakeYahoo, spoilt: tuple[faults.Fault, ...]
) -> None:
    yahoo.script(CHART, *spoilt)

    assert spy(asking).bars.height == len(sessions(FIRST, LAST))
    assert yahoo.calls() == len(spoilt) + 1


@pytest.mark.slow
def test_a_service_that_keeps_saying_too_often_is_given_up(asking: Yahoo, yahoo: FakeYahoo, clock: FixedClock) -> None:
    yahoo.script(CHART, *[faults.plain_text(429, TOO_MANY)] * 30)

    with pytest.raises(TransientProviderError, match=r"HTTP 429, Too Many Requests.*given up after"):
        spy(asking)

    assert clock.now() - START <= timedelta(minutes=3)


@pytest.mark.slow
def test_a_page_instead_of_data_is_a_bad_answer(asking: Yahoo, yahoo: FakeYahoo) -> None:
    yahoo.script(CHART, *[CONSENT] * 30)

    with pytest.raises(BadResponseError, match="an HTML page"):
        spy(asking)


def test_another_shape_is_a_bad_answer_that_is_not_asked_again(asking: Yahoo, yahoo: FakeYahoo) -> None:
    yahoo.script(CHART, faults.json_error(200, {"chart": {"result": [], "error": None}}))

    with pytest.raises(
        UnexpectedResponseError, match=r"/v8/finance/chart/SPY: a response of an unexpected shape: `chart.result`"
    ):
        spy(asking)

    assert yahoo.calls() == 1


def test_every_attempt_is_on_record_under_its_endpoint(asking: Yahoo, yahoo: FakeYahoo, ledger: MemoryLedger) -> None:
    yahoo.script(CHART, faults.html(503))

    spy(asking)

    assert [(call.provider, call.endpoint, call.outcome) for call in ledger.calls] == [
        ("yahoo", CHART, "retry"),
        ("yahoo", CHART, "ok"),
    ]


@pytest.mark.slow
def test_calls_are_rate_limited(
    monkeypatch: pytest.MonkeyPatch, yahoo: FakeYahoo, clock: FixedClock, ledger: MemoryLedger
) -> None:
    monkeypatch.setattr(Yahoo, "calls_per_minute", 5)
    with Yahoo(clock=clock, ledger=ledger, base_url=yahoo.url) as client:
        for _ in range(11):
            client.daily_bars("IBIT", "IBIT", FIRST, LAST)

    assert clock.now() - START >= timedelta(minutes=2)
