"""A fitted estimator as plain arrays of numbers, and back: loading one runs no code, whoever wrote the file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketflows_pipeline.models.dataset import Floats, Positions
from marketflows_pipeline.models.estimators import Calibrated, Kind
from marketflows_pipeline.models.preparation import Preparation

# A model of this program takes some 100 KB; more than this is none.
MOST_BYTES = 64 * 1024 * 1024
_CALIBRATION = {"slope": 0, "intercept": 0}
# The arrays of each kind with their dimensions; positions are whole numbers, all else floats.
_SHAPES: Mapping[Kind, Mapping[str, int]] = {
    "logistic": {
        **_CALIBRATION,
        **{"medians": 1, "incomplete": 1, "mean": 1, "deviation": 1},
        **{"coefficients": 2, "constant": 1},
    },
    "gradient_boosting": {
        **_CALIBRATION,
        **{"baseline": 0, "roots": 1, "feature": 1, "threshold": 1, "gaps_go_left": 1},
        **{"left": 1, "right": 1, "value": 1},
    },
}
_POSITIONS = {"incomplete", "roots", "feature", "gaps_go_left", "left", "right"}
_FITTED = (("left", "left"), ("right", "right"), ("feature", "feature_idx"), ("gaps_go_left", "missing_go_to_left"))

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Linear:
    """Log odds as a weighted sum: one row of coefficients, and a constant."""

    coefficients: Floats
    constant: Floats

    def decision_function(self, x: Floats) -> Floats:
        """Log odds of each row, to the bit as scikit-learn's logistic regression gives them."""
        odds: Floats = (x @ self.coefficients.T + self.constant).ravel()
        return odds


@dataclass(frozen=True)
class Trees:
    """Log odds as a sum over trees, whose nodes stand one after the other.

    The baseline is the log odds before any tree; ``roots`` are the first node of each. A node looks at column
    ``feature``: rows at or below the threshold go left, and so do those without a figure where ``gaps_go_left`` is 1. A
    node's children come later than itself, and are 0 at a leaf, which adds its value.
    """

    baseline: Floats
    roots: Positions
    feature: Positions
    threshold: Floats
    gaps_go_left: Positions
    left: Positions
    right: Positions
    value: Floats

    def decision_function(self, x: Floats) -> Floats:
        """Log odds of each row, to the bit as scikit-learn's histogram gradient boosting gives them."""
        odds = np.full(len(x), float(self.baseline))
        rows = np.arange(len(x))
        for root in self.roots:
            node = np.full(len(x), root)
            while (self.left[node] > 0).any():
                figures = x[rows, self.feature[node]]
                is_left = np.where(np.isnan(figures), self.gaps_go_left[node] == 1, figures <= self.threshold[node])
                child = np.where(is_left, self.left[node], self.right[node])
                node = np.where(self.left[node] > 0, child, node)
            odds += self.value[node]
        return odds


def packed(estimator: Calibrated) -> bytes:
    """The numbers of an estimator, the same bytes for the same numbers."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **_arrays(estimator))
    return buffer.getvalue()


def unpacked(content: bytes, kind: Kind, columns: int) -> Calibrated:
    """The estimator that `packed` gave.

    Raises:
        ValueError: if the bytes are not the numbers of such an estimator.
    """
    arrays = _read(content, _SHAPES[kind])
    for name, array in arrays.items():
        expected = np.dtype(np.int64 if name in _POSITIONS else np.float64)
        if array.dtype != expected or array.ndim != _SHAPES[kind][name]:
            raise ValueError(f"{name} is {array.dtype} of {array.ndim} dimensions")
        # A threshold may be infinite: all that are no gaps go left.
        if expected.kind == "f" and not (np.isfinite(array) | (np.isposinf(array) & (name == "threshold"))).all():
            raise ValueError(f"{name} holds what is no number")
    calibration = (float(arrays.pop("slope")), float(arrays.pop("intercept")))
    if calibration[0] < 0:
        raise ValueError("slope is below 0")
    if kind == "logistic":
        return Calibrated(*_linear(arrays, columns), *calibration)
    return Calibrated(None, _trees(arrays, columns), *calibration)


def _arrays(estimator: Calibrated) -> Arrays:
    made: Arrays = {"slope": np.array(estimator.slope), "intercept": np.array(estimator.intercept)}
    model, preparation = estimator.classifier, estimator.preparation
    if isinstance(model, Linear | Trees):
        made |= vars(model)
    elif preparation is None:
        made |= _grown(model)
    else:
        made |= {"coefficients": model.coef_, "constant": model.intercept_}
    if preparation is not None:
        made |= vars(preparation)
    return {
        name: np.ascontiguousarray(array, dtype=np.int64 if name in _POSITIONS else np.float64).reshape(array.shape)
        for name, array in sorted(made.items())
    }


def _grown(model: Any) -> Arrays:  # noqa: ANN401 - scikit-learn says nothing of its types
    """The trees of a fitted classifier, which scikit-learn keeps where no public name leads."""
    trees = [predictor.nodes for (predictor,) in model._predictors]
    assert not any(tree["is_categorical"].any() for tree in trees), "no column of the panel is a category"
    sizes = np.array([len(tree) for tree in trees], dtype=np.int64)
    roots = np.cumsum(sizes) - sizes
    nodes = np.concatenate(trees)
    made: Arrays = {ours: nodes[theirs].astype(np.int64) for ours, theirs in _FITTED}
    is_leaf, first = nodes["is_leaf"] == 1, np.repeat(roots, sizes)
    for side in ("left", "right"):
        made[side] = np.where(is_leaf, 0, made[side] + first)
    return made | {
        "baseline": np.array(model._baseline_prediction.item()),
        "roots": roots,
        "threshold": nodes["num_threshold"],
        "value": nodes["value"],
    }


def _read(content: bytes, names: Mapping[str, int]) -> Arrays:
    """The named arrays and no others, none of them by pickle."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as members:
            if sum(member.file_size for member in members.infolist()) > MOST_BYTES:
                raise ValueError("it is larger than any model")
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            if sorted(stored.files) != sorted(names):
                raise ValueError(f"it holds {', '.join(sorted(stored.files)) or 'nothing'}")
            arrays = {name: stored[name] for name in names}
            if not all(isinstance(array, np.ndarray) for array in arrays.values()):
                raise ValueError("it holds what is no array")
            return arrays
    except Exception as error:
        # numpy, zip and the parser of Python's literals each have kinds of their own for what is no array.
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _linear(arrays: Arrays, columns: int) -> tuple[Preparation, Linear]:
    linear = Linear(arrays.pop("coefficients"), arrays.pop("constant"))
    preparation = Preparation(**arrays)
    filled = columns + len(preparation.incomplete)
    shapes = [array.shape for array in (preparation.medians, preparation.mean, preparation.deviation)]
    if shapes != [(columns,), (filled,), (filled,)] or linear.coefficients.shape != (1, filled):
        raise ValueError(f"it is made for other rows than those of {columns} columns")
    if linear.constant.shape != (1,) or not _within(preparation.incomplete, columns):
        raise ValueError("its constant or its columns are out of range")
    return preparation, linear


def _trees(arrays: Arrays, columns: int) -> Trees:
    trees = Trees(**arrays)
    nodes = len(trees.value)
    if {len(array) for name, array in arrays.items() if name not in {"baseline", "roots"}} != {nodes}:
        raise ValueError("its nodes differ in number")
    # A way down always leads to a later node, so that it ends.
    is_inner, place = (trees.left != 0) | (trees.right != 0), np.arange(nodes)
    ends = all(_within(side, nodes) and (side[is_inner] > place[is_inner]).all() for side in (trees.left, trees.right))
    if not ends or not _within(trees.roots, nodes) or not _within(trees.feature, columns):
        raise ValueError("its nodes lead nowhere")
    return trees


def _within(positions: Positions, count: int) -> bool:
    return bool(((positions >= 0) & (positions < count)).all())
