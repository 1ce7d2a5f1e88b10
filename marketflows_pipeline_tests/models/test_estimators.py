from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from marketflows_pipeline.errors import TooLittleDataError
from marketflows_pipeline.models.dataset import Dataset, dataset
from marketflows_pipeline.models.estimators import Kind, fit, level, platt_slope, sigmoid
from marketflows_pipeline.models.panel import FEATURES
from marketflows_pipeline.models.preparation import Preparation
from marketflows_pipeline_tests.examples import at_most, one_quick
from marketflows_pipeline_tests.models.made_up import market

KINDS: tuple[Kind, ...] = ("logistic", "gradient_boosting")
NAN = float("nan")
ROOT = Path(__file__).parents[2]


def signal_of(effect: float, **changes: pl.Expr) -> Dataset:
    made = market(sessions=500, symbols=6, effect=effect)
    return dataset(made.panel.with_columns(**changes), made.labels, features=FEATURES)


def test_gaps_get_the_median_and_a_column_that_says_so() -> None:
    # medians 2 and 5; after filling, the columns are 1 2 2 3 and 5 5 5 5, the indicator 0 1 0 0
    x = np.array([[1, 5], [NAN, 5], [2, 5], [3, 5]])

    learned, prepared = Preparation.fit(x)

    np.testing.assert_array_equal(prepared, learned.apply(x))
    assert prepared.shape == (4, 3)
    np.testing.assert_allclose(prepared[:, 0], np.array([-1, 0, 0, 1]) / np.sqrt(0.5))
    np.testing.assert_array_equal(prepared[:, 1], [0, 0, 0, 0])
    np.testing.assert_allclose(prepared[:, 2], np.array([-0.25, 0.75, -0.25, -0.25]) / np.sqrt(0.1875))


def test_what_is_learned_in_training_is_applied_to_other_rows() -> None:
    learned, _ = Preparation.fit(np.array([[1.0], [3.0]]))

    # mean 2, deviation 1; a gap where training had none gets the median and no column of its own
    np.testing.assert_allclose(learned.apply(np.array([[5.0], [NAN]])), [[3.0], [0.0]])


def test_a_gap_in_less_than_a_hundredth_of_rows_gets_no_column_of_its_own() -> None:
    x = np.arange(200.0)[:, None]
    x[7] = NAN

    assert Preparation.fit(x)[1].shape == (200, 1)
    x[8] = NAN
    assert Preparation.fit(x)[1].shape == (200, 2)


def test_a_column_without_any_figure_is_no_fault() -> None:
    x = np.array([[NAN, 1.0], [NAN, 2.0]])

    assert np.isfinite(Preparation.fit(x)[1]).all()


@at_most(30)
@given(scores=st.lists(st.floats(-5, 5), min_size=4, max_size=40), seed=st.integers(0, 99))
def test_calibration_is_monotone(scores: list[float], seed: int) -> None:
    given_scores = np.array(scores)
    y = np.random.default_rng(seed).integers(0, 2, len(scores)).astype(np.float64)
    y[0], y[1] = 0.0, 1.0

    slope = platt_slope(given_scores, y)
    p = sigmoid(0.3 + slope * np.sort(given_scores))

    assert slope >= 0
    assert (np.diff(p) >= 0).all()


def test_scores_that_run_against_the_outcomes_are_not_turned_around() -> None:
    assert platt_slope(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 1.0, 0.0, 0.0])) == 0.0
    assert platt_slope(np.ones(4), np.array([1.0, 1.0, 0.0, 0.0])) == 0.0


def test_the_slope_says_how_much_of_the_scores_holds_up() -> None:
    # outcomes drawn at half the log odds that the scores claim
    rng = np.random.default_rng(4)
    scores = rng.normal(size=40_000)
    y = (rng.random(40_000) < sigmoid(0.5 * scores + 0.2)).astype(np.float64)

    assert platt_slope(scores, y) == pytest.approx(0.5, abs=0.04)


@given(scores=st.lists(st.floats(-8, 8), min_size=2, max_size=30), ones=st.integers(1, 9))
def test_the_level_makes_the_mean_probability_the_frequency(scores: list[float], ones: int) -> None:
    y = np.array([1.0] * ones + [0.0] * (10 - ones))
    log_odds = np.array(scores)

    assert sigmoid(level(log_odds, y) + log_odds).mean() == pytest.approx(ones / 10)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_probabilities_to_the_last_bit(kind: Kind) -> None:
    data = signal_of(0.3)
    columns = data.columns(FEATURES)

    first, second = (fit(data, columns, kind=kind, seed=5).probabilities(data.x) for _ in range(2))

    assert first.tobytes() == second.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("kind", one_quick(KINDS))
def test_a_signal_is_learned_and_the_mean_probability_is_the_frequency(kind: Kind) -> None:
    data = signal_of(1.0)

    fitted = fit(data, data.columns(FEATURES), kind=kind, seed=5)
    p = fitted.probabilities(data.x)

    assert p.mean() == pytest.approx(data.y.mean(), abs=1e-9)
    assert p[data.feature("flow_zscore") > 1].mean() > 0.65
    assert p[data.feature("flow_zscore") < -1].mean() < 0.35
    assert fitted.slope > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", one_quick(KINDS))
def test_gaps_and_columns_without_any_figure_are_no_fault(kind: Kind) -> None:
    nothing = pl.lit(None, pl.Float64)
    gap = pl.when(pl.col("return_1") > 0).then(pl.col("return_1"))
    data = signal_of(1.0, cmf_20=nothing, return_1=gap)

    p = fit(data, data.columns(FEATURES), kind=kind, seed=5).probabilities(data.x)

    assert np.isfinite(p).all()
    # what is missing in training may be there later
    later = data.x.copy()
    later[:, data.features.index("cmf_20")] = 3.0
    np.testing.assert_allclose(fit(data, data.columns(FEATURES), kind=kind, seed=5).probabilities(later), p)


def test_one_outcome_only_is_refused() -> None:
    data = signal_of(1.0)
    data.y[data.session > 450] = 1.0
    data.y[data.session <= 450] = 0.0

    with pytest.raises(TooLittleDataError, match="only one outcome"):
        fit(data, data.columns(FEATURES), kind="logistic", seed=5)


@pytest.mark.slow
def test_the_first_fit_never_sees_a_label_of_the_calibration() -> None:
    """A label that ends within the last fifth belongs to neither stretch, or calibration would see what was fitted."""
    data = signal_of(1.0)
    seen: list[int] = []

    class Spy(LogisticRegression):  # type: ignore[misc]
        def fit(self, x: np.ndarray, y: np.ndarray) -> LogisticRegression:
            seen.append(len(y))
            return super().fit(x, y)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("marketflows_pipeline.models.estimators.LogisticRegression", Spy)
        fit(data, data.columns(FEATURES), kind="logistic", seed=5)

    # 500 sessions of 6 assets: 400 to fit less one whose label ends in the 401st, 100 to calibrate, then all
    assert seen == [399 * 6, 100 * 6, 500 * 6]


@pytest.mark.slow
def test_a_machine_that_does_not_know_its_cores_is_no_cause_to_warn(tmp_path: Path) -> None:
    """On a bare machine without /sys, training once warned that it found no physical cores."""
    ignorant = tmp_path / "lscpu"
    ignorant.write_text("#!/bin/sh\n")
    ignorant.chmod(0o755)
    script = (
        "from marketflows_pipeline.models.estimators import fit\n"
        "from marketflows_pipeline.models.panel import FEATURES\n"
        "from marketflows_pipeline_tests.models.test_estimators import signal_of\n"
        "data = signal_of(1.0)\n"
        "fit(data, data.columns(FEATURES), kind='gradient_boosting', seed=5)\n"
    )
    environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", script], env=environ, check=True, cwd=ROOT)
