"""Compute what a rotation chart claims: that paths turn clockwise, stay, and pay more in some quadrants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from marketflows_pipeline.transforms.rotation.plane import (
    CENTRE,
    QUADRANTS,
    Array,
    Places,
    Plane,
    mean_and_deviation,
    quadrants,
    ratio_and_momentum,
)

Counts = npt.NDArray[np.int64]

# A quadrant that is left for the one before within so many steps was a false start.
BACK_WITHIN = 3
RETURNS = tuple(f"return_after_{name}" for name in QUADRANTS)
STATISTICS = ("clockwise_pct", "dwell", "whipsaw_pct", *RETURNS)


class Pooled(NamedTuple):
    """One figure over all series of a chart.

    Attributes:
        value: of each world; NaN where nothing was counted.
        n_entries: entries into a quadrant that it is made of.
    """

    value: Array
    n_entries: Counts


def pooled_statistics(levels: Array, plane: Plane) -> dict[str, Pooled]:
    """The statistics of each world, pooled over its series.

    - ``clockwise_pct``: share of steps on which the point turns clockwise around the centre (100, 100), of those on
      which it turns at all.
    - ``dwell``: mean steps of the stays that are seen to begin and to end.
    - ``whipsaw_pct``: share of entries after which the path is back in the quadrant it came from within 3 steps, of
      those that are followed by 3 steps.
    - ``return_after_<quadrant>``: mean over the entries of the log return of `horizon` steps after the entry, over the
      standard deviation (ddof 1) of the `deviation` returns up to it times the root of `horizon`.

    An entry is a step whose quadrant differs from that of the step before.

    Args:
        levels: index over benchmark, of shape (steps, series, worlds), positive and without gaps.
        plane: how the plane is made.

    Returns:
        By `STATISTICS`, arrays of the shape (worlds,).
    """
    ratio, momentum = ratio_and_momentum(levels, plane)
    places = quadrants(ratio, momentum)
    entries = _entries(places)
    n_entries = _sum(entries)
    return {
        "clockwise_pct": Pooled(_clockwise_pct(ratio, momentum), n_entries),
        "dwell": Pooled(_dwell(entries), n_entries),
        "whipsaw_pct": Pooled(_whipsaw_pct(places, entries), n_entries),
        **dict(_returns(levels, places, entries, plane)),
    }


def _clockwise_pct(ratio: Array, momentum: Array) -> Array:
    across, up = ratio - CENTRE, momentum - CENTRE
    turn = across[:-1] * up[1:] - up[:-1] * across[1:]
    return 100 * _share(_sum(turn < 0), _sum(turn != 0) - _sum(np.isnan(turn)))


def _dwell(entries: npt.NDArray[np.bool_]) -> Array:
    """From the first to the last entry of each series lie as many whole stays as there are entries between them."""
    n_each = entries.sum(axis=0)
    steps = np.arange(len(entries))[:, None, None]
    first = np.where(entries, steps, len(entries)).min(axis=0)
    last = np.where(entries, steps, -1).max(axis=0)
    return _share(np.where(n_each > 1, last - first, 0).sum(axis=0), np.maximum(n_each - 1, 0).sum(axis=0))


def _whipsaw_pct(places: Places, entries: npt.NDArray[np.bool_]) -> Array:
    came_from = places[:-1]
    judged = entries[1 : len(places) - BACK_WITHIN]
    is_back = np.zeros_like(judged)
    for later in range(1, BACK_WITHIN + 1):
        is_back |= places[1 + later : len(places) - BACK_WITHIN + later] == came_from[: len(judged)]
    return 100 * _share(_sum(is_back & judged), _sum(judged))


def _returns(
    levels: Array, places: Places, entries: npt.NDArray[np.bool_], plane: Plane
) -> Iterator[tuple[str, Pooled]]:
    path = np.log(levels)
    # Only entries are judged, one step in ten or twenty: the risk of all others is not needed.
    steps, series, world = np.nonzero(entries)
    is_followed = (steps >= plane.deviation) & (steps < len(path) - plane.horizon)
    steps, series, world = steps[is_followed], series[is_followed], world[is_followed]
    if not len(steps):
        nothing = Pooled(np.full(levels.shape[2], np.nan), np.zeros(levels.shape[2], dtype=np.int64))
        yield from ((name, nothing) for name in RETURNS)
        return
    # Of each entry the returns that lead up to it, copied as rows, since they lie side by side once time is last.
    returns = np.ascontiguousarray(np.diff(path, axis=0).transpose(1, 2, 0))
    windows = np.lib.stride_tricks.sliding_window_view(returns, plane.deviation, axis=2)
    leading_up = np.ascontiguousarray(windows[series, world, steps - plane.deviation].T)
    _, deviation = mean_and_deviation(leading_up, plane.deviation)
    risk = deviation[-1] * np.sqrt(plane.horizon)
    ahead = path[steps + plane.horizon, series, world] - path[steps, series, world]
    is_risky = risk > 0
    place_after = places[steps, series, world]
    for place, name in enumerate(RETURNS):
        chosen = is_risky & (place_after == place)
        scaled = np.bincount(world[chosen], ahead[chosen] / risk[chosen], minlength=levels.shape[2])
        n_chosen: Counts = np.bincount(world[chosen], minlength=levels.shape[2])
        yield name, Pooled(_share(scaled, n_chosen), n_chosen)


def _entries(places: Places) -> npt.NDArray[np.bool_]:
    entries = np.zeros(places.shape, dtype=bool)
    entries[1:] = (places[1:] != places[:-1]) & (places[1:] >= 0) & (places[:-1] >= 0)
    return entries


def _sum(flags: npt.NDArray[np.bool_]) -> Counts:
    """How many, over steps and series."""
    counted: Counts = np.count_nonzero(flags, axis=(0, 1))
    return counted


def _share(part: Array | Counts, whole: Counts) -> Array:
    share = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share
