from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.pressure import pressure
from marketflows_pipeline_tests.transforms.cross_asset.frames import (
    assert_in_shape,
    bars_of,
    column,
    day,
    flows_of,
)

Values = Sequence[float | None]


def pressure_of(closes: list[float], volumes: Values, highs: Values | None = None, lows: Values | None = None) -> Any:
    prices = {name: {"A": given} for name, given in (("high_usd", highs), ("low_usd", lows)) if given is not None}
    bars = bars_of({"A": closes}, volumes={"A": volumes}, **prices)
    frame = pressure(bars, flows_of(bars))
    assert_in_shape(frame, "mart.pressure")
    return frame


def test_chaikin_money_flow_weighs_volume_by_where_the_close_is_in_its_range() -> None:
    # at the high (1), at the low (-1), three quarters up (0.5): (15 x 10 - 4 x 10 + 0.5 x 20) / (15 x 10 + 4 x 10 + 20)
    closes = [12.0] * 15 + [10.0] * 4 + [11.5]
    frame = pressure_of(closes, [10.0] * 19 + [20.0], [12.0] * 20, [10.0] * 20)

    assert column(frame, "cmf_20")[:19] == [None] * 19
    assert column(frame, "cmf_20")[19] == pytest.approx(120 / 210)


def test_a_session_without_a_range_counts_as_neither() -> None:
    highs: Values = [10.0] * 10 + [11.0] * 10
    lows: Values = [10.0] * 10 + [9.0] * 10
    frame = pressure_of([10.0] * 10 + [11.0] * 10, [5.0] * 20, highs, lows)

    assert column(frame, "cmf_20")[-1] == pytest.approx(0.5)


@pytest.mark.parametrize("close", [16.0, 4.0])
def test_a_close_outside_its_range_has_no_place_in_it(close: float) -> None:
    """A stored close beyond its day's high made a money flow of -3, which ends at -1."""
    frame = pressure_of([11.0] * 19 + [close] + [11.0] * 20, [5.0] * 40, [12.0] * 40, [10.0] * 40)

    assert column(frame, "cmf_20")[18:] == [None, *[None] * 20, 0.0]


def test_without_any_volume_in_the_window_there_is_no_ratio() -> None:
    frame = pressure_of([10.0 + n for n in range(20)], [0.0] * 20)

    assert frame.select("cmf_20", "mfi_14", "signed_notional_ratio").row(-1) == (None, None, None)


def test_the_money_flow_index_is_the_share_of_money_on_rising_sessions() -> None:
    # typical prices are the closes; ten rises to 11 with a volume of 3, four falls to 10 with one of 2
    closes = [10.0, 11.0, 10.0, 11.0, 10.0, 11.0, 10.0, 11.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]
    volumes: Values = [2.0 if close == 10 else 3.0 for close in closes]
    up = 3 * (11 * 5 + 12 + 13 + 14 + 15 + 16)
    down = 2 * 10 * 4

    frame = pressure_of(closes, volumes)

    assert column(frame, "mfi_14")[:14] == [None] * 14
    assert column(frame, "mfi_14")[14] == pytest.approx(100 - 100 / (1 + up / down))


def test_the_typical_price_is_the_mean_of_high_low_and_close() -> None:
    # closes never move; highs rise by 3 a session, so typical prices rise by 1
    highs: Values = [10.0 + 3 * n for n in range(15)]

    assert column(pressure_of([10.0] * 15, [1.0] * 15, highs, [10.0] * 15), "mfi_14")[-1] == 100


def test_only_rises_are_a_hundred_and_only_falls_nothing() -> None:
    rising = [float(n) for n in range(10, 25)]

    assert column(pressure_of(rising, [1.0] * 15), "mfi_14")[-1] == 100
    assert column(pressure_of(rising[::-1], [1.0] * 15), "mfi_14")[-1] == 0


def test_where_nothing_moves_there_is_no_money_flow_index() -> None:
    assert column(pressure_of([10.0] * 15, [1.0] * 15), "mfi_14")[-1] is None


def test_a_huge_volume_that_has_left_the_window_leaves_nothing_behind() -> None:
    closes = [1e6, 9e5, *(10.0 + n for n in range(16))]
    frame = pressure_of(closes, [1e12, 1e12, *([1.0] * 16)])

    assert column(frame, "mfi_14")[-1] == 100


def test_on_balance_volume_adds_on_rises_and_takes_on_falls() -> None:
    assert column(pressure_of([10.0, 11.0, 11.0, 9.0, 12.0], [9.0, 5.0, 7.0, 2.0, 4.0]), "obv") == [0, 5, 5, 3, 7]


def test_a_session_without_a_volume_is_null_and_not_zero() -> None:
    volumes: Values = [1.0] * 20 + [None] + [1.0] * 19 + [3.0]
    frame = pressure_of([10.0 + n for n in range(41)], volumes)

    known = ("cmf_20", "mfi_14", "relative_volume", "signed_notional_ratio")
    assert frame.select(*known, "obv").row(20) == (None, None, None, None, None)
    assert column(frame, "obv")[19:23] == [19, None, 20, 21]
    # the whole window must be known again: 20 sessions for the ratio, 14 for the index
    assert [number for number, each in enumerate(column(frame, "cmf_20")) if each is not None] == [19, 40]
    assert [number for number, each in enumerate(column(frame, "mfi_14")) if each is not None] == [
        *range(14, 20), *range(34, 41),
    ]  # fmt: skip


def test_relative_volume_is_against_the_median_of_the_sessions_before() -> None:
    volumes: Values = [*(float(n) for n in range(1, 21)), 100.0, 5.0]
    frame = pressure_of([2.0] * 22, volumes)

    relative = column(frame, "relative_volume")
    assert relative[:20] == [None] * 20
    assert relative[20] == pytest.approx(100 / statistics.median(range(1, 21)))
    assert relative[21] == pytest.approx(5 / statistics.median([*range(2, 21), 100]))


def test_the_signed_notional_is_weighed_by_the_direction_of_the_close() -> None:
    # a first session without a return, then 12 rises and 8 falls at prices of about 10
    closes = [10.0]
    for number in range(20):
        closes.append(closes[-1] + (1 if number < 12 else -1))
    frame = pressure_of(closes, [1.0] * 21)

    signed = sum(closes[1:13]) - sum(closes[13:])
    assert column(frame, "signed_notional_ratio")[:20] == [None] * 20
    assert column(frame, "signed_notional_ratio")[20] == pytest.approx(signed / sum(closes[1:]))


def test_the_days_of_a_coin_over_a_weekend_make_one_bar() -> None:
    friday, saturday, sunday, monday = (day(n) for n in (4, 5, 6, 7))
    coin = dict.fromkeys([day(3), friday, saturday, sunday, monday], 10.0)
    bars = bars_of(
        {"BTC": {**coin, monday: 11.0}, "A": dict.fromkeys([friday, monday], 1.0)},
        volumes={"BTC": {**dict.fromkeys(coin, 5.0), monday: 7.0}},
        coins=["BTC"],
    )

    frame = pressure(bars, flows_of(bars))

    # up from Friday: all three days of volume; what was before the first session is no part of it
    assert frame.filter(symbol="BTC").select("session", "obv").rows() == [(friday, 0), (monday, 17)]


def test_a_day_that_a_coin_lacks_leaves_the_volume_of_its_session_unknown() -> None:
    days = [day(4), day(5), day(7)]
    bars = bars_of(
        {"BTC": dict(zip(days, [10.0, 11.0, 12.0], strict=True)), "A": {day(4): 1.0, day(7): 1.0}},
        volumes={"BTC": dict.fromkeys(days, 5.0)},
        coins=["BTC"],
    )

    assert column(pressure(bars, flows_of(bars)), "obv", "BTC") == [0, None]


def test_bars_outside_the_flows_are_passed_over() -> None:
    bars = bars_of({"A": [1.0, 2.0], "B": [1.0, 2.0]}, volumes={"A": [1.0, 1.0], "B": [1.0, 1.0]})

    frame = pressure(bars, flows_of(bars).filter(pl.col("symbol") == "B"))

    assert frame.select("symbol", "obv").rows() == [("B", 0), ("B", 1)]


def test_no_bars_make_an_empty_table() -> None:
    assert pressure(table("raw.daily_bars").empty(), table("core.asset_flows").empty()).is_empty()
