from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.transforms.market_caps.ranges import (
    assign_buckets,
    bucket_members,
    bucket_totals,
    range_derivatives,
    range_members,
    select_cohort,
)
from marketflows_pipeline_tests.transforms.frames import Value, at, grid_of, hourly, pick

LIMITS = [1e8, 1e9, 1e10]
SMALL, LARGE, HUGE = "100000000", "1000000000", "10000000000"
BILLION = 1e9

NO_BASES = pl.DataFrame(schema={"coin_id": pl.String(), "ts": pl.Datetime("us", "UTC"), "market_cap_usd": pl.Float64()})


def buckets_of(caps: dict[str, list[float]], limits: list[float] = LIMITS) -> pl.DataFrame:
    """Buckets with every coin in the cohort."""
    grid = grid_of(caps)
    return assign_buckets(grid, grid.select("coin_id").unique(), limits)


def changes(
    caps: dict[str, list[float]],
    order: int,
    *,
    base: str = "us-dollar",
    limits: list[float] = LIMITS,
    base_caps: pl.DataFrame = NO_BASES,
    ema_period: int = 1,
) -> dict[str, list[Value]]:
    """Range to its derivative of that order at hour 0, 1, 2, …"""
    derived = range_derivatives(
        [buckets_of(caps, limits)],
        base_caps=base_caps,
        base_assets=["us-dollar", base] if base != "us-dollar" else ["us-dollar"],
        limits=limits,
        ema_periods=[1, ema_period],
        diff_orders=[0, 1, 2],
    )
    wanted = derived.filter(diff_order=order, base_asset=base, ema_period=ema_period)
    return {series: pick(wanted, "value", series=series) for series in wanted["series"].unique().sort()}


ONE_COIN = {"a": [0.6 * BILLION, 1.2 * BILLION, 0.9 * BILLION]}
"""The worked example: one coin that crosses $1B up and comes back."""


def test_the_worked_example_moves_between_ranges() -> None:
    assert buckets_of(ONE_COIN)["lower_limit_usd"].to_list() == [1e8, 1e9, 1e8]


def test_the_worked_example_s_totals_are_null_where_a_range_is_empty() -> None:
    totals = bucket_totals([buckets_of(ONE_COIN)], LIMITS, hourly(2))

    assert pick(totals, "market_cap_usd", series=SMALL) == [0.6 * BILLION, None, 0.9 * BILLION]
    assert pick(totals, "market_cap_usd", series=LARGE) == [None, 1.2 * BILLION, None]
    assert pick(totals, "market_cap_usd", series=HUGE) == [None, None, None]
    assert pick(totals, "n_assets", series=SMALL) == [1, 0, 1]
    assert pick(totals, "n_assets", series=HUGE) == [0, 0, 0]


def test_growth_is_credited_to_the_range_that_the_coin_was_in_one_step_before() -> None:
    growth = changes(ONE_COIN, 1)

    # 0.6B to 1.2B belongs to the range above $100M, in shares of its first total, 0.6B; 1.2B to 0.9B to the one
    # above $1B, in shares of 1.2B.
    assert growth[SMALL] == [None, pytest.approx(1.0), None]
    assert growth[LARGE] == [None, None, pytest.approx(-0.25)]
    assert growth[HUGE] == [None, None, None]


def test_inflection_is_credited_to_the_range_that_the_coin_was_in_two_steps_before() -> None:
    inflection = changes(ONE_COIN, 2)

    # (0.9B - 2 x 1.2B + 0.6B) / 0.6B
    assert inflection[SMALL] == [None, None, pytest.approx(-1.5)]
    assert inflection[LARGE] == [None, None, None]


def test_a_coin_that_crosses_a_limit_leaves_no_hole_behind() -> None:
    # a leaves the lower range for the upper one; b and c stay where they are and do not move
    caps = {"a": [90.0, 110.0, 120.0], "b": [50.0] * 3, "c": [200.0] * 3}

    growth = changes(caps, 1, limits=[10.0, 100.0])

    assert growth["10"] == [None, pytest.approx(20 / 140), 0.0]
    assert growth["100"] == [None, 0.0, pytest.approx(10 / 200)]


def test_growth_in_another_base_takes_caps_already_divided_by_it() -> None:
    caps = {"a": [40.0, 60.0, 60.0], "b": [20.0, 20.0, 50.0]}
    base = grid_of({"gold": [2.0, 4.0, 5.0]})

    # a + b in gold: 60/2 = 30, 80/4 = 20, 110/5 = 22; nobody crosses, so the range changes like its total
    growth = changes(caps, 1, base="gold", base_caps=base, limits=[10.0])
    inflection = changes(caps, 2, base="gold", base_caps=base, limits=[10.0])

    assert growth["10"] == [None, pytest.approx(-10 / 30), pytest.approx(2 / 30)]
    assert inflection["10"] == [None, None, pytest.approx(12 / 30)]


def test_a_coin_that_falls_as_much_as_its_base_has_no_growth_in_it() -> None:
    bitcoin = grid_of({"bitcoin": [2.0e12, 2.4e12, 1.8e12]})

    growth = changes(ONE_COIN, 1, base="bitcoin", base_caps=bitcoin)
    inflection = changes(ONE_COIN, 2, base="bitcoin", base_caps=bitcoin)

    # in bitcoin 0.0003, 0.0005, 0.0005
    assert growth[SMALL] == [None, pytest.approx(2 / 3), None]
    assert growth[LARGE] == [None, None, pytest.approx(0.0)]
    assert inflection[SMALL] == [None, None, pytest.approx(-2 / 3)]


def test_inflection_in_another_base_keeps_the_membership_of_two_steps_before() -> None:
    caps = {"a": [90.0, 110.0, 150.0], "b": [50.0] * 3}
    base = grid_of({"gold": [1.0, 2.0, 4.0]})

    inflection = changes(caps, 2, base="gold", base_caps=base, limits=[10.0, 100.0])

    # in gold: a 90, 55, 37.5; b 50, 25, 12.5; both were above 10 two steps before; its first total is 140
    assert inflection["10"] == [None, None, pytest.approx((37.5 - 110 + 90 + 12.5 - 50 + 50) / 140)]
    assert inflection["100"] == [None, None, None]


def test_a_base_without_a_cap_at_a_time_leaves_nulls_that_touch_it() -> None:
    caps = {"a": [40.0, 60.0, 60.0, 80.0]}
    base = grid_of({"gold": [2.0, 2.0, 2.0, 2.0]}).filter(pl.col("ts") != at(1))

    growth = changes(caps, 1, base="gold", base_caps=base, limits=[10.0])

    assert growth["10"] == [None, None, None, pytest.approx(0.5)]


def test_the_first_valid_total_is_that_of_the_range_in_that_base() -> None:
    caps = {"a": [5.0, 20.0, 30.0]}

    assert changes(caps, 1, limits=[10.0])["10"] == [None, None, pytest.approx(0.5)]


def test_the_ema_of_ranges_comes_after_the_difference() -> None:
    caps = {"a": [10.0, 20.0, 40.0, 40.0]}

    assert changes(caps, 1, limits=[1.0])["1"] == [None, 1.0, 2.0, 0.0]
    # a span of 3 weighs the newest half: 1, then 1/2 + 2/2, then 1.5/2
    assert changes(caps, 1, limits=[1.0], ema_period=3)["1"] == [None, 1.0, 1.5, 0.75]


def test_orders_above_two_are_refused_with_the_name_of_the_setting() -> None:
    with pytest.raises(UserInputError, match=r"analysis\.diff_orders"):
        range_derivatives(
            [buckets_of(ONE_COIN)],
            base_caps=NO_BASES,
            base_assets=["us-dollar"],
            limits=LIMITS,
            ema_periods=[1],
            diff_orders=[3],
        )


def test_order_0_is_no_derivative() -> None:
    derived = range_derivatives(
        [buckets_of(ONE_COIN)],
        base_caps=NO_BASES,
        base_assets=["us-dollar"],
        limits=LIMITS,
        ema_periods=[1],
        diff_orders=[0],
    )

    assert derived.is_empty()
    assert derived.columns == ["category", "series", "base_asset", "ema_period", "diff_order", "ts", "value"]


def test_the_derivatives_have_the_registered_types_and_order() -> None:
    derived = range_derivatives(
        [buckets_of(ONE_COIN)],
        base_caps=NO_BASES,
        base_assets=["us-dollar"],
        limits=LIMITS,
        ema_periods=[20, 1],
        diff_orders=[2, 1],
    )

    key = ["category", "series", "base_asset", "ema_period", "diff_order", "ts"]
    assert derived.select(key).rows() == sorted(derived.select(key).rows())
    assert derived.height == 3 * 2 * 2 * 3
    assert derived.schema["ema_period"] == derived.schema["diff_order"] == pl.Int32()


def test_the_cohort_is_every_coin_above_the_smallest_limit_at_the_last_grid_time() -> None:
    grid = grid_of({"fell": [500, 100], "rose": [50, 101], "top": [900, 900], "out": [900, 950], "tie": [1, 900]})

    cohort = select_cohort(grid, [1000, 100], excluded=["out"])

    assert cohort.rows() == [("rose", 3, 101.0, at(1)), ("tie", 1, 900.0, at(1)), ("top", 2, 900.0, at(1))]
    assert cohort.schema["rank"] == pl.Int32()


def test_a_limit_must_be_exceeded_not_reached() -> None:
    assert buckets_of({"a": [1e8, 1e8 + 1, 1e9, 1e9 + 1]})["lower_limit_usd"].to_list() == [None, 1e8, 1e8, 1e9]


def test_a_cohort_coin_below_the_lowest_limit_keeps_its_row() -> None:
    buckets = buckets_of({"a": [5.0, 50.0], "b": [50.0, 5.0]}, [10.0])

    assert buckets.rows() == [
        ("a", at(0), None, 5.0), ("a", at(1), 10.0, 50.0), ("b", at(0), 10.0, 50.0), ("b", at(1), None, 5.0),
    ]  # fmt: skip
    assert pick(bucket_totals([buckets], [10.0], hourly(1)), "n_assets", series="10") == [1, 1]


def test_without_any_cohort_coin_every_range_is_empty_at_every_time() -> None:
    nobody = buckets_of({"a": [5.0, 50.0]}, [10.0]).clear()

    totals = bucket_totals([nobody], [10.0, 100.0], hourly(1))

    assert totals.rows() == [
        ("Ranges", "10", at(0), None, 0), ("Ranges", "10", at(1), None, 0),
        ("Ranges", "100", at(0), None, 0), ("Ranges", "100", at(1), None, 0),
    ]  # fmt: skip
    assert range_members(nobody, hourly(1)).is_empty()


def test_the_members_of_a_bucket_are_those_of_its_moment() -> None:
    members = bucket_members(buckets_of({"a": [5.0, 50.0, 500.0]}, [10.0, 100.0]))

    assert members.rows() == [("Ranges", "10", "a", at(1)), ("Ranges", "100", "a", at(2))]


def test_only_cohort_coins_have_buckets() -> None:
    grid = grid_of({"a": [50.0], "b": [60.0]})

    assert assign_buckets(grid, pl.DataFrame({"coin_id": ["b"]}), [10.0])["coin_id"].to_list() == ["b"]


def test_the_members_of_a_range_are_its_coins_at_either_end_of_the_last_step() -> None:
    buckets = buckets_of({"a": [50.0, 500.0, 50.0], "b": [500.0, 500.0, 500.0], "c": [50.0, 5.0, 5.0]}, [10.0, 100.0])

    assert range_members(buckets, hourly(2)).rows() == [
        ("Ranges", "10", "a"), ("Ranges", "100", "a"), ("Ranges", "100", "b"),
    ]  # fmt: skip


walks = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "e"]), st.lists(st.floats(1.0, 1000.0), min_size=5, max_size=5), min_size=1
)


@given(walks)
def test_totals_of_all_ranges_sum_to_the_cohort_s_total_above_the_lowest_limit(caps: dict[str, list[float]]) -> None:
    limits = [10.0, 100.0, 500.0]

    by_time = (
        bucket_totals([buckets_of(caps, limits)], limits, hourly(4))
        .group_by("ts", maintain_order=True)
        .agg(pl.col("market_cap_usd").sum())
    )

    expected = [sum(walk[hour] for walk in caps.values() if walk[hour] > 10.0) for hour in range(5)]
    assert by_time.sort("ts")["market_cap_usd"].to_list() == pytest.approx(expected)


def naive_changes(
    caps: dict[str, list[float]], base: list[float], *, above: float, to: float, order: int
) -> list[Value]:
    """The definition, coin by coin: at t, sums over the coins that were in the range `order` steps before."""

    def is_inside(walk: list[float], t: int) -> bool:
        return above < walk[t] <= to

    totals = [sum(walk[t] for walk in caps.values() if is_inside(walk, t)) / base[t] for t in range(5)]
    first = next((total for total in totals if total), None)
    changes: list[Value] = [None] * 5
    for t in range(order, 5):
        members = [
            [c / b for c, b in zip(walk, base, strict=True)] for walk in caps.values() if is_inside(walk, t - order)
        ]
        if members and first:
            steps = [x[t] - x[t - 1] if order == 1 else x[t] - 2 * x[t - 1] + x[t - 2] for x in members]
            changes[t] = sum(steps) / first
    return changes


@given(walks, st.lists(st.floats(1.0, 9.0), min_size=5, max_size=5), st.sampled_from([1, 2]))
def test_growth_and_inflection_equal_their_definition_in_any_base(
    caps: dict[str, list[float]], gold: list[float], order: int
) -> None:
    limits = [10.0, 100.0]

    derived = changes(caps, order, base="gold", base_caps=grid_of({"gold": gold}), limits=limits)

    for series, above, to in (("10", 10.0, 100.0), ("100", 100.0, float("inf"))):
        expected = naive_changes(caps, gold, above=above, to=to, order=order)
        assert [value is None for value in derived[series]] == [value is None for value in expected]
        assert [value for value in derived[series] if value is not None] == pytest.approx(
            [value for value in expected if value is not None], rel=1e-9, abs=1e-9
        )
