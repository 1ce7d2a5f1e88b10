"""One walk-forward for many sets of labels at once, for whoever asks what chance gives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from marketflows_pipeline.models.baselines import base_rate
from marketflows_pipeline.models.dataset import Dataset, Floats, Positions
from marketflows_pipeline.models.estimators import (
    STRENGTH,
    Kind,
    calibration_rows,
    fit,
    level,
    platt_slope,
    sigmoid,
)
from marketflows_pipeline.models.out_of_sample import Progress, of_each_block
from marketflows_pipeline.models.preparation import Preparation
from marketflows_pipeline.models.walk_forward import WalkForward

_STEPS, _TOLERANCE = 200, 1e-7


@dataclass(frozen=True)
class ManyForecasts:
    """Forecasts out of sample after each of k sets of labels.

    Probabilities of ``rows``, a slice of the data, by the model with all features and by each asset's base rate, both
    rows x k.
    """

    rows: slice
    model: Floats
    base_rate: Floats


def forecast_each(
    data: Dataset, walk: WalkForward, outcomes: Floats, *, kind: Kind, seed: int, on_progress: Progress | None = None
) -> ManyForecasts:
    """What `out_of_sample.forecast` would give with all features if the labels were these, one set after the other.

    Outcomes are rows x k, 0 or 1; the data's own labels are not looked at. ``on_progress`` is told blocks done and
    blocks in all.

    Raises:
        TooLittleDataError: if there are too few sessions.
    """
    columns = data.columns(data.features)

    def of_block(test: Dataset, trained: Positions) -> tuple[Floats, Floats]:
        train, labels = data.take(trained), outcomes[trained]
        each = [replace(train, y=y) for y in labels.T]
        if kind == "logistic":
            model = _logistic(train, test.x[:, columns], columns, labels)
        else:
            found = [fit(one, columns, kind=kind, seed=seed).probabilities(test.x[:, columns]) for one in each]
            model = np.column_stack(found)
        return model, np.column_stack([base_rate(one, test) for one in each])

    rows, found = of_each_block(data, walk, of_block, on_progress)
    models, base_rates = zip(*found, strict=True)
    return ManyForecasts(rows, np.vstack(models), np.vstack(base_rates))


def _logistic(train: Dataset, x_test: Floats, columns: Positions, labels: Floats) -> Floats:
    """Probabilities by `estimators.fit` after each set of labels; rows are prepared once for all of them."""
    x = train.x[:, columns]
    fitting, calibrating = calibration_rows(train)
    early = _Logistic.fit(x[fitting], labels[fitting])[0].scores(x[calibrating])
    slopes = np.array([_slope(*pair) for pair in zip(early.T, labels[calibrating].T, strict=True)])
    final, scores = _Logistic.fit(x, labels)
    levels = np.array([level(slope * own, y) for slope, own, y in zip(slopes, scores.T, labels.T, strict=True)])
    return sigmoid(levels + slopes * final.scores(x_test))


def _slope(scores: Floats, y: Floats) -> float:
    # A stretch with one outcome calibrates nothing; the model itself is refused there, one placebo of many is not.
    return platt_slope(scores, y) if 0 < y.sum() < len(y) else 0.0


@dataclass(frozen=True)
class _Logistic:
    """Logistic regressions of the same prepared rows on k sets of labels.

    The weights, of the features and the constant, are by k.
    """

    preparation: Preparation
    weights: Floats

    @classmethod
    def fit(cls, x: Floats, labels: Floats) -> tuple[_Logistic, Floats]:
        """The regressions that `estimators` fits with scikit-learn, and their scores of these rows.

        Newton's method with one matrix for all steps and sets, an upper bound of the curvature, so that each step
        descends. Source: D. Böhning, B. Lindsay (1988).
        """
        preparation, prepared = Preparation.fit(x)
        design = np.hstack([prepared, np.ones((len(prepared), 1))])
        penalty = np.append(np.ones(prepared.shape[1]), 0.0)
        inverse = np.linalg.inv(0.25 * STRENGTH * design.T @ design + np.diag(penalty))
        weights = np.zeros((design.shape[1], labels.shape[1]))
        for _ in range(_STEPS):
            missing = labels - sigmoid(design @ weights)
            step = inverse @ (STRENGTH * (design.T @ missing) - penalty[:, None] * weights)
            weights += step
            if np.abs(step).max() < _TOLERANCE:
                break
        return cls(preparation, weights), design @ weights

    def scores(self, x: Floats) -> Floats:
        """Log odds, rows x k."""
        return np.asarray(self.preparation.apply(x) @ self.weights[:-1] + self.weights[-1], dtype=np.float64)
