"""How often each date is drawn in resamples that keep neighbours together."""

from __future__ import annotations

import numpy as np

from marketflows_pipeline.models.dataset import Floats

RESAMPLES = 300


def block_length(horizon: int) -> int:
    """Sessions that are drawn together: three horizons, as labels that overlap are alike, and at least 20."""
    return max(20, 3 * horizon)


def block_counts(dates: int, block: int, *, resamples: int, seed: int) -> Floats:
    """How often each date occurs in each resample of a circular block bootstrap.

    Blocks of consecutive dates, those at the end going on at the beginning, are drawn until there are as many dates as
    there were; the last block is cut. Source: D. Politis, J. Romano (1992). A block is no longer than all dates; the
    same seed draws the same.

    Returns:
        resamples x dates, each row summing to ``dates``.
    """
    length = min(block, dates)
    starts = np.random.default_rng(seed).integers(0, dates, size=(resamples, -(-dates // length)))
    drawn = (starts[:, :, None] + np.arange(length)).reshape(resamples, -1)[:, :dates] % dates
    drawn += dates * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * dates).reshape(resamples, dates).astype(np.float64)


def interval(figures: Floats) -> tuple[float, float]:
    """Percentiles 2.5 and 97.5 of a figure over the resamples; NaN where no resample has it."""
    known = figures[np.isfinite(figures)]
    if not len(known):
        return float("nan"), float("nan")
    lower, upper = np.percentile(known, [2.5, 97.5])
    return float(lower), float(upper)
