"""The two kinds of model, each with its calibration, fitted to the rows of one training.

What belongs here: fitting and calibrating, probabilities out. What does not: splitting into training and test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from marketflows_pipeline.models.dataset import Dataset, Floats
from marketflows_pipeline.models.preparation import Preparation
from marketflows_pipeline.models.walk_forward import TooLittleDataError

Kind = Literal["logistic", "gradient_boosting"]
# Fixed beforehand and not tuned, so that no choice has seen a test.
_STRENGTH = 1e-3
_TREES = {"max_iter": 100, "max_depth": 3, "learning_rate": 0.05, "min_samples_leaf": 200, "l2_regularization": 1.0}
CALIBRATION_SHARE = 0.2
# Platt's two figures need no shrinking, only an end where the scores separate perfectly.
_PLATT_STRENGTH = 1e6


@dataclass(frozen=True)
class Calibrated:
    """A fitted model whose scores Platt's sigmoid turns into probabilities.

    Attributes:
        preparation: imputing and scaling, or None for trees, which take gaps as they are.
        classifier: the fitted scikit-learn classifier.
        slope: of the sigmoid, never negative: a higher score never means a lower probability.
        intercept: of the sigmoid.
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
    """Fit on the first 80 % of the sessions, calibrate on the last 20 %.

    Rows whose label is known only within the calibration's sessions belong to neither, so what is calibrated on was not
    fitted to. The sigmoid is Platt's, two figures, since an isotonic curve would follow noise at these few independent
    labels. Where scores and outcomes run against each other the slope is 0: no evidence is no reason to turn a model
    around.

    Args:
        data: training rows, by session.
        columns: which columns of ``data.x`` the model may see.
        kind: which model.
        seed: for what is drawn at random; the logistic model draws nothing.

    Raises:
        TooLittleDataError: if one of the two stretches has one outcome only.
    """
    dates = np.unique(data.session)
    first = dates[int(len(dates) * (1 - CALIBRATION_SHARE))]
    fitting, calibrating = (data.session < first) & (data.ends <= first), data.session >= first
    for rows in (fitting, calibrating):
        if len(np.unique(data.y[rows])) < 2:
            raise TooLittleDataError(
                "A stretch of training rows has only one outcome, so there is nothing to learn from it. "
                "Fetch a longer history or train on more assets."
            )
    x = data.x[:, columns]
    preparation, classifier = _fitted(x[fitting], data.y[fitting], kind, seed)
    raw = Calibrated(preparation, classifier, 1.0, 0.0)
    slope, intercept = platt(raw.scores(x[calibrating]), data.y[calibrating])
    return Calibrated(preparation, classifier, slope, intercept)


def _fitted(x: Floats, y: Floats, kind: Kind, seed: int) -> tuple[Preparation | None, Any]:
    if kind == "gradient_boosting":
        return None, HistGradientBoostingClassifier(**_TREES, early_stopping=False, random_state=seed).fit(x, y)
    preparation = Preparation.fit(x)
    return preparation, LogisticRegression(C=_STRENGTH, tol=1e-6, max_iter=200).fit(preparation.apply(x), y)


def platt(scores: Floats, y: Floats) -> tuple[float, float]:
    """Slope (at least 0) and intercept of the sigmoid that fits scores to outcomes best.

    Source: J. Platt, Probabilistic outputs for support vector machines (1999), without his smoothing of targets, which
    vanishes with thousands of rows.
    """
    deviation = float(scores.std())
    if deviation > 0:
        scaled = (scores / deviation)[:, None]
        sigmoid_fit = LogisticRegression(C=_PLATT_STRENGTH, tol=1e-8, max_iter=200).fit(scaled, y)
        slope = float(sigmoid_fit.coef_[0, 0]) / deviation
        if slope > 0:
            return slope, float(sigmoid_fit.intercept_[0])
    rate = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
    return 0.0, float(np.log(rate / (1 - rate)))
