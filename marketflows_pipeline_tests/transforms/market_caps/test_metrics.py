from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.market_caps.metrics import derivatives, ema, normalize, unit_normalize
from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.transforms.frames import Value, at, grid_of, pick, totals_of

NO_BASES = grid_of({})
AI, USA = ("Narratives", "ai"), ("Narratives", "usa")


def normalized_of(curves: dict[tuple[str, str], list[Value]], base: str = "us-dollar") -> pl.DataFrame:
    """(category, series) to normalized values at hour 0, 1, 2, …"""
    totals = totals_of(curves)
    return totals.select("category", "series", pl.lit(base).alias("base_asset"), "ts", value="market_cap_usd")


def derived_of(
    curves: dict[tuple[str, str], list[Value]],
    *,
    orders: list[int],
    smoothing: int = 1,
    ema_periods: tuple[int, ...] = (),
) -> pl.DataFrame:
    normalized = normalized_of(curves)
    return derivatives(normalized, ema(normalized, ema_periods), orders, smoothing)


def test_each_curve_starts_at_one_in_its_own_series() -> None:
    normalized = normalize(totals_of({AI: [50, 100], USA: [4, 3]}), NO_BASES, ["us-dollar"])

    assert pick(normalized, "value", series="ai") == [1.0, 2.0]
    assert pick(normalized, "value", series="usa") == [1.0, 0.75]


def test_a_base_divides_before_the_first_value_does() -> None:
    totals = totals_of({AI: [50, 100, 100]})

    normalized = normalize(totals, grid_of({"bitcoin": [10, 40, 10]}), ["us-dollar", "bitcoin"])

    # in bitcoin 5, 2.5, 10
    assert pick(normalized, "value", base_asset="bitcoin") == [1.0, 0.5, 2.0]
    assert pick(normalized, "value", base_asset="us-dollar") == [1.0, 2.0, 2.0]


def test_a_base_asset_with_a_gap_gives_null_there_and_the_curve_starts_where_both_are_known() -> None:
    bitcoin = grid_of({"bitcoin": [10, 10, 10, 20]}).filter(~pl.col("ts").is_in([at(0), at(2)]))

    normalized = normalize(totals_of({AI: [5, 10, 20, 20]}), bitcoin, ["bitcoin"])

    assert pick(normalized, "value", series="ai") == [None, 1.0, None, 1.0]


def test_a_base_never_observed_gives_nulls_not_zeros() -> None:
    normalized = normalize(totals_of({AI: [5, 10]}), NO_BASES, ["bitcoin"])

    assert pick(normalized, "value") == [None, None]


def test_a_series_that_begins_late_is_relative_to_its_own_first_valid_value() -> None:
    normalized = normalize(totals_of({AI: [None, 8, 16], USA: [2, 4, 6]}), NO_BASES, ["us-dollar"])

    assert pick(normalized, "value", series="ai") == [None, 1.0, 2.0]
    assert pick(normalized, "value", series="usa") == [1.0, 2.0, 3.0]


def test_an_ema_starts_at_the_first_value_and_weighs_the_newest_by_two_over_span_plus_one() -> None:
    # span 3: half of the newest value, half of the average before
    smooth = ema(normalized_of({AI: [1.0, 3.0, 2.0]}), [1, 3])

    assert pick(smooth, "value") == [1.0, 2.0, 2.0]
    assert smooth["ema_period"].unique().to_list() == [3]


def test_an_ema_starts_at_the_first_valid_value_and_a_null_stays_null() -> None:
    smooth = ema(normalized_of({AI: [None, 2.0, 4.0, None, 4.5]}), [3])

    # across the null the old average, 3, keeps 1/4 against 1/2 for the new value: (0.25 x 3 + 0.5 x 4.5) / 0.75 = 4
    assert pick(smooth, "value") == [None, 2.0, 3.0, None, pytest.approx(4.0)]


def test_emas_do_not_run_from_one_series_into_the_next() -> None:
    smooth = ema(normalized_of({AI: [9.0, 9.0], USA: [1.0, 1.0]}), [20, 5])

    assert pick(smooth, "value", series="ai", ema_period=20) == [9.0, 9.0]
    assert pick(smooth, "value", series="usa", ema_period=5) == [1.0, 1.0]


def test_without_an_ema_period_above_one_there_are_no_ema_rows() -> None:
    smooth = ema(normalized_of({AI: [1.0, 2.0]}), [1])

    assert smooth.is_empty()
    assert smooth.columns == ["category", "series", "base_asset", "ema_period", "ts", "value"]
    assert smooth.schema["ema_period"] == pl.Int32()


def test_growth_is_the_difference_per_grid_step_and_inflection_the_growth_s() -> None:
    derived = derived_of({AI: [1.0, 2.0, 4.0, 7.0]}, orders=[0, 1, 2, 3])

    assert pick(derived, "value", diff_order=1) == [None, 1.0, 2.0, 3.0]
    assert pick(derived, "value", diff_order=2) == [None, None, 1.0, 1.0]
    assert pick(derived, "value", diff_order=3) == [None, None, None, 0.0]
    assert 0 not in derived["diff_order"]


def test_each_order_is_smoothed_before_the_next_is_taken() -> None:
    derived = derived_of({AI: [0.0, 1.0, 4.0, 4.0]}, orders=[1, 2], smoothing=3)

    # differences 1, 3, 0 smooth to 1, 2, 1; their differences 1, -1 smooth to 1, 0
    assert pick(derived, "value", diff_order=1) == [None, 1.0, 2.0, 1.0]
    assert pick(derived, "value", diff_order=2) == [None, None, 1.0, 0.0]


def test_an_order_that_is_not_asked_for_is_taken_on_the_way_and_not_returned() -> None:
    derived = derived_of({AI: [0.0, 1.0, 4.0]}, orders=[0, 2])

    assert derived["diff_order"].unique().to_list() == [2]
    assert pick(derived, "value") == [None, None, 2.0]


def test_derivatives_of_an_ema_are_those_of_the_smoothed_curve() -> None:
    derived = derived_of({AI: [1.0, 3.0, 2.0]}, orders=[1], ema_periods=(3,))

    assert pick(derived, "value", ema_period=1) == [None, 2.0, -1.0]
    assert pick(derived, "value", ema_period=3) == [None, 1.0, 0.0]


def test_differences_that_touch_a_null_are_null() -> None:
    derived = derived_of({AI: [1.0, None, 3.0, 4.0]}, orders=[1])

    assert pick(derived, "value") == [None, None, None, 1.0]


def test_ranges_have_derivatives_of_their_own_and_none_here() -> None:
    derived = derived_of({("Ranges", "1000000000"): [1.0, 2.0], AI: [1.0, 2.0]}, orders=[1])

    assert derived["category"].unique().to_list() == ["Narratives"]


def test_order_0_alone_has_no_derivatives() -> None:
    derived = derived_of({AI: [1.0, 2.0]}, orders=[0])

    assert derived.is_empty()
    assert derived.columns == ["category", "series", "base_asset", "ema_period", "diff_order", "ts", "value"]


def units_of(curves: dict[tuple[str, str], list[Value]]) -> pl.DataFrame:
    normalized = normalized_of(curves)
    smooth = ema(normalized, [20])
    return unit_normalize(normalized, smooth, derivatives(normalized, smooth, [1], 1))


def test_at_each_time_the_largest_series_is_at_one_and_the_smallest_at_zero() -> None:
    unit = units_of({AI: [1.0, 5.0], USA: [3.0, 2.0], ("Narratives", "rwa"): [2.0, 3.0]})
    levels = unit.filter(diff_order=0, ema_period=1)

    assert pick(levels, "value", series="ai") == [0.0, 1.0]
    assert pick(levels, "value", series="usa") == [1.0, 0.0]
    assert pick(levels, "value", series="rwa") == [0.5, pytest.approx(1 / 3)]


def test_where_all_series_are_equal_there_is_no_scale() -> None:
    levels = units_of({AI: [1.0, 2.0], USA: [1.0, 4.0]}).filter(diff_order=0, ema_period=1)

    assert pick(levels, "value", series="ai") == [None, 0.0]
    assert pick(levels, "value", series="usa") == [None, 1.0]


def test_a_series_alone_in_its_category_has_no_scale() -> None:
    unit = units_of({("Mine", "bitcoin"): [1.0, 2.0], AI: [1.0, 2.0], USA: [3.0, 5.0]})

    assert pick(unit, "value", category="Mine", diff_order=0, ema_period=1) == [None, None]


def test_a_null_stays_null_and_takes_no_part_in_the_scale() -> None:
    levels = units_of({AI: [1.0], USA: [None], ("Narratives", "rwa"): [3.0]}).filter(diff_order=0, ema_period=1)

    assert [pick(levels, "value", series=series) for series in ("ai", "usa", "rwa")] == [[0.0], [None], [1.0]]


def test_each_base_ema_and_order_has_a_scale_of_its_own() -> None:
    unit = units_of({AI: [1.0, 2.0, 9.0], USA: [1.0, 4.0, 5.0]})

    assert pick(unit, "value", series="ai", ema_period=1, diff_order=0) == [None, 0.0, 1.0]
    assert pick(unit, "value", series="ai", ema_period=1, diff_order=1) == [None, 0.0, 1.0]
    assert pick(unit, "value", series="ai", ema_period=20, diff_order=0) == [None, 0.0, 1.0]
    key = ["category", "series", "base_asset", "ema_period", "diff_order", "ts"]
    assert unit.select(key).is_unique().all()
    assert unit.select(key).rows() == sorted(unit.select(key).rows())


caps = st.lists(st.floats(1e6, 1e12), min_size=2, max_size=8)
spans = st.integers(2, 50)


@given(st.floats(1e-6, 1e6), st.integers(2, 10), spans)
def test_the_ema_of_a_constant_is_the_constant_and_its_growth_is_zero(level: float, length: int, span: int) -> None:
    normalized = normalized_of({AI: [level] * length})
    smooth = ema(normalized, [span])

    assert pick(smooth, "value") == pytest.approx([level] * length, rel=1e-12)
    growth = pick(derivatives(normalized, smooth, [1], 10), "value", ema_period=span)
    assert growth[1:] == pytest.approx([0.0] * (length - 1), abs=1e-9 * level)


@given(caps, spans)
def test_an_ema_follows_its_recurrence(values: list[float], span: int) -> None:
    weight = 2 / (span + 1)
    expected = [values[0]]
    for value in values[1:]:
        expected.append((1 - weight) * expected[-1] + weight * value)

    assert pick(ema(normalized_of({AI: [*values]}), [span]), "value") == pytest.approx(expected, rel=1e-12)


@given(caps, st.floats(1e-3, 1e3))
def test_scaling_all_caps_by_a_constant_leaves_normalized_values_unchanged(values: list[float], factor: float) -> None:
    once = normalize(totals_of({AI: values}), NO_BASES, ["us-dollar"])
    scaled = normalize(totals_of({AI: [value * factor for value in values]}), NO_BASES, ["us-dollar"])

    assert pick(scaled, "value") == pytest.approx(pick(once, "value"), rel=1e-12)
    assert pick(once, "value")[0] == 1.0


@given(st.lists(st.tuples(*[st.floats(1e-3, 1e3)] * 3), min_size=1, max_size=6))
def test_unit_values_span_zero_to_one_wherever_series_differ(rows: list[tuple[float, ...]]) -> None:
    unit = units_of({("Narratives", str(n)): [row[n] for row in rows] for n in range(3)}).filter(
        diff_order=0, ema_period=1
    )

    for row, (_, values) in zip(rows, unit.group_by("ts", maintain_order=True), strict=True):
        found = values["value"].to_list()
        if len(set(row)) == 1:
            assert found == [None] * 3
        else:
            assert (min(found), max(found)) == (0.0, 1.0)


@at_most(40)
@given(caps, caps, spans)
def test_later_values_change_no_past_value_of_a_trailing_measure(
    past: list[float], later: list[float], span: int
) -> None:
    def measures(values: list[float]) -> list[list[Value]]:
        normalized = normalized_of({AI: [*values]})
        smooth = ema(normalized, [span])
        derived = derivatives(normalized, smooth, [1, 2], span)
        until = pl.col("ts") < at(len(past))
        return [pick(smooth.filter(until), "value"), pick(derived.filter(until), "value")]

    assert measures(past + later) == measures(past)
