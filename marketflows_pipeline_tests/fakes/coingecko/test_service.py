"""What makes the fake worth trusting: it is coherent, and wrong only where the real one is."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coingecko import errors
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY, PRO_KEY, Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.conftest import Get
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.fakes.market import Market, to_ms
from marketflows_pipeline_tests.fakes.price_paths import DAY_MS, HOUR_MS
from marketflows_pipeline_tests.fakes.server import SteeredClock

KEY = {"x-cg-demo-api-key": DEMO_KEY}
Rows = list[dict[str, Any]]


def markets(get: Get, **params: Any) -> Rows:
    status, rows = get("/coins/markets", vs_currency="usd", **({"per_page": 250} | params))
    assert status == 200
    assert isinstance(rows, list)
    return rows


def chart(get: Get, coin: str, **params: Any) -> dict[str, list[list[Any]]]:
    status, body = get(f"/coins/{coin}/market_chart", vs_currency="usd", **params)
    assert status == 200
    assert isinstance(body, dict)
    return body


def stamps(points: list[list[Any]]) -> list[int]:
    return [point[0] for point in points]


def test_the_same_seed_makes_the_same_market() -> None:
    assert generate(60, 3).coins == generate(60, 3).coins
    assert generate(60, 3).coins != generate(60, 4).coins


def test_cap_is_price_times_supply_to_the_cent(get: Get) -> None:
    rows = [row for row in markets(get) if row["market_cap"] and row["current_price"] and row["market_cap"] > 0]

    assert len(rows) > 200
    for row in rows:
        assert row["market_cap"] == pytest.approx(row["current_price"] * row["circulating_supply"], abs=0.01)


def test_a_row_of_markets_is_the_last_point_of_the_chart(get: Get) -> None:
    for row in markets(get, per_page=20):
        if row["last_updated"] is not None:
            body = chart(get, row["id"], days=30)
            last = body["market_caps"][-1]
            assert last == [to_ms(datetime.fromisoformat(row["last_updated"])), row["market_cap"]]


def test_charts_of_every_granularity_agree_where_their_stamps_do(get: Get) -> None:
    daily = dict(chart(get, "solana", days=365, interval="daily")["prices"])
    weekly = dict(chart(get, "solana", days=7, interval="daily")["prices"])

    assert len(weekly) == 8
    assert weekly.items() <= daily.items()


def test_history_does_not_change_as_time_goes_on(get: Get, clock: FixedClock) -> None:
    before = dict(chart(get, "solana", days=90)["market_caps"][:-1])
    clock.sleep(3600)
    after = dict(chart(get, "solana", days=90)["market_caps"][:-1])

    assert after.keys() - before.keys()
    assert all(after[ts] == cap for ts, cap in before.items() if ts in after)


def test_a_year_is_365_midnights_and_the_present(get: Get) -> None:
    ts = stamps(chart(get, "bitcoin", days=365)["market_caps"])

    assert len(ts) == 366
    assert all(stamp % DAY_MS == 0 for stamp in ts[:-1])
    assert ts[0] == to_ms(datetime(2025, 9, 19, tzinfo=UTC))
    assert ts[-1] % DAY_MS != 0


def test_todays_midnight_is_missing_until_ten_past(get: Get, clock: FixedClock) -> None:
    clock.set(datetime(2026, 9, 18, 0, 9, 59, tzinfo=UTC))
    assert stamps(chart(get, "bitcoin", days=91)["prices"])[-2] == to_ms(datetime(2026, 9, 17, tzinfo=UTC))
    clock.set(datetime(2026, 9, 18, 0, 10, tzinfo=UTC))
    assert stamps(chart(get, "bitcoin", days=91)["prices"])[-2] == to_ms(datetime(2026, 9, 18, tzinfo=UTC))


@pytest.mark.parametrize(
    ("params", "step_ms"),
    [
        ({"days": 1}, 300_000),
        ({"days": 2}, HOUR_MS),
        ({"days": 90}, HOUR_MS),
        ({"days": 91}, DAY_MS),
        ({"days": 100, "interval": "hourly"}, HOUR_MS),
        ({"days": 7, "interval": "daily"}, DAY_MS),
    ],
)
def test_days_and_interval_decide_the_step(get: Get, params: dict[str, Any], step_ms: int) -> None:
    ts = stamps(chart(get, "bitcoin", **params)["prices"])[:-1]

    jumps = [later - earlier for earlier, later in pairwise(ts)]
    assert all(abs(jump - step_ms) <= 120_000 for jump in jumps)
    assert all(stamp % step_ms == 0 for stamp in ts) == (step_ms == DAY_MS)


def test_a_range_overshoots_by_one_bucket(get: Get) -> None:
    start, end = to_ms(START) // 1000 - 40 * 86400, to_ms(START) // 1000 - 10 * 86400

    status, body = get("/coins/bitcoin/market_chart/range", vs_currency="usd", **{"from": start, "to": end})

    assert status == 200
    ts = stamps(body["prices"])
    assert ts[0] >= start * 1000 - 120_000
    assert end * 1000 < ts[-1] <= end * 1000 + HOUR_MS + 120_000


def test_a_range_has_todays_midnight_25_minutes_later_than_a_chart(get: Get, clock: FixedClock) -> None:
    midnight = datetime(2026, 9, 18, tzinfo=UTC)
    window = {"from": to_ms(midnight) // 1000 - 100 * 86400, "to": to_ms(midnight) // 1000 + 3600}
    ends = []
    for minute in (34, 35):
        clock.set(midnight + timedelta(minutes=minute))
        ends.append(stamps(get("/coins/bitcoin/market_chart/range", vs_currency="usd", **window)[1]["prices"])[-1])

    assert ends == [to_ms(midnight) - DAY_MS, to_ms(midnight)]


def test_two_ranges_that_touch_share_the_points_at_the_boundary(get: Get) -> None:
    start = to_ms(START) // 1000 - 200 * 86400
    middle, end = start + 95 * 86400, start + 190 * 86400

    first = get("/coins/bitcoin/market_chart/range", vs_currency="usd", **{"from": start, "to": middle})[1]
    second = get("/coins/bitcoin/market_chart/range", vs_currency="usd", **{"from": middle, "to": end})[1]

    shared = set(stamps(first["prices"])) & set(stamps(second["prices"]))
    assert 1 <= len(shared) <= 2


def test_the_flaws_of_the_real_one_are_there(get: Get) -> None:
    body = chart(get, "ethereum", days=90)
    values = [cap for _, cap in body["market_caps"]]
    assert None in values
    assert {0.0, -1.0} <= set(values)

    gappy = stamps(chart(get, "ripple", days=90)["market_caps"])
    assert any(later - earlier > 1.9 * HOUR_MS for earlier, later in pairwise(gappy))

    uneven = chart(get, "tether", days=30)
    assert len({len(points) for points in uneven.values()}) > 1


def test_pages_are_cut_at_250_and_100_without_being_asked(get: Get) -> None:
    assert len(markets(get, per_page=1000)) == 250
    assert len(markets(get, per_page=0)) == 1
    assert len(get("/coins/markets", vs_currency="usd")[1]) == 100
    assert len(markets(get, page=2)) == 50
    assert markets(get, page=3) == []


def test_caps_fall_and_nulls_come_last(get: Get) -> None:
    rows = markets(get) + markets(get, page=2)

    caps = [row["market_cap"] for row in rows]
    known = [cap for cap in caps if cap is not None]
    assert known == sorted(known, reverse=True)
    assert caps == known + [None] * (len(caps) - len(known))
    assert caps[-1] is None
    assert 0 in known
    assert [row["market_cap_rank"] for row in rows[:5]] == [1, 2, 3, 4, 5]


def test_category_goes_before_ids_and_ids_before_names(get: Get) -> None:
    stable = {row["id"] for row in markets(get, category="stablecoins")}

    assert "bitcoin" not in stable
    assert {row["id"] for row in markets(get, category="stablecoins", ids="bitcoin")} == stable
    assert [row["id"] for row in markets(get, ids="bitcoin", names="Ethereum")] == ["bitcoin"]
    assert [row["id"] for row in markets(get, names="Ethereum", symbols="btc")] == ["ethereum"]
    assert [row["id"] for row in markets(get, symbols="btc")] == ["bitcoin"]


def test_unknown_ids_are_missing_without_a_word(get: Get) -> None:
    assert [row["id"] for row in markets(get, ids="no-such-coin,bitcoin")] == ["bitcoin"]


def test_wrapped_coins_are_hidden_unless_asked_for_even_by_id(get: Get) -> None:
    assert markets(get, ids="weth") == []
    (row,) = markets(get, ids="weth", include_rehypothecated="true")
    assert row["market_cap_rank"] is None
    assert row["market_cap_rank_with_rehypothecated"] > 0


def test_orders(get: Get) -> None:
    assert [row["id"] for row in markets(get, order="id_asc", per_page=2)] == ["aave", "academy token"]
    down = [row["id"] for row in markets(get, order="market_cap_desc", per_page=2)]
    assert down == ["bitcoin", "ethereum"]
    assert markets(get, order="market_cap_asc", per_page=1)[0]["market_cap"] is None
    volumes = [row["total_volume"] or 0 for row in markets(get, order="volume_desc", ids="bitcoin,solana,aave")]
    assert volumes == sorted(volumes, reverse=True)


def test_changes_come_only_where_asked_for_and_not_for_young_coins(get: Get) -> None:
    assert not [key for key in markets(get, per_page=1)[0] if key.endswith("_in_currency")]
    rows = markets(get, price_change_percentage="24h,1y")
    assert {key for key in rows[0] if key.endswith("_in_currency")} == {
        "price_change_percentage_24h_in_currency",
        "price_change_percentage_1y_in_currency",
    }
    assert any(row["price_change_percentage_1y_in_currency"] is None for row in rows)


def test_a_blank_beside_the_currency_gives_caps_of_zero(get: Get) -> None:
    status, rows = get("/coins/markets", vs_currency=" usd", per_page=2)

    assert status == 200
    assert [row["market_cap"] for row in rows] == [0, 0]


def test_figures_lag_the_clock_by_seconds_to_minutes_and_some_by_hours(get: Get) -> None:
    seen = [row["last_updated"] for row in markets(get) if row["last_updated"]]

    lags = [START - datetime.fromisoformat(text) for text in seen]
    assert all(lag >= timedelta(0) for lag in lags)
    assert sum(lag < timedelta(minutes=4) for lag in lags) > 0.9 * len(lags)
    assert max(lags) > timedelta(minutes=30)


def test_coins_come_and_go_with_time(get: Get, clock: FixedClock) -> None:
    before = {row["id"] for row in get("/coins/list")[1]}
    clock.sleep(60 * 86400)
    after = {row["id"] for row in get("/coins/list")[1]}
    gone = {row["id"] for row in get("/coins/list", status="inactive")[1]}

    assert after - before
    assert before - after == gone
    assert get(f"/coins/{min(gone)}/market_chart", vs_currency="usd", days=30) == (404, errors.COIN_NOT_FOUND)
    assert len(chart(get, min(after - before), days=365)["prices"]) < 70


def test_members_of_categories_change_with_time(get: Get, clock: FixedClock) -> None:
    before = [row["id"] for row in markets(get, category="made-in-usa", per_page=10)]
    clock.sleep(40 * 86400)
    after = [row["id"] for row in markets(get, category="made-in-usa", per_page=10)]

    assert set(before) != set(after)


def test_a_category_is_removed_in_time(get: Get, clock: FixedClock) -> None:
    slug = "presale-meme-coins"
    assert slug in {row["category_id"] for row in get("/coins/categories/list")[1]}
    assert markets(get, category=slug) == []
    clock.sleep(11 * 86400)
    assert slug not in {row["category_id"] for row in get("/coins/categories/list")[1]}
    assert get("/coins/markets", vs_currency="usd", category=slug) == (404, errors.CATEGORY_NOT_FOUND)


def test_a_categorys_cap_is_that_of_its_unwrapped_members(get: Get) -> None:
    (row,) = [row for row in get("/coins/categories")[1] if row["id"] == "stablecoins"]
    members = markets(get, category="stablecoins")

    assert row["market_cap"] == pytest.approx(sum(member["market_cap"] or 0 for member in members))
    assert row["top_3_coins_id"] == [member["id"] for member in members[:3]]


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

    with FakeCoinGecko(generate(3), clock=clock, access=access) as service, httpx.Client(headers=KEY) as client:
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


def test_it_runs_on_its_own() -> None:
    module = "marketflows_pipeline_tests.fakes.coingecko.service"
    options = ["--port", "0", "--coins", "5", "--now", "2026-09-18T04:00:00+00:00", "--no-flaws", "--no-churn"]

    with subprocess.Popen([sys.executable, "-m", module, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            rows = httpx.get(f"{url}/coins/markets", params={"vs_currency": "usd"}, headers=KEY, timeout=60).json()
        finally:
            # Not terminate(): in a background job Dagster leaves SIGTERM ignored, and children inherit that.
            process.kill()

    assert [row["id"] for row in rows] == ["bitcoin", "ethereum", "tether", "ripple", "binancecoin"]
