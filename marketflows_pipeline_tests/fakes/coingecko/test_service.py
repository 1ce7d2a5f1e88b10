"""What makes the fake worth trusting: it is coherent, and wrong only where the real one is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes.coingecko import errors
from marketflows_pipeline_tests.fakes.conftest import Get
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.fakes.market import to_ms
from marketflows_pipeline_tests.fakes.price_paths import DAY_MS, HOUR_MS

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


@pytest.mark.slow
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
