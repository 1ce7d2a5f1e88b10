"""The plane: the methodology's worked examples, and what holds of every path."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from marketflows_pipeline.transforms.rotation.plane import (
    DAILY,
    QUADRANTS,
    Array,
    Plane,
    change,
    ema,
    headings,
    quadrants,
    ratio_and_momentum,
    trailing_z,
)
from marketflows_pipeline_tests.transforms.rotation.worlds import random_walks

SHORT = replace(DAILY, span=2, window=3)
NONE = np.nan


def column(*values: float) -> Array:
    return np.array(values)[:, None]


def flat(values: Array) -> Any:
    return pytest.approx(values.ravel().tolist(), abs=1e-6, nan_ok=True)


def test_the_worked_example() -> None:
    """Example 8 of the index methodology: span 2, window 3, benchmark 1."""
    levels = column(1.00, 1.10, 1.05, 1.20, 1.30, 1.25, 1.20)

    ratio, momentum = ratio_and_momentum(levels, SHORT)

    expected_e = [100, 106.666667, 105.555556, 115.185185, 125.061728, 125.020576, 121.673525]
    assert expected_e == flat(ema(100 * levels, 2))
    assert flat(ratio) == [NONE, NONE, 100.414781, 101.148262, 101.004193, 100.573731, 98.845364]
    smoothed = ema(change(ratio), 2)
    assert flat(smoothed) == [NONE, NONE, NONE, 0.733482, 0.148447, -0.237492, -1.231408]
    assert flat(momentum) == [NONE, NONE, NONE, NONE, NONE, 99.074809, 98.888529]
    places = quadrants(ratio, momentum).ravel()
    assert [QUADRANTS[place] if place >= 0 else None for place in places[4:]] == [None, "weakening", "lagging"]


def test_an_unknown_value_stays_unknown_and_ages_the_past() -> None:
    """Example 7 of the index methodology."""
    assert flat(ema(column(3, 6, NONE, 9), 2)) == [3, 5, NONE, 8.428571]


def test_first_ratio_at_close_21_and_first_full_point_at_close_42() -> None:
    ratio, momentum = ratio_and_momentum(random_walks(np.random.default_rng(1), 60, 3), DAILY)

    assert np.flatnonzero(~np.isnan(ratio[:, 0]))[0] + 1 == 21
    assert np.flatnonzero(~np.isnan(momentum[:, 0]))[0] + 1 == 42


@pytest.mark.parametrize("level", [1.0, 1e-9, 123_456.789])
def test_what_does_not_vary_has_no_z(level: float) -> None:
    assert np.isnan(trailing_z(np.full((30, 1), level), 21)).all()
    assert np.isnan(trailing_z(column(*(level * (1 + 1e-12 * (step % 2)) for step in range(30))), 21)).all()


def test_a_point_on_the_cross_is_strong_and_rising() -> None:
    ratio = np.array([100.0, 100.0, 99.9, 99.9, NONE])
    momentum = np.array([100.0, 99.9, 99.9, 100.0, 100.0])

    assert quadrants(ratio, momentum).tolist() == [0, 1, 2, 3, -1]


def test_headings_run_clockwise_from_straight_up() -> None:
    ratio = np.array([100.0, 100, 101, 101, 100, 103, 103])
    momentum = np.array([100.0, 101, 101, 100, 100, 104, 104])

    heading, speed = headings(ratio, momentum)

    assert heading.tolist() == pytest.approx([NONE, 0, 90, 180, 270, np.degrees(np.arctan2(3, 4)), NONE], nan_ok=True)
    assert speed.tolist() == pytest.approx([NONE, 1, 1, 1, 1, 5, 0], nan_ok=True)


paths = arrays(np.float64, (50, 2), elements=st.floats(0.5, 2, allow_nan=False))
planes = st.builds(lambda span, window: replace(DAILY, span=span, window=window), st.integers(1, 6), st.integers(3, 9))


@given(paths, planes, st.integers(1, 49))
def test_later_closes_change_no_earlier_point(levels: Array, plane: Plane, n_known: int) -> None:
    whole, known = ratio_and_momentum(levels, plane), ratio_and_momentum(levels[:n_known], plane)

    for later, earlier in zip(whole, known, strict=True):
        np.testing.assert_array_equal(later[:n_known], earlier)


@given(paths, planes)
def test_the_unit_of_the_index_drops_out_and_series_keep_apart(levels: Array, plane: Plane) -> None:
    ratio, _ = ratio_and_momentum(levels, plane)
    doubled, _ = ratio_and_momentum(4 * levels, plane)
    alone, _ = ratio_and_momentum(levels[:, 1:], plane)

    np.testing.assert_array_equal(doubled, ratio)
    np.testing.assert_array_equal(alone[:, 0], ratio[:, 1])


@given(paths, planes)
def test_no_z_is_beyond_what_its_window_allows(levels: Array, plane: Plane) -> None:
    """With the present step in the window and ddof 1 the largest z is (n - 1) over the root of n."""
    most = (plane.window - 1) / np.sqrt(plane.window) + 1e-6

    for values in ratio_and_momentum(levels, plane):
        known = values[~np.isnan(values)]
        assert (np.abs(known - 100) <= most).all()


def test_started_thirty_closes_later_the_ratio_is_another_one_at_first() -> None:
    """Convention 12: hence always from the index's base."""
    levels = random_walks(np.random.default_rng(5), 200, 20)
    ratio, later = ratio_and_momentum(levels, DAILY)[0], ratio_and_momentum(levels[30:], DAILY)[0]
    apart = np.abs(ratio[30:] - later)

    assert apart[20].max() > 0.05
    assert apart[40].max() < 0.05
