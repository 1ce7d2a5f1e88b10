"""What the same training reaches on labels that nothing can know: the yardstick of a model that looks good."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from marketflows_pipeline.models import metrics
from marketflows_pipeline.models.bootstrap import block_length
from marketflows_pipeline.models.dataset import Dataset, Floats
from marketflows_pipeline.models.estimators import Kind
from marketflows_pipeline.models.evaluation import Figure
from marketflows_pipeline.models.many_labels import forecast_each
from marketflows_pipeline.models.out_of_sample import Progress
from marketflows_pipeline.models.verdicts import ALL, MEAN_OF_ASSETS, PLACEBO
from marketflows_pipeline.models.walk_forward import WalkForward

DRAWS = 39
# Trees have to be fitted one draw after the other, so they are fitted anew less often.
_TREES_REFIT_TIMES = 8


def placebo_figures(
    data: Dataset,
    walk: WalkForward,
    *,
    kind: Kind,
    seed: int,
    draws: int = DRAWS,
    on_progress: Progress | None = None,
) -> tuple[Figure, ...]:
    """Mean AUC of assets, AUC by date and Brier skill of the walk-forward on labels permuted by blocks of dates.

    Each is the median of the draws with the band that all but a fortieth of them at either end lie within: the lowest
    and the highest of 39, so that a figure above the band has come by chance in one of forty cases. ``n`` is the draws.
    Trees are fitted anew every 8 test blocks only. The blocks' length follows from the walk's horizon. A band of 95 %
    takes at least 39 draws. ``on_progress`` is told blocks done and blocks in all.
    """
    if kind != "logistic":
        walk = replace(walk, refit_every=_TREES_REFIT_TIMES * walk.refit_every)
    outcomes = permuted_labels(data, block_length(walk.horizon), draws=draws, seed=seed)
    found = forecast_each(data, walk, outcomes, kind=kind, seed=seed, on_progress=on_progress)
    tested, y = data.take(found.rows), outcomes[found.rows]
    sessions, date = np.unique(tested.session, return_inverse=True)
    shape = (len(sessions), len(data.symbols))
    of_assets, of_dates, skill = np.empty(draws), np.empty(draws), np.empty(draws)
    for place in range(draws):
        p, own = found.model[:, place], y[:, place]
        of_assets[place] = _mean_auc(tested, own, p)
        of_dates[place] = _mean_of_known(metrics.auc_of_dates(own, p, date, tested.symbol, shape))
        base = metrics.squared_error(own, found.base_rate[:, place]).mean()
        skill[place] = 1 - metrics.squared_error(own, p).mean() / base
    return (
        band_figure("auc", MEAN_OF_ASSETS, of_assets),
        band_figure("date_auc", ALL, of_dates),
        band_figure("brier_skill", ALL, skill),
    )


def permuted_labels(data: Dataset, block: int, *, draws: int, seed: int) -> Floats:
    """Labels with their blocks of dates in another order, the same one for all assets.

    The sessions are cut into blocks, beginning anywhere in the first, and the blocks shuffled. An asset's labels follow
    that order of sessions, so that it keeps its own labels, neighbours stay together, and so do assets of a date; where
    an asset lacks sessions its labels close ranks. A block is in sessions; the same seed draws the same.

    Returns:
        rows x draws, 0 or 1.
    """
    rng, n = np.random.default_rng(seed), len(data.sessions)
    rows_of_assets = [np.flatnonzero(data.symbol == place) for place in range(len(data.symbols))]
    outcomes = np.empty((len(data.y), draws))
    for draw in range(draws):
        cuts = np.arange(rng.integers(1, block + 1), n, block)
        blocks = np.split(np.arange(n), cuts)
        order = np.concatenate([blocks[place] for place in rng.permutation(len(blocks))])
        when = np.argsort(order)
        for rows in rows_of_assets:
            outcomes[rows, draw] = data.y[rows[np.argsort(when[data.session[rows]])]]
    return outcomes


def _mean_auc(tested: Dataset, y: Floats, p: Floats) -> float:
    """Mean of the AUC of each asset that has both outcomes."""
    found = []
    for place in range(len(tested.symbols)):
        rows = tested.symbol == place
        once, one_date = np.ones((1, 1)), np.zeros(int(rows.sum()), dtype=np.int64)
        found.append(metrics.auc(y[rows], p[rows], once, one_date)[0] if rows.any() else np.nan)
    return _mean_of_known(np.array(found))


def _mean_of_known(values: Floats) -> float:
    """Mean of what is known; NaN where nothing is, as the AUC by date of a single asset."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def band_figure(metric: str, scope: str, values: Floats) -> Figure:
    """Median of the draws, and the band between the ranks that leave a fortieth out at either end."""
    ordered = np.sort(values)
    outside = max(1, (len(values) + 1) // 40)
    return Figure(
        PLACEBO,
        metric,
        scope,
        float(np.median(ordered)),
        float(ordered[outside - 1]),
        float(ordered[-outside]),
        len(values),
    )
