from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.market_caps.gains import percent_gains
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.transforms.frames import (
    START,
    Value,
    at,
    grid_of,
    hourly,
    members_of,
    observations,
    pick,
    totals_of,
)

AI = ("Narratives", "ai")
NOBODY = members_of({})
NOTHING = observations({})
DAILY = GridSpec(START, at(48), timedelta(days=1))


def hourly_gains(
    totals: pl.DataFrame,
    hours_ago: Sequence[float],
    *,
    base_assets: Sequence[str] = ("us-dollar",),
    base_caps: pl.DataFrame = NOTHING,
) -> pl.DataFrame:
    return percent_gains(
        totals,
        base_caps=base_caps,
        base_assets=base_assets,
        hours_ago=hours_ago,
        spec=hourly(totals["ts"].n_unique() - 1),
        observations=NOTHING,
        members=NOBODY,
    )


def daily_totals(caps: dict[tuple[str, str], list[Value]]) -> pl.DataFrame:
    return totals_of(caps).with_columns(ts=START + (pl.col("ts") - START) * 24)


def daily_gains(
    totals: pl.DataFrame,
    hours_ago: Sequence[float],
    observed: pl.DataFrame,
    members: pl.DataFrame,
    *,
    base_assets: Sequence[str] = ("us-dollar",),
) -> pl.DataFrame:
    return percent_gains(
        totals,
        base_caps=NOTHING,
        base_assets=base_assets,
        hours_ago=hours_ago,
        spec=DAILY,
        observations=observed,
        members=members,
    )


def test_an_offset_of_whole_steps_compares_grid_values() -> None:
    gains = hourly_gains(totals_of({AI: [80, 100, 125]}), [1, 2])

    assert pick(gains, "gain_pct") == pytest.approx([25.0, 56.25])
    assert pick(gains, "basis") == ["grid", "grid"]
    assert pick(gains, "reason") == [None, None]
    assert pick(gains, "as_of") == [at(2), at(2)]


def test_a_gain_in_another_base_compares_caps_divided_by_it() -> None:
    gains = hourly_gains(
        totals_of({AI: [100, 150]}), [1], base_assets=["us-dollar", "bitcoin"], base_caps=grid_of({"bitcoin": [10, 20]})
    )

    assert pick(gains, "gain_pct", base_asset="bitcoin") == pytest.approx([-25.0])
    assert pick(gains, "gain_pct", base_asset="us-dollar") == pytest.approx([50.0])


def test_an_offset_between_grid_times_takes_its_start_linearly_between_them() -> None:
    # an hour and a quarter before 2:00 is 0:45: three quarters of the way from 100 to 200
    gains = hourly_gains(totals_of({AI: [100, 200, 350]}), [1.25])

    assert pick(gains, "gain_pct") == pytest.approx([100.0])
    assert pick(gains, "basis") == ["grid"]


def test_an_offset_that_reaches_before_the_window_is_null_and_says_why() -> None:
    gains = hourly_gains(totals_of({AI: [100, 200]}), [1, 2])

    assert pick(gains, "gain_pct") == [pytest.approx(100.0), None]
    assert pick(gains, "reason") == [None, "the window starts later"]


def test_a_series_without_a_value_at_the_last_grid_time_has_null_gains_and_another_keeps_its_own() -> None:
    gains = hourly_gains(totals_of({AI: [100, None], ("Narratives", "usa"): [100, 101]}), [1])

    assert pick(gains, "gain_pct", series="ai") == [None]
    assert pick(gains, "reason", series="ai") == ["no market cap in this base at the last grid time"]
    assert pick(gains, "gain_pct", series="usa") == pytest.approx([1.0])


def test_a_range_empty_at_the_start_of_the_offset_is_null_and_says_why() -> None:
    gains = hourly_gains(totals_of({("Ranges", "1000000000"): [None, 5, 6]}), [1, 2])

    assert pick(gains, "gain_pct") == [pytest.approx(20.0), None]
    assert pick(gains, "reason") == [None, "no market cap in this base at the start of the offset"]


def test_a_base_with_a_gap_at_an_end_is_null_and_says_why() -> None:
    gold = grid_of({"gold": [1, 2, 4]}).filter(pl.col("ts") != at(1))

    gains = hourly_gains(totals_of({AI: [4, 4, 4]}), [1, 2], base_assets=["gold"], base_caps=gold)

    assert pick(gains, "gain_pct") == [None, pytest.approx(-75.0)]


TOTALS = daily_totals({AI: [90, 100, 120]})
MEMBERS = members_of({AI: ["a", "b"]})


def test_an_offset_shorter_than_a_step_compares_the_coins_own_observations() -> None:
    observed = observations({"a": {44.1: 60, 47.9: 66}, "b": {43.75: 40, 48.2: 54}})

    gains = daily_gains(TOTALS, [4], observed, MEMBERS)

    assert pick(gains, "gain_pct") == pytest.approx([20.0])
    assert pick(gains, "basis") == ["observations"]
    assert pick(gains, "reason") == [None]


def test_the_nearest_observation_stands_for_an_end() -> None:
    observed = observations({"a": {43.6: 1, 43.9: 50, 44.3: 1, 47.6: 1, 48.1: 75, 48.4: 1}})

    gains = daily_gains(TOTALS, [4], observed, members_of({AI: ["a"]}))

    assert pick(gains, "gain_pct") == pytest.approx([50.0])


def test_half_an_hour_counts_and_a_second_more_does_not() -> None:
    late = 0.5 + 1 / 3600
    observed = observations({"in": {43.5: 10, 48.5: 11}, "out": {44 - late: 10, 48: 11}})

    gains = daily_gains(
        daily_totals({("Mine", "in"): [1, 1, 1], ("Mine", "out"): [1, 1, 1]}),
        [4],
        observed,
        members_of({("Mine", "in"): ["in"], ("Mine", "out"): ["out"]}),
    )

    assert pick(gains, "gain_pct") == [pytest.approx(10.0), None]


def test_one_member_without_observations_at_both_ends_makes_the_series_null_and_says_so() -> None:
    observed = observations({"a": {44: 60, 48: 66}, "b": {48: 54}})

    gains = daily_gains(TOTALS, [4, 24], observed, MEMBERS)

    assert pick(gains, "gain_pct") == [None, pytest.approx(20.0)]
    assert pick(gains, "reason")[0] == (
        "1 of 2 coins have no observation of their own within half an hour of both ends"
    )
    assert pick(gains, "basis") == ["observations", "grid"]


def test_one_observation_cannot_stand_for_both_ends() -> None:
    gains = daily_gains(TOTALS, [0.5], observations({"a": {47.75: 60}}), members_of({AI: ["a"]}))

    assert pick(gains, "gain_pct") == [None]


def test_the_base_asset_needs_observations_at_both_ends_too() -> None:
    coins = {"a": {44.0: 60.0, 48.0: 90.0}, "gold": {44.0: 2.0, 48.0: 4.0}, "oil": {48.0: 1.0}}

    gains = daily_gains(
        TOTALS, [4], observations(coins), members_of({AI: ["a"]}), base_assets=["us-dollar", "gold", "oil"]
    )

    assert pick(gains, "gain_pct", base_asset="gold") == pytest.approx([-25.0])
    assert pick(gains, "gain_pct", base_asset="us-dollar") == pytest.approx([50.0])
    assert pick(gains, "reason", base_asset="oil") == [
        "the base asset has no observation of its own within half an hour of both ends"
    ]


def test_a_range_s_short_gain_counts_each_coin_in_the_range_its_observed_cap_lies_in() -> None:
    totals = daily_totals({("Ranges", "10"): [1, 1, 1], ("Ranges", "100"): [1, 1, 1]})
    members = members_of({("Ranges", "10"): ["a", "b"], ("Ranges", "100"): ["a", "c"]})
    observed = observations({"a": {44: 80, 48: 120}, "b": {44: 20, 48: 50}, "c": {44: 200, 48: 300}})

    gains = daily_gains(totals, [4], observed, members)

    # above 10: 80 + 20 before, 50 now; above 100: 200 before, 120 + 300 now
    assert pick(gains, "gain_pct", series="10") == pytest.approx([-50.0])
    assert pick(gains, "gain_pct", series="100") == pytest.approx([110.0])


def test_a_range_without_coins_says_so() -> None:
    totals = daily_totals({("Ranges", "10"): [None, None, None], ("Ranges", "100"): [None, 5, 6]})
    members = members_of({("Ranges", "100"): ["a"]})

    gains = daily_gains(totals, [4], observations({"a": {44: 80, 48: 120}}), members)

    assert pick(gains, "reason", series="10") == ["no coin is known to be in it"]
    assert pick(gains, "reason", series="100") == ["no coin was in it at one end"]


def test_every_series_base_and_offset_has_a_row_and_they_are_sorted() -> None:
    gains = daily_gains(TOTALS, [24, 4, 30], NOTHING, MEMBERS, base_assets=["us-dollar", "gold"])

    key = ["category", "series", "base_asset", "hours_ago"]
    assert gains.select(key).rows() == [
        (*AI, base, hours) for base in ("gold", "us-dollar") for hours in (4.0, 24.0, 30.0)
    ]
    assert gains.schema == {
        "category": pl.String(),
        "series": pl.String(),
        "base_asset": pl.String(),
        "hours_ago": pl.Float64(),
        "as_of": pl.Datetime("us", "UTC"),
        "gain_pct": pl.Float64(),
        "basis": pl.String(),
        "reason": pl.String(),
    }


def test_a_gain_is_null_exactly_where_a_reason_is_given() -> None:
    gains = daily_gains(
        TOTALS, [0.5, 4, 24, 30, 96], observations({"a": {48: 1}}), MEMBERS, base_assets=["us-dollar", "x"]
    )

    assert (gains["gain_pct"].is_null() == gains["reason"].is_not_null()).all()


@at_most(30)
@given(
    st.lists(st.floats(1e6, 1e12), min_size=4, max_size=4), st.floats(1e-3, 1e3), st.sampled_from([0.0, 1.0, 1.5, 3.0])
)
def test_scaling_all_caps_by_a_constant_leaves_gains_unchanged(caps: list[float], factor: float, hours: float) -> None:
    once = hourly_gains(totals_of({AI: caps}), [hours])
    scaled = hourly_gains(totals_of({AI: [cap * factor for cap in caps]}), [hours])

    assert pick(scaled, "gain_pct") == pytest.approx(pick(once, "gain_pct"), rel=1e-9, abs=1e-9)
