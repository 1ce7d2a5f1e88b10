"""The two kinds of model, each with its calibration, fitted to the rows of one training."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from threading import Lock
from typing import Any, Literal

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from marketflows_pipeline.errors import TooLittleDataError
from marketflows_pipeline.models.dataset import Dataset, Floats
from marketflows_pipeline.models.preparation import Preparation

Kind = Literal["logistic", "gradient_boosting"]
# Fixed beforehand and not tuned, so that no choice has seen a test.
STRENGTH = 1e-3
_TREES = {"max_iter": 100, "max_depth": 3, "learning_rate": 0.05, "min_samples_leaf": 200, "l2_regularization": 1.0}
CALIBRATION_SHARE = 0.2
# Platt's two figures need no shrinking, only an end where the scores separate perfectly.
_PLATT_STRENGTH = 1e6
_COUNTING = Lock()
_LEVEL_STEPS, _LEVEL_TOLERANCE, _FLAT = 100, 1e-12, 1e-300


@dataclass(frozen=True)
class Calibrated:
    """A fitted model whose scores Platt's sigmoid turns into probabilities.

    Trees need no preparation, since they take gaps as they are. The slope is never negative: a higher score never means
    a lower probability.
    """

    preparation: Preparation | None
    classifier: Any
    slope: float
    intercept: float

    def scores(self, x: Floats) -> Floats:
        """The classifier's own log odds."""
        prepared = x if self.preparation is None else self.preparation.apply(x)
        return np.asarray(self.classifier.decision_function(prepared), dtype=np.float64)

    def probabilities(self, x: Floats) -> Floats:
        """``1 / (1 + exp(-(intercept + slope * score)))`` of each row."""
        return sigmoid(self.intercept + self.slope * self.scores(x))


def sigmoid(log_odds: Floats) -> Floats:
    """Probability of log odds, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * log_odds)), dtype=np.float64)


def fit(data: Dataset, columns: NDArray[np.int64], *, kind: Kind, seed: int) -> Calibrated:
    """Fit to the rows of one training, calibrated on rows that the calibrated fit had not seen.

    1. A first fit on the first 80 % of the sessions gives scores for the last 20 %. Rows whose label is known only
       within the latter belong to neither.
    2. Platt's sigmoid on those scores gives the slope: how much of the scores holds up. It is a line of two figures,
       since an isotonic curve would follow noise at these few independent labels. Where scores and outcomes run against
       each other the slope is 0, for no evidence is no reason to turn a model around.
    3. The model is fitted again to all rows, and its level set so that its mean probability is the frequency of all of
       them: a fifth of the sessions is far too short to know how often prices rise.

    Training rows are by session; ``columns`` of ``data.x`` are those that the model may see. The logistic model draws
    nothing at random.

    Raises:
        TooLittleDataError: if one of the two stretches has one outcome only.
    """
    fitting, calibrating = calibration_rows(data)
    for rows in (fitting, calibrating):
        if len(np.unique(data.y[rows])) < 2:
            raise TooLittleDataError(
                "A stretch of training rows has only one outcome, so there is nothing to learn from it. "
                "Fetch a longer history or train on more assets."
            )
    x = data.x[:, columns]
    early, _ = _fitted(x[fitting], data.y[fitting], kind, seed)
    slope = platt_slope(early.scores(x[calibrating]), data.y[calibrating])
    final, scores = _fitted(x, data.y, kind, seed)
    return replace(final, slope=slope, intercept=level(slope * scores, data.y))


def calibration_rows(data: Dataset) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows of the first fit and of the calibration; some belong to neither."""
    dates = np.unique(data.session)
    first = dates[int(len(dates) * (1 - CALIBRATION_SHARE))]
    return (data.session < first) & (data.ends <= first), data.session >= first


def _fitted(x: Floats, y: Floats, kind: Kind, seed: int) -> tuple[Calibrated, Floats]:
    """A model that is not calibrated yet, and its scores of the rows it was fitted to."""
    if kind == "gradient_boosting":
        trees = HistGradientBoostingClassifier(**_TREES, early_stopping=False, random_state=seed)
        # A column without any figure cannot be cut into bins; one that never changes is never split on.
        is_empty = np.isnan(x).all(axis=0)
        with _COUNTING:
            _count_cores()
        # This limit holds for the thread that asks for it; that of linear algebra for all, so it is `one_thread_each`.
        with threadpool_limits(limits=1, user_api="openmp"):
            trees.fit(np.where(is_empty, 0.0, x), y)
            fitted = Calibrated(None, trees, 1.0, 0.0)
            return fitted, fitted.scores(x)
    preparation, prepared = Preparation.fit(x)
    model = LogisticRegression(C=STRENGTH, solver="newton-cholesky", tol=1e-6).fit(prepared, y)
    return Calibrated(preparation, model, 1.0, 0.0), np.asarray(model.decision_function(prepared), dtype=np.float64)


@cache
def _count_cores() -> int:
    """Let joblib count the cores, which scikit-learn asks it for: the first time it may warn of what is no fault.

    It asks ``lscpu``, which knows nothing in a container without ``/sys``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return int(joblib.cpu_count(only_physical_cores=True))


def one_thread_each() -> AbstractContextManager[object]:
    """While it lasts, linear algebra takes one thread for each that calls it.

    On matrices this small more threads only wait for each other, on a busy machine for minutes; and sums would depend
    on how many there are.
    """
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


def platt_slope(scores: Floats, y: Floats) -> float:
    """Slope, at least 0, of the sigmoid that fits scores to outcomes best, its level left free.

    Source: J. Platt, Probabilistic outputs for support vector machines (1999), without his smoothing of targets, which
    vanishes with thousands of rows.
    """
    deviation = float(scores.std())
    if not deviation > 0:
        return 0.0
    fitted = LogisticRegression(C=_PLATT_STRENGTH, tol=1e-8, max_iter=200).fit((scores / deviation)[:, None], y)
    return max(0.0, float(fitted.coef_[0, 0]) / deviation)


def level(log_odds: Floats, y: Floats) -> float:
    """What to add to log odds so that the mean probability is the frequency of 1.

    By Newton's method; where a step leaves the stretch that holds the answer, half of the stretch is taken instead.
    """
    frequency = float(y.mean())
    alone = float(np.log(frequency / (1 - frequency)))
    # All odds alike would need `alone` less those odds, so the answer is between the two extremes of that.
    lower, upper = alone - float(log_odds.max()), alone - float(log_odds.min())
    added = alone - float(log_odds.mean())
    for _ in range(_LEVEL_STEPS):
        p = sigmoid(added + log_odds)
        missing = frequency - float(p.mean())
        lower, upper = (added, upper) if missing > 0 else (lower, added)
        step = missing / max(float((p * (1 - p)).mean()), _FLAT)
        if abs(step) < _LEVEL_TOLERANCE:
            break
        added = added + step if lower < added + step < upper else (lower + upper) / 2
    return added
