"""Forecasts that need no model: what a model has to beat."""

from __future__ import annotations

import numpy as np

from marketflows_pipeline.models.dataset import Dataset, Floats

MOMENTUM_FEATURE = "return_20"


def base_rates(train: Dataset) -> Floats:
    """Frequency of the label for each asset in training; that of all rows where an asset has none.

    The hardest of the baselines: most prices rise more often than they fall, each in its own measure.
    """
    known = train.symbol >= 0
    n = np.bincount(train.symbol[known], minlength=len(train.symbols))
    hits = np.bincount(train.symbol[known], weights=train.y[known], minlength=len(train.symbols))
    overall = float(train.y.mean())
    return np.where(n > 0, hits / np.maximum(n, 1), overall)


def base_rate(train: Dataset, test: Dataset) -> Floats:
    """Each test row's asset's `base_rates`."""
    rates = np.append(base_rates(train), train.y.mean())
    # An unknown asset is at position -1, which is the last.
    return np.asarray(rates[test.symbol], dtype=np.float64)


def always_up(train: Dataset, test: Dataset) -> Floats:
    """1 for every row; nothing is learned from ``train``."""
    return np.ones(len(test.y))


def momentum(train: Dataset, test: Dataset) -> Floats:
    """Frequency of the label in training after 20 sessions of rise, or of fall (no change counts as fall).

    Over all assets together; where the return is unknown, or training has no such row, the frequency of all rows.
    """
    overall = float(train.y.mean())
    past, now = train.feature(MOMENTUM_FEATURE), test.feature(MOMENTUM_FEATURE)
    forecast = np.full(len(now), overall)
    for is_past, is_now in ((past > 0, now > 0), (past <= 0, now <= 0)):
        if is_past.any():
            forecast[is_now] = train.y[is_past].mean()
    return forecast
