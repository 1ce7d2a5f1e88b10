from __future__ import annotations

import math
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from marketflows_pipeline.transforms.exchanges.volumes import daily_volumes, volume_statistics
from marketflows_pipeline_tests.transforms.exchanges.frames import (
    CHART,
    LIST,
    TODAY,
    assert_in_shape,
    day,
    moment,
    volumes_of,
)
from marketflows_pipeline_tests.transforms.frames import TIME

POINT = {"exchange_id": pl.String(), "ts": TIME, "volume_24h_btc": pl.Float64()}
Points = list[tuple[str, datetime, float | None]]


def daily(
    charts: Points | None = None, listings: Points | None = None, prices: list[tuple[datetime, float]] | None = None
) -> pl.DataFrame:
    points = [
        pl.DataFrame(rows or [], schema=POINT, orient="row").with_columns(source=pl.lit(source))
        for rows, source in ((charts, CHART), (listings, LIST))
    ]
    btc = pl.DataFrame(prices or [], schema={"ts": TIME, "price_usd": pl.Float64()}, orient="row")
    volumes = daily_volumes(points[0], points[1], btc)
    assert_in_shape(volumes, "core.exchange_volumes")
    return volumes


def test_what_was_first_seen_stands_beside_a_revised_volume() -> None:
    """A chart was revised, and a backtest used what nobody had known on the day."""
    charts = pl.DataFrame(
        {
            "exchange_id": ["a", "a"],
            "ts": [moment(3), moment(2)],
            "volume_24h_btc": [9.0, 5.0],
            "source": [CHART, CHART],
            "first_volume_24h_btc": [7.0, None],
            "first_seen_at": [moment(1), None],
        },
        schema_overrides={"ts": pl.Datetime("us", "UTC"), "first_seen_at": pl.Datetime("us", "UTC")},
    )
    listed = charts.head(1).select("exchange_id", "volume_24h_btc", source=pl.lit(LIST), ts=pl.lit(moment(0)))
    prices = pl.DataFrame(schema={"ts": pl.Datetime("us", "UTC"), "price_usd": pl.Float64})

    found = daily_volumes(charts, listed.cast({"ts": pl.Datetime("us", "UTC")}), prices)

    assert found.select("volume_24h_btc", "first_volume_24h_btc", "known_at").rows() == [
        (9.0, 7.0, moment(1)), (5.0, None, None), (9.0, 9.0, moment(0)),
    ]  # fmt: skip


def test_the_last_point_of_each_utc_day_counts_wherever_it_comes_from() -> None:
    volumes = daily(
        charts=[("a", moment(1, 15.8), 5.0), ("a", moment(0, 9.8), 7.0)],
        listings=[
            ("a", moment(1, 10), 4.0),
            ("a", moment(0, 10), 8.0),
            ("b", moment(0, 0), 1.0),
            ("b", moment(1, 23.99), 2.0),
        ],
    )

    assert volumes.select("exchange_id", "day", "ts", "volume_24h_btc", "source").rows() == [
        ("a", day(1), moment(1, 15.8), 5.0, CHART),
        ("a", day(0), moment(0, 10), 8.0, "coingecko:exchanges"),
        ("b", day(1), moment(1, 23.99), 2.0, "coingecko:exchanges"),
        ("b", day(0), moment(0, 0), 1.0, "coingecko:exchanges"),
    ]


def test_of_two_points_for_the_same_moment_the_list_s_counts() -> None:
    volumes = daily(charts=[("a", moment(0), 5.0)], listings=[("a", moment(0), 6.0)])

    assert volumes["volume_24h_btc"].to_list() == [6.0]


def test_a_list_without_a_source_is_coingecko_s() -> None:
    listings = pl.DataFrame([("a", moment(0), 6.0)], schema=POINT, orient="row")
    charts = listings.clear().with_columns(source=pl.lit(CHART))

    volumes = daily_volumes(charts, listings, pl.DataFrame(schema={"ts": TIME, "price_usd": pl.Float64}))

    assert volumes["source"].to_list() == [LIST]


def test_a_missing_volume_is_no_observation_and_zero_is_one() -> None:
    volumes = daily(
        listings=[
            ("a", moment(1, 1), 3.0),
            ("a", moment(1, 2), None),
            ("b", moment(0), None),
            ("c", moment(0), 0.0),
            ("d", moment(0), math.nan),
            ("e", moment(0), -1.0),
        ],
    )

    assert volumes.select("exchange_id", "volume_24h_btc").rows() == [("a", 3.0), ("c", 0.0)]


def test_dollars_are_at_the_newest_price_at_or_before_the_point() -> None:
    prices = [(moment(0, 11), 100.0), (moment(0, 12), 200.0), (moment(0, 13), 300.0)]

    volumes = daily(listings=[("a", moment(0, 12), 2.0), ("b", moment(0, 12.9), 3.0)], prices=prices[::-1])

    assert volumes.select("btc_price_usd", "volume_24h_usd").rows() == [(200.0, 400.0), (200.0, 600.0)]


def test_a_price_older_than_26_hours_or_later_than_the_point_gives_null_dollars_not_zero() -> None:
    last_price = moment(2, 10)
    listings: Points = [
        ("early", last_price - timedelta(seconds=1), 1.0),
        ("just", last_price + timedelta(hours=26), 1.0),
        ("late", last_price + timedelta(hours=26, seconds=1), 1.0),
    ]

    volumes = daily(listings=listings, prices=[(last_price, 50.0)])

    assert dict(volumes.select("exchange_id", "volume_24h_usd").rows()) == {"early": None, "just": 50.0, "late": None}


def test_without_any_points_or_prices_there_are_no_rows_or_no_dollars() -> None:
    assert daily().is_empty()
    assert daily(charts=[("a", moment(0), 1.0)])["volume_24h_usd"].to_list() == [None]


def test_the_mean_of_seven_days_leaves_out_today_and_what_is_older() -> None:
    volumes = volumes_of({"a": {0: 1000.0, 1: 1.0, 3: 2.0, 5: 3.0, 7: 6.0, 8: 5000.0}})

    # (1 + 2 + 3 + 6) / 4
    assert volume_statistics(volumes, TODAY).rows() == [("a", 3.0, None, None, 5)]


def test_fewer_than_four_of_the_seven_days_have_no_mean() -> None:
    volumes = volumes_of({"a": {1: 1.0, 2: 1.0, 3: 1.0, 8: 1.0}, "today_only": {0: 1.0}})

    assert volume_statistics(volumes, TODAY).rows() == [("a", None, None, None, 4)]


def test_mean_and_deviation_need_twenty_of_the_sixty_days_before_today() -> None:
    # ten times 4 and ten times 6: mean 5, sum of squares 20, sample variance 20 / 19
    twenty = {ago: 4.0 if ago % 2 else 6.0 for ago in range(41, 61)}
    volumes = volumes_of({"a": {0: 99.0, **twenty, 61: 99.0}, "b": dict(list(twenty.items())[:19])})

    found = volume_statistics(volumes, TODAY)

    assert found["volume_60d_mean_btc"].to_list() == [5.0, None]
    assert found["volume_60d_sd_btc"].to_list() == [pytest.approx(math.sqrt(20 / 19)), None]
    assert found["history_days"].to_list() == [20, 19]


def test_a_volume_that_never_changes_has_no_deviation_to_divide_by() -> None:
    volumes = volumes_of({"a": dict.fromkeys(range(1, 61), 0.1), "b": dict.fromkeys(range(1, 61), 0.0)})

    found = volume_statistics(volumes, TODAY)

    assert found["volume_60d_sd_btc"].to_list() == [None, None]
    assert found["volume_7d_mean_btc"].to_list() == [pytest.approx(0.1), 0.0]


@given(
    past=st.dictionaries(st.integers(1, 70), st.floats(0, 1e6), max_size=70),
    later=st.dictionaries(st.integers(-5, 0), st.floats(0, 1e6), max_size=6),
)
def test_today_and_later_days_change_no_statistic(past: dict[int, float], later: dict[int, float]) -> None:
    alone, followed = (volumes_of({"a": volumes}) for volumes in (past, {**past, **later}))

    assert_frame_equal(volume_statistics(followed, TODAY), volume_statistics(alone, TODAY))
