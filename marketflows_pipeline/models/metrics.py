"""Figures of forecasts, weighted by how often each date is drawn."""

from __future__ import annotations

import numpy as np

from marketflows_pipeline.models.dataset import Floats, Positions

BINS = 10
_FLOOR = 1e-6


def squared_error(y: Floats, p: Floats) -> Floats:
    """Brier's score of each row."""
    return np.asarray((p - y) ** 2, dtype=np.float64)


def log_loss(y: Floats, p: Floats) -> Floats:
    """``-ln`` of the probability given to what came, of each row; probabilities no nearer to 0 and 1 than 1e-6."""
    given = np.where(y > 0.5, p, 1 - p)
    return np.asarray(-np.log(np.clip(given, _FLOOR, None)), dtype=np.float64)


def by_date(values: Floats, date: Positions, dates: int) -> Floats:
    """Sum of a row's figure over each date."""
    return np.asarray(np.bincount(date, weights=values, minlength=dates), dtype=np.float64)


def ratio(counts: Floats, numerator: Floats, denominator: Floats) -> Floats:
    """``sum(counts * numerator) / sum(counts * denominator)`` over dates, of each resample; NaN for 0 / 0."""
    below = counts @ denominator
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((counts @ numerator) / below, dtype=np.float64)


def auc(y: Floats, p: Floats, counts: Floats, date: Positions) -> Floats:
    """Area under the ROC curve: how often a 1 is ranked above a 0, ties counted half.

    ``y`` and ``p`` are of n rows, ``date`` the position of each row's date; ``counts``, resamples x dates, how often
    each date is drawn.

    Returns:
        One figure a resample; NaN where it has one outcome only.
    """
    order = np.argsort(p, kind="stable")
    begins = np.flatnonzero(np.concatenate([[True], np.diff(p[order]) > 0]))
    # A row for each forecast and a column for each resample, since rows are what is fast to pick.
    drawn = np.ascontiguousarray(counts.T)[date[order]]
    ones = drawn * y[order][:, None]
    zeros = np.subtract(drawn, ones, out=drawn)
    if len(begins) < len(order):
        ones, zeros = np.add.reduceat(ones, begins, axis=0), np.add.reduceat(zeros, begins, axis=0)
    below = np.cumsum(zeros, axis=0)
    pairs = ones.sum(axis=0) * below[-1]
    below -= 0.5 * zeros
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.einsum("ij,ij->j", ones, below) / pairs, dtype=np.float64)


def auc_of_dates(y: Floats, p: Floats, date: Positions, symbol: Positions, shape: tuple[int, int]) -> Floats:
    """Area under the ROC curve among the assets of each date; NaN where a date has one outcome only.

    Of n rows, one of each date and symbol at most, with the positions of both; the shape is dates x symbols.
    """
    forecast, outcome = np.full(shape, np.nan), np.full(shape, np.nan)
    forecast[date, symbol], outcome[date, symbol] = p, y
    is_pair = (outcome == 1)[:, :, None] & (outcome == 0)[:, None, :]
    one, zero = forecast[:, :, None], forecast[:, None, :]
    won = (is_pair * ((one > zero) + 0.5 * (one == zero))).sum(axis=(1, 2))
    pairs = is_pair.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(won / pairs, dtype=np.float64)


def bin_edges(p: Floats) -> Floats:
    """The 9 inner edges that cut forecasts into 10 bins of equal size; fewer where forecasts are alike."""
    # Edges are forecasts that were made, so no bin is empty.
    edges = np.unique(np.quantile(p, np.arange(1, BINS) / BINS, method="higher"))
    return np.asarray(edges[edges > p.min()], dtype=np.float64)


def bin_of(p: Floats, edges: Floats) -> Positions:
    """Which bin each forecast falls into: the first is below the first edge, the last at or above the last."""
    return np.searchsorted(edges, p, side="right").astype(np.int64)
