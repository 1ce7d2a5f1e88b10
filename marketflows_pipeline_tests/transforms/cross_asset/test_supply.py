from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from math import inf, nan

import polars as pl
import pytest

from marketflows_pipeline.transforms.cross_asset.supply import daily_supply, supply_by_coin
from marketflows_pipeline_tests.transforms.cross_asset.frames import rows_of

DAY = date(2026, 3, 2)


def observed(*rows: tuple[datetime, float | None, float | None]) -> pl.DataFrame:
    """Moment, market cap and price of bitcoin."""
    return rows_of(
        "raw.market_caps",
        *({"coin_id": "bitcoin", "ts": ts, "market_cap_usd": cap, "price_usd": price} for ts, cap, price in rows),
    )


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, 2, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize("cap", [nan, inf, -inf, None, 0.0, -1.0])
def test_an_observation_without_a_finite_cap_above_0_does_not_stand_for_its_day(cap: float | None) -> None:
    """A cap of NaN at 18:00 took the place of a sound one at 9:00, and every flow after it was NaN."""
    seen = observed((at(9), 300.0, 10.0), (at(18), cap, 10.0))

    assert supply_by_coin(seen).rows() == [("bitcoin", DAY, 30.0)]


@pytest.mark.parametrize("price", [nan, inf, None, 0.0, -10.0])
def test_an_observation_without_a_finite_price_above_0_does_not_stand_for_its_day(price: float | None) -> None:
    """In polars NaN is greater than 0, so a price of NaN passed for one; over an infinite one supply is 0."""
    seen = observed((at(9), 300.0, 10.0), (at(18), 300.0, price))

    assert supply_by_coin(seen).rows() == [("bitcoin", DAY, 30.0)]


def test_the_last_sound_observation_of_a_day_stands_for_it_in_whatever_order_rows_come() -> None:
    """Rows of a warehouse have no order: the first one of a day passed for the last."""
    sound = [(at(9), 300.0, 10.0), (at(18), 400.0, 10.0), (at(0), 200.0, 10.0)]

    assert supply_by_coin(observed(*sound)).rows() == [("bitcoin", DAY, 40.0)]
    assert supply_by_coin(observed(*reversed(sound))).rows() == [("bitcoin", DAY, 40.0)]


def test_prices_below_a_dollar_and_parts_of_a_coin_count() -> None:
    assert supply_by_coin(observed((at(9), 0.375, 0.25))).rows() == [("bitcoin", DAY, 1.5)]


def test_days_come_in_order() -> None:
    """Flows are differences from row to row."""
    days = [DAY + timedelta(days=n) for n in range(200)]
    seen = observed(*((datetime(day.year, day.month, day.day, tzinfo=UTC), 300.0, 10.0) for day in reversed(days)))

    assert supply_by_coin(seen)["day"].to_list() == days


def test_a_day_without_a_sound_observation_is_missing() -> None:
    """Missing is null or no row, never 0: a supply of 0 would be redeemed the day after."""
    assert supply_by_coin(observed((at(9), nan, 10.0), (at(10), 0.0, 10.0))).is_empty()


def test_cap_and_price_of_a_day_are_those_of_one_moment() -> None:
    """A later cap over an earlier price is no supply."""
    supply = daily_supply(
        observed((at(9), 300.0, 10.0), (at(18), None, 20.0), (at(19), 400.0, None)),
        pl.DataFrame({"symbol": ["BTC"], "coin_id": ["bitcoin"]}),
    )

    assert supply.rows() == [("BTC", DAY, 30.0, 300.0, 10.0)]


def test_days_are_those_of_utc_whatever_the_zone_of_the_times() -> None:
    """At 1:30 in a zone two hours ahead it is the day before in UTC."""
    ahead = timezone(timedelta(hours=2))
    seen = observed((datetime(2026, 3, 3, 1, 30, tzinfo=ahead), 300.0, 10.0)).with_columns(
        pl.col("ts").dt.convert_time_zone("Europe/Helsinki")
    )

    assert supply_by_coin(seen)["day"].to_list() == [DAY]


def closes_of_days(*caps_and_prices: tuple[float, float]) -> list[float]:
    """Supply of BTC on as many days, each with one observation."""
    seen = observed(*((at(9) + timedelta(days=n), cap, price) for n, (cap, price) in enumerate(caps_and_prices)))
    found = daily_supply(seen, pl.DataFrame({"symbol": ["BTC"], "coin_id": ["bitcoin"]}))
    return found["supply"].to_list()


def test_supply_is_the_median_of_the_last_seven_days() -> None:
    """Cap and price are not of one instant: a single quotient moved bitcoin's supply by half a billion USD a day."""
    quotients = [30.0, 34.0, 29.0, 31.0, 35.0, 28.0, 32.0, 33.0, 90.0]

    supply = closes_of_days(*((10 * quotient, 10.0) for quotient in quotients))

    # Of 30; of 30, 34; and so on; from the eighth day on without the first.
    assert supply == [30, 32, 30, 30.5, 31, 30.5, 31, 32, 32]


def test_a_redenomination_counts_in_full_on_its_own_day() -> None:
    """Four new coins for an old one: the cap stays, and the supply of no day is in two units."""
    assert closes_of_days((300.0, 10.0), (300.0, 10.0), (300.0, 2.5), (300.0, 2.5)) == [30, 30, 120, 120]
