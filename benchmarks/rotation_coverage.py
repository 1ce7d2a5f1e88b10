"""How often random walks lie inside the placebo's bands: ``python -m benchmarks.rotation_coverage``.

For the daily plane and for the weekly one of funds, over shuffle designs and kinds of worlds. A standard error is about
two points of a hundred with 160 worlds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from marketflows_pipeline.transforms.rotation.placebo import placebo
from marketflows_pipeline.transforms.rotation.plane import DAILY, WEEKLY, Array, Plane
from marketflows_pipeline.transforms.rotation.statistics import STATISTICS

World = Callable[[np.random.Generator, int, int, float], Array]


def normal_returns(rng: np.random.Generator, n_returns: int, n_series: int, deviation: float) -> Array:
    """Normal, each pair of series correlated with 0.36."""
    common = rng.normal(size=(n_returns, 1))
    return deviation * (0.6 * common + 0.8 * rng.normal(size=(n_returns, n_series)))


def clustered_returns(rng: np.random.Generator, n_returns: int, n_series: int, deviation: float) -> Array:
    """Fat tails (Student's t with 4 degrees of freedom) whose size comes in clusters (GARCH 0.1, 0.85), correlated."""
    common = rng.standard_t(4, size=(n_returns, 1))
    shocks = (0.6 * common + 0.8 * rng.standard_t(4, size=(n_returns, n_series))) / np.sqrt(2)
    returns, variance = np.empty_like(shocks), np.ones(n_series)
    for step, shock in enumerate(shocks):
        returns[step] = np.sqrt(variance) * shock
        variance = 0.05 + 0.1 * returns[step] ** 2 + 0.85 * variance
    return deviation * returns


def drifting_returns(rng: np.random.Generator, n_returns: int, n_series: int, deviation: float) -> Array:
    """Normal, with a slow drift of each series: up for about 30 steps, down for as many."""
    phase = rng.uniform(0, 2 * np.pi, size=n_series)
    drift = np.sin(2 * np.pi * np.arange(n_returns)[:, None] / 60 + phase)
    return normal_returns(rng, n_returns, n_series, deviation) + 0.5 * deviation * drift


WORLDS: dict[str, World] = {"normal": normal_returns, "clusters": clustered_returns, "drift": drifting_returns}


def levels_of(returns: Array) -> Array:
    """The path of each series from 1 on."""
    return np.exp(np.vstack([np.zeros((1, returns.shape[1])), np.cumsum(returns, axis=0)]))


def shares_inside(
    world: World, plane: Plane, *, n_worlds: int, n_steps: int, n_series: int, shuffles: int = 199, seed: int = 7
) -> tuple[dict[str, float], float]:
    """Share of worlds inside the band by statistic, and share of worlds with any statistic outside."""
    rng = np.random.default_rng(seed)
    inside = np.zeros((n_worlds, len(STATISTICS)), dtype=bool)
    for number in range(n_worlds):
        levels = levels_of(world(rng, n_steps - 1, n_series, 0.03))
        bands = placebo(levels, plane, shuffles=shuffles)
        value, lower, upper = (bands[name].to_numpy() for name in ("value", "lower", "upper"))
        inside[number] = (lower <= value) & (value <= upper)
    return dict(zip(STATISTICS, inside.mean(axis=0).tolist(), strict=True)), float(1 - inside.all(axis=1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=160)
    n_worlds = parser.parse_args().worlds
    print(
        "| plane | worlds | clockwise | dwell | whipsaw | four returns | any of 7 outside |",
        "|---|---|---|---|---|---|---|",
        sep="\n",
    )
    designs = {
        "8 series x 365 closes, blocks of 10": (DAILY, 365, 8),
        "12 series x 260 weeks, blocks of 2": (WEEKLY, 260, 12),
        "12 series x 260 weeks, single rows": (replace(WEEKLY, block=1), 260, 12),
        "12 series x 156 weeks, blocks of 2": (WEEKLY, 156, 12),
    }
    for words, (plane, n_steps, n_series) in designs.items():
        for name, world in WORLDS.items():
            shares, outside = shares_inside(world, plane, n_worlds=n_worlds, n_steps=n_steps, n_series=n_series)
            first, returns = list(shares.values())[:3], list(shares.values())[3:]
            cells = [*(f"{share:.3f}" for share in first), " ".join(f"{share:.3f}" for share in returns)]
            print(f"| {words} | {name} ({n_worlds}) | {' | '.join(cells)} | {100 * outside:.0f} % |", flush=True)


if __name__ == "__main__":
    main()
