"""Compute the plane of a rotation: relative strength across, its momentum upwards, each a z-score of its own past.

Arrays of shape (steps, ...), oldest step first, NaN where nothing is known; every path is by itself, so that hundreds
of shuffled histories take one pass. Convention 12 of the index methodology; the idea of the plane is J. de Kempenaer's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marketflows_pipeline.transforms.unusualness import ROUNDING

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int8]

# In clockwise order; a point without a place is -1.
QUADRANTS = ("leading", "weakening", "lagging", "improving")
CENTRE = 100.0


@dataclass(frozen=True)
class Plane:
    """How a plane is made and judged, all in steps.

    Attributes:
        span: of the EMA over the level and of the EMA over the ratio's change; 1 is none.
        window: of both z-scores, the present step included.
        block: rows that a shuffle keeps together.
        horizon: over which the return after an entry is counted.
        deviation: how many returns up to the entry that return is scaled by.
        least: history below which nothing can be told.
        step: what a step is called.
    """

    span: int
    window: int
    block: int
    horizon: int
    deviation: int
    least: int
    step: str


DAILY = Plane(span=10, window=21, block=10, horizon=20, deviation=60, least=365, step="close")
# Four weeks are about 20 sessions, twelve about 60.
WEEKLY = Plane(span=10, window=14, block=2, horizon=4, deviation=12, least=156, step="week")


def ratio_and_momentum(levels: Array, plane: Plane) -> tuple[Array, Array]:
    """Ratio and momentum of each path at each step.

    ``E = EMA(100 I / B)``; ``ratio = 100 + z(E)``; ``D`` its change in one step; ``S = EMA(D)``; ``momentum =
    100 + z(S)``. z is over the last `window` steps, the present one included, with ddof 1.

    Args:
        levels: index over benchmark in any unit, which drops out.
        plane: spans and windows.

    Returns:
        Two arrays of the shape of `levels`; NaN before there is a whole window, and where it does not vary.
    """
    ratio = CENTRE + trailing_z(ema(levels, plane.span), plane.window)
    momentum = CENTRE + trailing_z(ema(change(ratio), plane.span), plane.window)
    return ratio, momentum


def ema(values: Array, span: int) -> Array:
    """Exponential moving average along the first axis, ``alpha = 2 / (span + 1)``, seeded with the first known value.

    An unknown value stays unknown and ages the past: what was known weighs ``1 - alpha`` less for each step in between.
    """
    alpha = 2 / (span + 1)
    is_known = ~np.isnan(values)
    smoothed = np.full_like(values, np.nan)
    level, weight = np.full(values.shape[1:], np.nan), np.ones(values.shape[1:])
    # While all paths are known there is nothing to choose; the arithmetic is the same.
    kept = 1 - alpha
    new, total = alpha * values, kept + alpha
    is_whole = np.logical_and.reduce(is_known, axis=tuple(range(1, values.ndim)))
    for step, value in enumerate(values):
        if step and is_whole[step] and is_whole[step - 1]:
            level = np.multiply(kept, level, out=smoothed[step])
            level += new[step]
            if total != 1:
                level /= total
            continue
        weight = weight * kept
        mixed = np.where(np.isnan(level), value, (weight * level + new[step]) / (weight + alpha))
        level = np.where(is_known[step], mixed, level)
        weight = np.where(is_known[step], 1.0, weight)
        smoothed[step] = np.where(is_known[step], level, np.nan)
    return smoothed


def change(values: Array) -> Array:
    """Change since the step before; NaN at the first."""
    changes = np.full_like(values, np.nan)
    changes[1:] = values[1:] - values[:-1]
    return changes


def trailing_z(values: Array, window: int) -> Array:
    """``(x - mean) / deviation`` over the last `window` steps, the present one included, ddof 1.

    NaN where one of them is unknown, and where the deviation is below 1e-9 of the mean's size.
    """
    z = np.full_like(values, np.nan)
    if len(values) >= window:
        mean, deviation = mean_and_deviation(values, window)
        varies = deviation > ROUNDING * np.abs(mean)
        np.divide(values[window - 1 :] - mean, deviation, out=z[window - 1 :], where=varies)
    return z


def mean_and_deviation(values: Array, window: int) -> tuple[Array, Array]:
    """Mean and standard deviation (ddof 1) of each whole window of steps, by the last of them.

    In two passes over the lags: a running sum of squares would lose what varies little around a large level.
    """
    n_whole = len(values) - window + 1
    lags = [values[lag : lag + n_whole] for lag in range(window)]
    middle = lags[0].copy()
    for lag in lags[1:]:
        middle += lag
    middle /= window
    squares, apart = np.zeros_like(middle), np.empty_like(middle)
    for lag in lags:
        np.subtract(lag, middle, out=apart)
        apart *= apart
        squares += apart
    squares /= window - 1
    return middle, np.sqrt(squares, out=squares)


def quadrants(ratio: Array, momentum: Array) -> Places:
    """Place of each point in `QUADRANTS`: from 100 on is high, below is low; -1 where the point is unknown."""
    is_strong, is_rising = ratio >= CENTRE, momentum >= CENTRE
    places = np.where(is_strong, np.where(is_rising, 0, 1), np.where(is_rising, 3, 2)).astype(np.int8)
    places[np.isnan(ratio) | np.isnan(momentum)] = -1
    return places


def headings(ratio: Array, momentum: Array) -> tuple[Array, Array]:
    """Where each point came from the one before: degrees clockwise from straight up, and the distance in one step.

    A point that did not move has a speed of 0 and no heading.
    """
    right, up = change(ratio), change(momentum)
    speed = np.hypot(right, up)
    heading = np.degrees(np.arctan2(right, up)) % 360
    return np.where(speed > 0, heading, np.nan), speed
