"""What the fake Yahoo promises to those who are tested against it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.settings.universe import DEFAULT_UNIVERSE
from marketflows_pipeline_tests.fakes.command_line import running
from marketflows_pipeline_tests.fakes.markets import ASSETS, as_traded
from marketflows_pipeline_tests.fakes.plain_http import plain_client
from marketflows_pipeline_tests.fakes.us_calendar import (
    closes_at,
    holidays,
    is_half_day,
    is_session,
    new_york,
    opens_at,
    sessions,
)
from marketflows_pipeline_tests.fakes.yahoo.service import DELISTED, TOO_MANY, FakeYahoo

BROWSER = {"user-agent": "Mozilla/5.0 (any)"}
BY_SYMBOL = {asset.symbol: asset for asset in ASSETS}


@pytest.fixture
def yahoo(clock: FixedClock) -> Iterator[FakeYahoo]:
    with FakeYahoo(clock=clock) as running:
        yield running


@pytest.fixture
def web(yahoo: FakeYahoo) -> Iterator[httpx.Client]:
    with plain_client(base_url=yahoo.url, headers=BROWSER, timeout=60.0) as client:
        yield client


def ask(web: httpx.Client, symbol: str, first: date, last: date, **changed: Any) -> httpx.Response:
    periods = {"period1": stamp(first), "period2": stamp(last)}
    params: dict[str, Any] = {"interval": "1d", "events": "div,splits"} | periods | changed
    return web.get(f"/v8/finance/chart/{symbol}", params=params)


def stamp(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def result(web: httpx.Client, symbol: str, first: date, last: date) -> dict[str, Any]:
    body = ask(web, symbol, first, last).json()["chart"]
    assert body["error"] is None
    return dict(body["result"][0])


def close(found: dict[str, Any]) -> list[float | None]:
    return list(found["indicators"]["quote"][0]["close"])


def test_the_holidays_of_a_year_are_those_of_the_exchange() -> None:
    assert holidays(2026) == {
        date(2026, 1, 1),
        date(2026, 1, 19),
        date(2026, 2, 16),
        date(2026, 4, 3),
        date(2026, 5, 25),
        date(2026, 6, 19),
        date(2026, 7, 3),
        date(2026, 9, 7),
        date(2026, 11, 26),
        date(2026, 12, 25),
    }
    # New Year's Day 2022 was a Saturday and gave nobody a day off, and Juneteenth was none in 2021.
    assert is_session(date(2021, 12, 31))
    assert is_session(date(2021, 6, 18))
    assert not is_session(date(2022, 6, 20))
    assert [len(sessions(date(year, 1, 1), date(year, 12, 31))) for year in (2021, 2023, 2024)] == [252, 250, 252]


def test_half_days_end_at_one() -> None:
    assert closes_at(date(2025, 11, 28)).astimezone(new_york()).hour == 13
    assert closes_at(date(2025, 11, 26)).astimezone(new_york()).hour == 16
    assert is_half_day(date(2024, 7, 3))
    assert not is_half_day(date(2026, 7, 3))


def test_the_exchange_opens_an_hour_later_in_utc_in_winter() -> None:
    assert opens_at(date(2026, 3, 6)) == datetime(2026, 3, 6, 14, 30, tzinfo=UTC)
    assert opens_at(date(2026, 3, 9)) == datetime(2026, 3, 9, 13, 30, tzinfo=UTC)


def test_it_has_every_asset_of_the_default_universe() -> None:
    assert {asset.provider_symbol for asset in DEFAULT_UNIVERSE} <= set(BY_SYMBOL)


def test_arrays_are_of_one_length_and_stamps_are_the_opens(web: httpx.Client) -> None:
    found = result(web, "SPY", date(2026, 8, 1), date(2026, 9, 18))

    quote = found["indicators"]["quote"][0]
    lengths = {len(column) for column in [*quote.values(), found["indicators"]["adjclose"][0]["adjclose"]]}
    assert lengths == {len(found["timestamp"])}
    days = sessions(date(2026, 8, 1), date(2026, 9, 17))
    assert found["timestamp"] == [int(opens_at(day).timestamp()) for day in days]
    for low, first, last, high in zip(quote["low"], quote["open"], quote["close"], quote["high"], strict=True):
        assert 0 < low <= min(first, last) <= max(first, last) <= high


@pytest.mark.slow
def test_the_open_session_stands_at_its_last_trade_and_moves(web: httpx.Client, clock: FixedClock) -> None:
    seen = []
    for hour, minute in [(14, 0), (19, 0), (20, 30)]:
        clock.set(datetime(2026, 9, 18, hour, minute, tzinfo=UTC))
        found = result(web, "SPY", date(2026, 9, 17), date(2026, 9, 19))
        seen.append((found["timestamp"][-1], close(found)[-1], found["indicators"]["quote"][0]["volume"][-1]))
    stamps, prices, volumes = zip(*seen, strict=True)

    assert [datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S") for at in stamps] == [
        "14:00:00",
        "19:00:00",
        "20:00:02",
    ]
    assert len(set(prices)) == 3
    assert list(volumes) == sorted(set(volumes))
    clock.set(datetime(2026, 9, 19, 12, tzinfo=UTC))
    settled = result(web, "SPY", date(2026, 9, 17), date(2026, 9, 19))
    assert settled["timestamp"][-1] == int(opens_at(date(2026, 9, 18)).timestamp())
    assert close(settled)[-1] == prices[-1]


def test_the_newest_session_can_come_twice(web: httpx.Client, yahoo: FakeYahoo, clock: FixedClock) -> None:
    yahoo.is_repeated = True
    # Saturday: Friday comes at its open and at its close.
    clock.set(datetime(2026, 9, 19, 12, tzinfo=UTC))

    stamps = result(web, "SPY", date(2026, 9, 17), date(2026, 9, 19))["timestamp"]

    assert [datetime.fromtimestamp(at, UTC).strftime("%d %H:%M") for at in stamps] == [
        "17 13:30",
        "18 13:30",
        "18 20:00",
    ]


def test_a_split_is_listed_and_divides_all_that_came_before(web: httpx.Client, clock: FixedClock) -> None:
    before = result(web, "QQQ", date(2026, 9, 1), date(2026, 9, 18))
    clock.set(datetime(2026, 9, 21, 13, 29, tzinfo=UTC))
    eve = result(web, "QQQ", date(2026, 9, 1), date(2026, 9, 18))
    clock.set(datetime(2026, 9, 21, 13, 31, tzinfo=UTC))
    after = result(web, "QQQ", date(2026, 9, 1), date(2026, 9, 22))

    assert close(before) == close(eve)
    assert len(close(before)) == 12
    assert close(after)[:12] == pytest.approx([price / 10 for price in close(before) if price], rel=1e-6)
    assert "splits" not in before["events"]
    (split,) = after["events"]["splits"].values()
    assert (split["numerator"], split["denominator"], split["splitRatio"]) == (10.0, 1.0, "10:1")
    assert split["date"] == int(opens_at(date(2026, 9, 21)).timestamp())


def test_what_was_on_the_tape_goes_down_tenfold_at_the_split() -> None:
    qqq, days = BY_SYMBOL["QQQ"], [date(2026, 9, 18), date(2026, 9, 21)]

    friday, monday = as_traded(qqq, days, [qqq.ends_at(day) for day in days])

    assert 8 < friday / monday < 12
    assert friday == round(friday, 2)


def test_a_dividend_lowers_the_adjusted_closes_before_it_and_no_other(web: httpx.Client, clock: FixedClock) -> None:
    def adjusted(now: datetime) -> dict[int, float]:
        clock.set(now)
        found = result(web, "SPY", date(2026, 6, 1), date(2026, 7, 1))
        return dict(zip(found["timestamp"], found["indicators"]["adjclose"][0]["adjclose"], strict=True))

    ex_day = int(opens_at(date(2026, 6, 15)).timestamp())
    before, after = adjusted(datetime(2026, 6, 15, 4, tzinfo=UTC)), adjusted(datetime(2026, 7, 1, 4, tzinfo=UTC))

    shares = [after[at] / before[at] for at in before]
    assert max(shares) - min(shares) < 1e-6
    assert 0.996 < shares[0] < 0.998  # 1.2 % a year, a quarter of it
    found = result(web, "SPY", date(2026, 6, 1), date(2026, 7, 1))
    assert [each["date"] for each in found["events"]["dividends"].values()] == [ex_day]
    assert after[ex_day] == close(found)[found["timestamp"].index(ex_day)]


def test_some_assets_have_sessions_without_figures(web: httpx.Client) -> None:
    quote = result(web, "IWM", date(2020, 1, 1), date(2026, 9, 18))["indicators"]["quote"][0]

    empty = [at for at, price in enumerate(quote["close"]) if price is None]
    assert 5 < len(empty) < 40
    assert all(quote[name][at] is None for name in quote for at in empty)
    assert quote["volume"].count(None) > len(empty)


def test_a_coin_has_weekends_and_dollars_and_a_day_that_is_still_open(web: httpx.Client) -> None:
    found = result(web, "BTC-USD", date(2026, 9, 12), date(2026, 9, 19))

    stamps = [datetime.fromtimestamp(at, UTC) for at in found["timestamp"]]
    assert [each.strftime("%d %H:%M") for each in stamps] == [*(f"{day} 00:00" for day in range(12, 18)), "18 04:00"]
    assert found["meta"]["instrumentType"] == "CRYPTOCURRENCY"
    assert found["meta"]["exchangeTimezoneName"] == "UTC"
    assert min(found["indicators"]["quote"][0]["volume"]) > 1e9
    assert "events" not in found


def test_an_unknown_symbol_is_an_error_object_under_404_or_a_shell(web: httpx.Client, yahoo: FakeYahoo) -> None:
    answer = ask(web, "SPYX", date(2026, 9, 1), date(2026, 9, 18))
    assert answer.status_code == 404
    assert answer.json() == {"chart": {"result": None, "error": {"code": "Not Found", "description": DELISTED}}}

    yahoo.shells = {"SPYX"}
    shell = result(web, "SPYX", date(2026, 9, 1), date(2026, 9, 18))
    assert shell["meta"]["currency"] is None
    assert "timestamp" not in shell


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(2026, 9, 12), date(2026, 9, 14), "Data doesn't exist for startDate = "),
        (date(2015, 1, 1), date(2016, 1, 1), "Data doesn't exist for startDate = "),
        (date(2026, 9, 2), date(2026, 9, 1), "Invalid input - start date cannot be after end date"),
    ],
)
def test_a_span_without_sessions_is_an_error_object_under_400(
    web: httpx.Client, first: date, last: date, said: str
) -> None:
    answer = ask(web, "SPY", first, last)

    assert answer.status_code == 400
    assert answer.json()["chart"]["error"]["description"].startswith(said)


def test_another_interval_is_refused(web: httpx.Client) -> None:
    assert ask(web, "SPY", date(2026, 9, 1), date(2026, 9, 18), interval="1x").status_code == 422


def test_events_come_only_where_they_are_asked_for(web: httpx.Client) -> None:
    params: dict[str, Any] = {"interval": "1d", "period1": stamp(date(2026, 9, 1)), "period2": stamp(date(2026, 9, 18))}

    assert "events" not in web.get("/v8/finance/chart/SPY", params=params).json()["chart"]["result"][0]


def test_a_program_that_calls_itself_one_asks_too_often(yahoo: FakeYahoo) -> None:
    answer = httpx.get(f"{yahoo.url}/v8/finance/chart/SPY", params={"interval": "1d"})

    assert (answer.status_code, answer.text) == (429, TOO_MANY)


@pytest.mark.slow
def test_it_runs_as_a_program() -> None:
    with running("yahoo") as url, plain_client(base_url=url, headers=BROWSER) as client:
        assert len(result(client, "SPY", date(2026, 9, 14), date(2026, 9, 30))["timestamp"]) == 4
        client.post("/__clock", json={"advance_seconds": 86_400})
        assert len(result(client, "SPY", date(2026, 9, 14), date(2026, 9, 30))["timestamp"]) == 5
