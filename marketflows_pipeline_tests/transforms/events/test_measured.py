"""Figures against their own past, and what a kind has to exceed."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.events.measured import measured_events, thresholds, zscores_of_past
from marketflows_pipeline_tests.transforms.events.frames import on_day, series

# Ten 0 and ten 2: mean 1, and deviations of 1 each, over n - 1 = 19.
FLAT = [0.0, 2.0] * 10
DEVIATION = sqrt(20 / 19)


def rated(values: Sequence[float | None]) -> dict[str, Any]:
    """The last row of one subject."""
    return zscores_of_past(series({"a": values})).row(-1, named=True)


def test_a_value_is_compared_with_those_before_it_and_not_with_itself() -> None:
    found = rated([*FLAT, 4.0])
    assert (found["n_past"], found["reference"], found["percentile"]) == (20, 1.0, 100.0)
    assert found["z"] == pytest.approx(3 / DEVIATION, rel=1e-12)


def test_equal_values_count_half() -> None:
    assert rated([*FLAT, 2.0])["percentile"] == 100 * (10 + 5) / 20


def test_nineteen_values_before_are_too_few() -> None:
    found = rated([*FLAT[:19], 4.0])
    assert (found["n_past"], found["reference"], found["z"], found["percentile"]) == (19, None, None, None)


def test_only_the_sixty_values_before_count() -> None:
    found = rated([1e9, *FLAT, *FLAT, *FLAT, 4.0])
    assert (found["n_past"], found["reference"]) == (60, 1.0)
    assert found["z"] == pytest.approx(3 / sqrt(60 / 59), rel=1e-12)


def test_rows_without_a_finite_value_are_not_there() -> None:
    found = rated([*FLAT, None, float("nan"), float("inf"), 4.0])
    assert (found["n_past"], found["reference"]) == (20, 1.0)


def test_a_past_that_does_not_vary_has_no_zscore() -> None:
    found = rated([0.1] * 30 + [4.0])
    assert (found["z"], found["percentile"]) == (None, 100.0)


def test_subjects_do_not_share_their_pasts() -> None:
    rows = zscores_of_past(series({"a": FLAT, "b": [*FLAT, 4.0]}))
    assert rows.drop_nulls("z").select("subject", "n_past").rows() == [("b", 20)]


def zscores(*days: list[float]) -> pl.DataFrame:
    rows = [(on_day(day), z) for day, of_day in enumerate(days) for z in of_day]
    return pl.DataFrame(rows, schema=["ts", "z"], orient="row")


def test_the_threshold_is_the_99th_percentile_of_the_daily_maxima_before() -> None:
    """Of 20 maxima 1 to 20 the 99th percentile lies between the 19th and the 20th; the lower of them is it."""
    found = thresholds(zscores(*([0.0, float(day) * (-1) ** day] for day in range(1, 22))))
    assert found["maximum"].to_list() == [float(day) for day in range(1, 22)]
    assert found["threshold"].to_list() == [None] * 20 + [19.0]


def test_one_extreme_day_hides_no_other() -> None:
    found = thresholds(zscores(*[[2.0]] * 30, [1000.0], *[[2.5]] * 2))
    assert found["threshold"].to_list()[-2:] == [2.0, 2.5]


def test_only_the_250_days_before_count() -> None:
    """Four of 250 are more than 1 % of them, three are what 1 % and a half would be."""
    assert thresholds(zscores(*[[9.0]] * 5, *[[3.0]] * 247))["threshold"][-1] == 9.0
    assert thresholds(zscores(*[[9.0]] * 5, *[[3.0]] * 248))["threshold"][-1] == 3.0


def test_a_calm_kind_has_no_event_below_two() -> None:
    assert thresholds(zscores(*[[0.5]] * 30))["threshold"].to_list() == [None] * 20 + [2.0] * 10


def quiet_then(last: float, n_days: int = 60) -> list[float]:
    return [float((day * 7) % 10) for day in range(n_days)] + [last]


def test_an_event_exceeds_the_threshold_of_its_day() -> None:
    (found,) = measured_events(series({"a": quiet_then(40.0), "b": quiet_then(5.0)})).rows(named=True)
    assert (found["subject"], found["label"], found["ts"], found["value"]) == ("a", "A", on_day(60), 40.0)
    assert found["z"] > found["threshold"] > 0
    assert found["score"] == found["z"]
    assert found["severity"] == "extreme"
    # None of the 40 days with a z-score was as unusual; today makes 41.
    assert found["frequency_pct"] == pytest.approx(100 / 41)
    assert (found["was"], found["became"]) == (None, None)


def test_a_value_as_unusual_as_the_days_before_is_none() -> None:
    assert measured_events(series({"a": quiet_then(9.0)})).is_empty()


def test_what_covers_half_counts_half() -> None:
    (whole,) = measured_events(series({"a": quiet_then(40.0)}))["score"]
    (half,) = measured_events(series({"a": quiet_then(40.0)}, coverage_pct=50))["score"]
    assert half == pytest.approx(whole / 2)


def test_no_rows_give_no_events() -> None:
    assert measured_events(series({})).is_empty()


PATHS = st.lists(st.lists(st.integers(-50, 50).map(float), min_size=50, max_size=90), min_size=1, max_size=3)


def named(paths: list[list[float]]) -> dict[str, list[float]]:
    return {"abc"[place]: path for place, path in enumerate(paths)}


@given(PATHS, st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=3))
def test_later_days_change_no_earlier_event(paths: list[list[float]], later: list[float]) -> None:
    length = min(map(len, paths))
    paths = [path[:length] for path in paths]
    more = measured_events(series(named([path + later for path in paths])))
    assert more.filter(pl.col("ts") < on_day(length)).equals(measured_events(series(named(paths))))


@given(PATHS, st.randoms())
def test_the_order_of_rows_does_not_matter(paths: list[list[float]], random: Any) -> None:
    rows = series(named(paths))
    shuffled = list(range(rows.height))
    random.shuffle(shuffled)
    assert measured_events(rows[shuffled]).equals(measured_events(rows))


@given(PATHS, st.sampled_from([0.001, 1024.0, 1e6, -8.0]))
def test_the_unit_of_a_figure_does_not_matter(paths: list[list[float]], factor: float) -> None:
    rows = zscores_of_past(series(named(paths)))
    other = zscores_of_past(series(named([[factor * value for value in path] for path in paths])))
    sign = 1 if factor > 0 else -1
    assert other["z"].is_null().equals(rows["z"].is_null())
    assert (other["z"] * sign - rows["z"]).abs().fill_null(0.0).max() == pytest.approx(0, abs=1e-9)
