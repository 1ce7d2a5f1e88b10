"""What makes the fake's exchanges worth trusting: every endpoint tells the same story at every time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes.coingecko import errors
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.conftest import Get
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.market import to_ms
from marketflows_pipeline_tests.fakes.price_paths import DAY_MS, HOUR_MS
from marketflows_pipeline_tests.fakes.venues import TEN_MINUTES_MS, FakeVenue, Venues, generate_venues

Rows = list[dict[str, Any]]
NULLABLE = {"year_established", "country", "trust_score", "trust_score_rank", "trade_volume_24h_btc"}


def listing(get: Get) -> Rows:
    rows: Rows = []
    for page in range(1, 10):
        status, more = get("/exchanges", per_page=250, page=page)
        assert status == 200
        rows += more
    return rows


def chart(get: Get, exchange: str, days: int) -> list[list[Any]]:
    status, points = get(f"/exchanges/{exchange}/volume_chart", days=days)
    assert status == 200
    assert isinstance(points, list)
    return points


def test_the_same_seed_makes_the_same_exchanges() -> None:
    assert generate_venues(80, 3).venues == generate_venues(80, 3).venues
    assert generate_venues(80, 3).venues != generate_venues(80, 4).venues


def test_pages_are_cut_at_250_and_100_without_being_asked(get: Get) -> None:
    assert len(get("/exchanges", per_page=1000)[1]) == 250
    assert len(get("/exchanges", per_page=0)[1]) == 1
    assert len(get("/exchanges")[1]) == 100
    assert 0 < len(get("/exchanges", per_page=250, page=3)[1]) < 250
    assert get("/exchanges", per_page=250, page=4) == (200, [])


@pytest.mark.slow
def test_there_are_over_600_of_both_kinds_each_once(get: Get) -> None:
    rows = listing(get)
    kinds = {get(f"/exchanges/{row['id']}")[1]["centralized"] for row in rows[::60]}

    assert len(rows) > 600
    assert len({row["id"] for row in rows}) == len(rows)
    assert kinds == {True, False}
    names = {row["id"]: row["name"] for row in rows}
    assert [names[id_] for id_ in ("gdax", "okex", "bybit_spot", "huobi")] == [
        "Coinbase Exchange",
        "OKX",
        "Bybit",
        "HTX",
    ]


def test_pages_may_overlap(service: FakeCoinGecko, get: Get) -> None:
    service.exchange_endpoints.page_overlap = 2

    first, second = (get("/exchanges", per_page=250, page=page)[1] for page in (1, 2))

    assert [row["id"] for row in second[:2]] == [row["id"] for row in first[-2:]]


def test_those_of_highest_trust_come_first_and_those_without_last(get: Get) -> None:
    rows = listing(get)

    ranks = [row["trust_score_rank"] for row in rows]
    trusted = [row for row in rows if row["trust_score_rank"] is not None]
    assert ranks == [*range(1, len(trusted) + 1), *[None] * (len(rows) - len(trusted))]
    assert trusted == rows[: len(trusted)]
    scores = [row["trust_score"] for row in trusted]
    assert scores == sorted(scores, reverse=True)


def test_every_field_that_may_be_null_is_null_somewhere_and_a_value_elsewhere(get: Get) -> None:
    rows = listing(get)

    assert {key for row in rows for key, value in row.items() if value is None} == NULLABLE
    assert all(any(row[key] is not None for row in rows) for key in NULLABLE)
    assert {row["description"] == "" for row in rows} == {True, False}
    assert any(row["url"] == "" for row in rows)


@pytest.mark.parametrize("minutes", [0, 3, 55, 61])
def test_the_figure_of_the_list_is_the_newest_point_of_the_chart(get: Get, clock: FixedClock, minutes: int) -> None:
    clock.sleep(60 * minutes)
    figures = {row["id"]: row["trade_volume_24h_btc"] for row in listing(get)}

    for exchange in ("binance", "gdax", "uniswap_v3", "swap-458"):
        ms, volume = chart(get, exchange, 1)[-1]
        assert float(volume) == figures[exchange]
        assert to_ms(clock.now()) - TEN_MINUTES_MS < ms <= to_ms(clock.now())


def test_one_exchange_says_what_its_row_says_but_for_the_id(get: Get) -> None:
    (row,) = [row for row in listing(get) if row["id"] == "okex"]
    status, detail = get("/exchanges/okex")

    assert status == 200
    assert "id" not in detail
    assert {**row, **detail} == {"id": "okex", **detail}
    assert detail["centralized"] is True
    assert get("/exchanges/uniswap_v3")[1]["centralized"] is False


@pytest.mark.parametrize(
    ("days", "step_ms", "n_points"),
    [
        (1, TEN_MINUTES_MS, 145),
        (7, HOUR_MS, 168),
        (14, HOUR_MS, 336),
        (30, DAY_MS, 30),
        (90, DAY_MS, 90),
        (180, DAY_MS, 180),
        (365, DAY_MS, 365),
    ],
)
def test_days_decide_the_step_and_above_one_day_points_are_at_ten_to_the_hour(
    get: Get, days: int, step_ms: int, n_points: int
) -> None:
    points = chart(get, "kraken", days)

    times = [ms for ms, _ in points]
    assert len(times) == n_points
    assert {later - earlier for earlier, later in pairwise(times)} == {step_ms}
    assert to_ms(START) - days * DAY_MS <= times[0]
    assert times[-1] == to_ms(START - timedelta(minutes=0 if days == 1 else 10))
    assert all(isinstance(ms, int) and isinstance(volume, str) for ms, volume in points)


def test_charts_of_every_step_agree_where_their_times_do(get: Get) -> None:
    fine, hourly, daily = (dict(map(tuple, chart(get, "gdax", days))) for days in (1, 14, 365))

    assert len(fine.keys() & hourly.keys()) == 24
    assert len(hourly.keys() & daily.keys()) == 14
    assert all(fine[ms] == hourly[ms] for ms in fine.keys() & hourly.keys())
    assert all(hourly[ms] == daily[ms] for ms in hourly.keys() & daily.keys())


def test_history_does_not_change_as_time_goes_on(get: Get, clock: FixedClock) -> None:
    before = dict(map(tuple, chart(get, "gdax", 90)))
    clock.sleep(86_400)
    after = dict(map(tuple, chart(get, "gdax", 90)))

    assert len(after.keys() - before.keys()) == len(before.keys() - after.keys()) == 1
    assert all(after[ms] == volume for ms, volume in before.items() if ms in after)


def test_figures_are_rolling_sums_so_that_neighbours_are_close_and_days_are_not(get: Get) -> None:
    hourly = [float(volume) for _, volume in chart(get, "bitstamp", 14)]
    daily = [float(volume) for _, volume in chart(get, "bitstamp", 365)]

    assert max(abs(b / a - 1) for a, b in pairwise(hourly)) < 0.05
    assert max(abs(b / a - 1) for a, b in pairwise(daily)) > 0.15


def test_times_can_be_sent_as_floats(service: FakeCoinGecko, get: Get) -> None:
    whole = chart(get, "gdax", 30)
    service.exchange_endpoints.has_float_stamps = True
    floats = chart(get, "gdax", 30)

    assert floats == whole
    assert {type(ms) for ms, _ in floats} == {float}


def test_a_market_of_derivatives_has_a_chart_and_is_in_no_list(get: Get) -> None:
    assert chart(get, "bitmex", 7) != chart(get, "bitmex_spot", 7)
    assert not {"bitmex", "deribit", "binance_futures"} & {row["id"] for row in listing(get)}
    assert get("/exchanges/bitmex") == (404, errors.EXCHANGE_NOT_FOUND)


@pytest.mark.slow
def test_a_point_without_a_value_is_null_and_so_is_the_figure_of_that_time(get: Get) -> None:
    assert {volume for _, volume in chart(get, "swap-157", 7)} == {None}
    flawed = {volume is None for row in listing(get)[60::20] for _, volume in chart(get, row["id"], 365)}
    assert flawed == {True, False}


@pytest.mark.slow
def test_exchanges_come_and_go_with_time(get: Get, clock: FixedClock) -> None:
    before = {row["id"] for row in listing(get)}
    clock.sleep(60 * 86_400)
    after = {row["id"] for row in listing(get)}

    gone, new = before - after, after - before
    assert gone
    assert new
    assert get(f"/exchanges/{min(gone)}/volume_chart", days=30) == (404, errors.EXCHANGE_NOT_FOUND)
    assert chart(get, min(new), 90)[0][0] > to_ms(START)


def test_in_the_hours_after_an_exchange_opens_its_day_fills_up() -> None:
    opened_ms = to_ms(START)
    venues = Venues([FakeVenue("new", "New", 240.0, seed=1, volatility=0, opened_at_ms=opened_ms)])

    times, volumes = venues.chart("new", opened_ms + HOUR_MS * np.array([-1, 0, 11, 23, 47]))

    # The first hour, the first twelve, a whole day, and another one; the mood of all markets moves them a little.
    assert times == [opened_ms + HOUR_MS * hours for hours in (0, 11, 23, 47)]
    first, half, whole, another = (volume or 0 for volume in volumes)
    assert half / first == pytest.approx(12, rel=0.1)
    assert whole / first == pytest.approx(24, rel=0.1)
    assert another / whole == pytest.approx(1, rel=0.1)


@pytest.mark.slow
def test_an_exchange_can_be_dropped_at_a_time_of_ones_choice(
    service: FakeCoinGecko, get: Get, clock: FixedClock
) -> None:
    service.exchange_endpoints.venues.close("bitkub", to_ms(START + timedelta(hours=1)))
    assert "bitkub" in {row["id"] for row in listing(get)}

    clock.sleep(3600)

    assert "bitkub" not in {row["id"] for row in listing(get)}
    assert get("/exchanges/bitkub/volume_chart", days=1)[0] == 404


def trending(get: Get) -> dict[str, Rows]:
    status, body = get("/search/trending")
    assert status == 200
    assert isinstance(body, dict)
    return body


def test_trending_are_fifteen_coins_of_the_market_with_its_figures(get: Get) -> None:
    items = [coin["item"] for coin in trending(get)["coins"]]
    ids = ",".join(item["id"] for item in items)
    rows = {
        row["id"]: row
        for row in get("/coins/markets", vs_currency="usd", ids=ids, include_rehypothecated="true", per_page=250)[1]
    }

    assert [item["score"] for item in items] == list(range(15))
    assert len(rows) == 15
    checked = [item for item in items if "data" in item and rows[item["id"]]["market_cap"]]
    assert len(checked) > 8
    for item in checked:
        row, data = rows[item["id"]], item["data"]
        assert item["market_cap_rank"] == row["market_cap_rank"]
        assert data["price"] == row["current_price"]
        assert data["market_cap"] == f"${row['market_cap']:,.0f}"
        assert data["total_volume"] == f"${row['total_volume']:,.0f}"
        assert data["price_change_percentage_24h"]["usd"] == row["price_change_percentage_24h"]


def test_a_trending_coin_has_no_rank(get: Get) -> None:
    ranks = [coin["item"]["market_cap_rank"] for coin in trending(get)["coins"]]

    assert ranks[-1] is None
    assert None not in ranks[:-1]


def test_interest_changes_with_the_hours_and_not_with_the_minutes(get: Get, clock: FixedClock) -> None:
    seen = []
    for minutes in (0, 10, 360):
        clock.set(START + timedelta(minutes=minutes))
        seen.append([coin["item"]["id"] for coin in trending(get)["coins"]])

    assert seen[0] == seen[1] != seen[2]


def test_beside_coins_there_are_nfts_and_categories_with_counts_as_text(get: Get) -> None:
    body = trending(get)

    assert (len(body["nfts"]), len(body["categories"])) == (7, 6)
    (category,) = [row for row in body["categories"] if row["slug"] == "stablecoins"]
    (row,) = [row for row in get("/coins/categories")[1] if row["id"] == "stablecoins"]
    assert category["data"]["market_cap"] == row["market_cap"]
    members = get("/coins/markets", vs_currency="usd", category="stablecoins", per_page=250)[1]
    assert category["coins_count"] == str(len(members))


def test_the_wrapped_tokens_are_seen_where_they_are_asked_for(get: Get) -> None:
    page = {"vs_currency": "usd", "category": "wrapped-tokens"}

    assert get("/coins/markets", **page) == (200, [])
    rows = get("/coins/markets", **page, include_rehypothecated="true")[1]
    assert {row["id"] for row in rows} == {"wrapped-bitcoin", "weth"}
    assert "wrapped-tokens" in {row["category_id"] for row in get("/coins/categories/list")[1]}


def test_ten_to_the_hour_is_that_of_the_hour_before_until_it_comes(get: Get, clock: FixedClock) -> None:
    ends = []
    for minute in (49, 50):
        clock.set(datetime(2026, 9, 18, 4, minute, tzinfo=UTC))
        ends.append(chart(get, "gdax", 30)[-1][0])

    assert ends == [to_ms(datetime(2026, 9, 18, hour, 50, tzinfo=UTC)) for hour in (3, 4)]
