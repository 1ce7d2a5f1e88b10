"""Forecasts of a walk-forward: each row by a model that was fitted before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from marketflows_pipeline.models import baselines
from marketflows_pipeline.models.dataset import Dataset, Floats, Positions
from marketflows_pipeline.models.estimators import Kind, fit, one_thread_each
from marketflows_pipeline.models.known_flows import FLOW_FEATURES
from marketflows_pipeline.models.walk_forward import Dates, WalkForward

WITH_FLOWS, WITHOUT_FLOWS = "with_flows", "without_flows"
BASE_RATE, ALWAYS_UP, MOMENTUM = "base_rate", "always_up", "momentum"
_BASELINES = {BASE_RATE: baselines.base_rate, ALWAYS_UP: baselines.always_up, MOMENTUM: baselines.momentum}

# Blocks that are worked on at a time.
WORKERS = 2
Progress = Callable[[int, int], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Forecasts:
    """Forecasts out of sample, the same rows for each variant.

    Positions of each row's session are among all sessions of the data; ``y`` is what came, 0 or 1; probabilities are by
    variant.
    """

    symbols: tuple[str, ...]
    session: Positions
    symbol: Positions
    y: Floats
    probabilities: Mapping[str, Floats]


def forecast(
    data: Dataset, walk: WalkForward, *, kind: Kind, seed: int, on_progress: Progress | None = None
) -> Forecasts:
    """Fit before each block of test sessions, forecast the block, go on.

    Besides the gap in sessions, no row trains whose label was not known before the block began: an asset that lacks
    sessions looks further ahead than its horizon says. ``on_progress`` is told blocks done and blocks in all.

    Raises:
        TooLittleDataError: if there are too few sessions.
    """
    models = {WITH_FLOWS: data.columns(data.features)}
    others = [name for name in data.features if name not in FLOW_FEATURES]
    flows = [data.features.index(name) for name in data.features if name in FLOW_FEATURES]
    # Where no flow is known at all, leaving flows out is no other model.
    if np.isfinite(data.x[:, flows]).any():
        models[WITHOUT_FLOWS] = data.columns(others)

    def of_block(test: Dataset, trained: Positions) -> dict[str, Floats]:
        train = data.take(trained)
        found = {
            name: fit(train, columns, kind=kind, seed=seed).probabilities(test.x[:, columns])
            for name, columns in models.items()
        }
        return found | {name: rule(train, test) for name, rule in _BASELINES.items()}

    tested, found = of_each_block(data, walk, of_block, on_progress)
    return Forecasts(
        symbols=data.symbols,
        session=data.session[tested],
        symbol=data.symbol[tested],
        y=data.y[tested],
        probabilities={name: np.concatenate([each[name] for each in found]) for name in found[0]},
    )


def of_each_block(
    data: Dataset, walk: WalkForward, work: Callable[[Dataset, Positions], T], on_progress: Progress | None
) -> tuple[slice, list[T]]:
    """The rows that a walk tests, and what is made of each of its blocks.

    The work gets the rows of a block and the positions of those that train before it: by session, and with labels that
    were known before the block began.
    """

    def of_split(split: tuple[Dates, Dates]) -> tuple[slice, T]:
        training, testing = split
        block, before = data.rows_on(testing), data.rows_on(training)
        is_known = data.ends[before] <= np.searchsorted(data.sessions, testing[0])
        return block, work(data.take(block), before.start + np.flatnonzero(is_known))

    parts = []
    # Blocks do not depend on each other, so their order of work changes no figure.
    with one_thread_each(), ThreadPoolExecutor(WORKERS) as pool:
        # Leaving this loop early cancels the blocks that have not begun.
        for done, part in enumerate(pool.map(of_split, walk.splits(data.sessions)), start=1):
            parts.append(part)
            if on_progress:
                on_progress(done, walk.count(len(data.sessions)))
    return slice(parts[0][0].start, parts[-1][0].stop), [made for _, made in parts]
