"""Made-up returns: random walks, and ones with a slow drift that a shuffle destroys."""

from __future__ import annotations

import numpy as np

from marketflows_pipeline.transforms.rotation.plane import Array


def levels_of(returns: Array) -> Array:
    """The path of each series from 1 on."""
    return np.exp(np.vstack([np.zeros((1, returns.shape[1])), np.cumsum(returns, axis=0)]))


def random_walks(rng: np.random.Generator, n_steps: int, n_series: int) -> Array:
    """Paths whose normal returns are correlated over the series and independent over time."""
    common = rng.normal(size=(n_steps - 1, 1))
    return levels_of(0.03 * (0.6 * common + 0.8 * rng.normal(size=(n_steps - 1, n_series))))


def drifting_walks(rng: np.random.Generator, n_steps: int, n_series: int) -> Array:
    """The same with a drift of each series, up for 30 steps and down for as many."""
    phase = rng.uniform(0, 2 * np.pi, size=n_series)
    drift = 0.015 * np.sin(2 * np.pi * np.arange(n_steps)[:, None] / 60 + phase)
    return random_walks(rng, n_steps, n_series) * np.exp(np.cumsum(drift, axis=0))
