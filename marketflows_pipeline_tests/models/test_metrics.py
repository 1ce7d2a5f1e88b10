from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from marketflows_pipeline.models import metrics
from marketflows_pipeline.models.bootstrap import block_counts, block_length, interval
from marketflows_pipeline.models.evaluation import expected_calibration_error

ONCE = np.ones((1, 4))


def test_auc_counts_pairs_and_ties_as_half() -> None:
    # pairs of (1, 0): 0.8 beats 0.1 and ties 0.8; 0.3 beats 0.1 and loses to 0.8: 2.5 of 4
    y, p = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.8, 0.1, 0.3, 0.8])

    assert metrics.auc(y, p, ONCE, np.arange(4))[0] == 2.5 / 4


def test_auc_with_one_outcome_is_none() -> None:
    assert math.isnan(metrics.auc(np.ones(4), np.arange(4.0), ONCE, np.arange(4))[0])


@given(seed=st.integers(0, 500))
def test_auc_is_that_of_scikit_learn_and_weights_are_repetitions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.concatenate([[0.0, 1.0], rng.integers(0, 2, 30)])
    p = rng.integers(0, 6, 32) / 5
    times = rng.integers(1, 4, 32)

    found = metrics.auc(y, p, np.vstack([np.ones(32), times]), np.arange(32))

    assert found[0] == pytest.approx(roc_auc_score(y, p))
    assert found[1] == pytest.approx(roc_auc_score(np.repeat(y, times), np.repeat(p, times)))


def test_auc_of_a_date_is_among_its_assets() -> None:
    # date 0: 0.6 (1) beats 0.2 (0) and loses to 0.9 (0); date 1 has one outcome only
    y, p = np.array([1.0, 0.0, 0.0, 1.0, 1.0]), np.array([0.6, 0.2, 0.9, 0.1, 0.2])
    found = metrics.auc_of_dates(y, p, np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 2]), (2, 3))

    assert found[0] == 0.5
    assert math.isnan(found[1])


def test_squared_error_and_log_loss_by_hand() -> None:
    y, p = np.array([1.0, 0.0]), np.array([0.8, 0.8])

    np.testing.assert_allclose(metrics.squared_error(y, p), [0.04, 0.64])
    np.testing.assert_allclose(metrics.log_loss(y, p), [-math.log(0.8), -math.log(0.2)])
    assert metrics.log_loss(np.array([0.0]), np.array([1.0]))[0] == pytest.approx(-math.log(1e-6))


def test_bins_are_tenths_of_the_forecasts() -> None:
    p = np.arange(100) / 100

    place = metrics.bin_of(p, metrics.bin_edges(p))

    np.testing.assert_array_equal(np.bincount(place), [10] * 10)
    np.testing.assert_array_equal(place, np.sort(place))
    assert metrics.bin_of(np.array([-1.0, 2.0]), metrics.bin_edges(p)).tolist() == [0, 9]


def test_forecasts_that_are_all_alike_make_one_bin() -> None:
    assert metrics.bin_edges(np.full(20, 0.5)).tolist() == []


def test_calibration_error_by_hand() -> None:
    # two forecasts, five rows each: 0.2 came true once (right), 0.6 five times (0.4 off): (5 x 0 + 5 x 0.4) / 10
    p = np.array([0.2] * 5 + [0.6] * 5)
    y = np.array([1.0, 0, 0, 0, 0] + [1.0] * 5)

    assert expected_calibration_error(y, p) == pytest.approx(0.2)


def test_a_resample_has_as_many_dates_in_blocks_that_go_round() -> None:
    counts = block_counts(50, 20, resamples=200, seed=1)

    assert counts.shape == (200, 50)
    assert set(counts.sum(axis=1)) == {50.0}
    # no date is favoured, the ends neither: each comes once a resample on average
    assert np.abs(counts.mean(axis=0) - 1).max() < 0.2
    # neighbours come together: of the steps around the circle, at most two a block change the count
    changes = (counts != np.roll(counts, 1, axis=1)).sum(axis=1)
    assert changes.max() <= 2 * 3


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    draws = [block_counts(40, 5, resamples=3, seed=seed).tobytes() for seed in (1, 1, 2)]

    assert draws[0] == draws[1] != draws[2]


def test_blocks_are_three_horizons_long_and_at_least_twenty_sessions() -> None:
    assert [block_length(horizon) for horizon in (1, 5, 7, 20)] == [20, 20, 21, 60]


def test_an_interval_leaves_out_what_could_not_be_computed() -> None:
    lower, upper = interval(np.array([*np.arange(101.0), np.nan]))

    assert (lower, upper) == (2.5, 97.5)
    assert all(math.isnan(end) for end in interval(np.array([np.nan])))


@pytest.mark.slow
def test_blocks_cover_the_mean_of_what_is_alike_from_day_to_day() -> None:
    """Days drawn one by one take neighbours for independent, and their intervals are far too narrow."""
    rng = np.random.default_rng(11)
    covered = {1: 0, 25: 0}
    for trial in range(150):
        noise = rng.normal(size=600)
        values = np.empty(600)
        values[0] = noise[0] / math.sqrt(1 - 0.8**2)
        for place in range(1, 600):
            values[place] = 0.8 * values[place - 1] + noise[place]
        for block in covered:
            counts = block_counts(600, block, resamples=200, seed=trial)
            lower, upper = interval(metrics.ratio(counts, values, np.ones(600)))
            covered[block] += lower <= 0 <= upper

    assert covered[25] >= 0.85 * 150
    assert covered[1] <= 0.65 * 150
