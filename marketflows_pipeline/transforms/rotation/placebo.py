"""Compute what chance alone gives a rotation chart: the same statistics on the same returns in shuffled order.

A plane of smoothed z-scores turns clockwise by its making: momentum is the change of what lies across. So a share of
clockwise moves says something only beside that of histories without any order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import polars as pl

from marketflows_pipeline.transforms.rotation.plane import Array, Plane
from marketflows_pipeline.transforms.rotation.statistics import STATISTICS, pooled_statistics

SHUFFLES = 400
SEED = 20_210_101
LEAST_ENTRIES = 30
BAND_PCT = (2.5, 97.5)
TOO_SHORT = "too short to tell"

_COLUMNS: dict[str, pl.DataType] = {
    "statistic": pl.String(),
    "value": pl.Float64(),
    "lower": pl.Float64(),
    "upper": pl.Float64(),
    "n_entries": pl.Int32(),
    "reason": pl.String(),
}
# Raised when a rule of this package changes, so that no stored band is kept.
_RULE = 1
# Numbers of an array at a time: it stays in the cache of one processor, and calls are few.
_BATCH = 60_000
# Of that size numpy's work leaves the interpreter lock to others.
_THREADS = 2


def placebo(levels: Array, plane: Plane, *, shuffles: int = SHUFFLES) -> pl.DataFrame:
    """Each statistic of a chart beside its band of chance.

    Log returns of I / B are cut into blocks of `plane.block` rows, from a random circular offset, and the blocks
    shuffled: none is drawn twice, and all series move together, so that every return and its company stay and only
    their order goes. The band holds 95 % of the shuffled histories.

    Args:
        levels: index over benchmark, of shape (steps, series), positive and without gaps.
        plane: how the plane is made.
        shuffles: how many.

    Returns:
        statistic, value, lower, upper, n_entries, reason: by `STATISTICS`. The band is null, with the reason, where
        the history is shorter than `plane.least` steps or has fewer than 30 entries.
    """
    n_steps, n_series = levels.shape
    known = pooled_statistics(levels[:, :, None], plane) if n_steps > plane.horizon and n_series else {}
    is_long = n_steps >= plane.least and bool(n_series)
    worlds = _shuffled_statistics(levels, plane, shuffles) if is_long else {}
    rows = []
    for name in STATISTICS:
        value = float(known[name].value[0]) if known else np.nan
        n_entries = int(known[name].n_entries[0]) if known else 0
        reason = _reason(n_steps, n_entries, plane)
        lower, upper = (None, None) if reason else np.nanpercentile(worlds[name], BAND_PCT).tolist()
        rows.append((name, None if np.isnan(value) else value, lower, upper, n_entries, reason))
    return pl.DataFrame(rows, schema=_COLUMNS, orient="row")


def closes_hash(levels: Array, series: Sequence[str], plane: Plane) -> str:
    """Digest of everything a placebo follows from: closes, their series, rule and numbers of shuffles."""
    rule = (_RULE, plane, SHUFFLES, SEED, BAND_PCT, LEAST_ENTRIES, levels.shape, tuple(series))
    digest = hashlib.blake2b(repr(rule).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(levels).tobytes())
    return digest.hexdigest()


def shuffled_rows(n_rows: int, block: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """The numbers of all rows, cut into blocks from a random circular offset, the blocks in random order."""
    rows = np.roll(np.arange(n_rows), -int(rng.integers(n_rows)))
    blocks = [rows[start : start + block] for start in range(0, n_rows, block)]
    return np.concatenate([blocks[place] for place in rng.permutation(len(blocks))])


def _shuffled_statistics(levels: Array, plane: Plane, shuffles: int) -> dict[str, Array]:
    rng = np.random.default_rng(SEED)
    returns = np.diff(np.log(levels), axis=0)
    n_rows, batch = len(returns), max(1, _BATCH // levels.size)
    # All orders are drawn here, one after the other: they do not depend on which batch is done first.
    orders = [shuffled_rows(n_rows, plane.block, rng) for _ in range(shuffles)]
    batches = [np.stack(orders[start : start + batch], axis=1) for start in range(0, shuffles, batch)]
    with ThreadPoolExecutor(_THREADS) as threads:
        found = list(threads.map(lambda order: _statistics_of_worlds(returns, order, plane), batches))
    return {name: np.concatenate([each[name] for each in found]) for name in STATISTICS}


def _statistics_of_worlds(returns: Array, order: npt.NDArray[np.int64], plane: Plane) -> dict[str, Array]:
    """The statistics of histories whose rows are in these orders, of shape (rows, worlds)."""
    paths = np.zeros((len(returns) + 1, returns.shape[1], order.shape[1]))
    # (steps, worlds, series) to (steps, series, worlds).
    np.cumsum(returns[order].transpose(0, 2, 1), axis=0, out=paths[1:])
    return {name: found.value for name, found in pooled_statistics(np.exp(paths), plane).items()}


def _reason(n_steps: int, n_entries: int, plane: Plane) -> str | None:
    if n_steps < plane.least:
        return f"{TOO_SHORT}: {n_steps} of {plane.least} {plane.step}s"
    if n_entries < LEAST_ENTRIES:
        return f"{TOO_SHORT}: {n_entries} of {LEAST_ENTRIES} entries"
    return None
