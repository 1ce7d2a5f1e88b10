"""What forecasts were worth: every figure with its interval, and what flows add to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from marketflows_pipeline.models import metrics
from marketflows_pipeline.models.bootstrap import RESAMPLES, block_counts, block_length, interval
from marketflows_pipeline.models.dataset import Floats, Positions
from marketflows_pipeline.models.out_of_sample import ALWAYS_UP, BASE_RATE, WITH_FLOWS, WITHOUT_FLOWS, Forecasts
from marketflows_pipeline.models.verdicts import ALL, MEAN_OF_ASSETS, Suspicion, intervals, suspicion
from marketflows_pipeline.schema import table

_MODELS = (WITH_FLOWS, WITHOUT_FLOWS)
# What flows add: figure with them less without (AUC), or without them less with (Brier), so that more is better.
_ABLATIONS = {"auc": 1.0, "date_auc": 1.0, "brier": -1.0}


@dataclass(frozen=True)
class Figure:
    """One row of ``mart.model_evaluation``, before it has a model."""

    variant: str
    metric: str
    scope: str
    value: float
    lower_95: float
    upper_95: float
    n: int


@dataclass(frozen=True)
class Bin:
    """One bin of the reliability table.

    The upper edge is infinite for the last; ``predicted`` is the mean forecast of its n rows, ``observed`` how often a
    1 came, with the ends of that frequency's interval.
    """

    upper: float
    predicted: float
    observed: float
    lower_95: float
    upper_95: float
    n: int


@dataclass(frozen=True)
class EvaluationResult:
    """Figures of all variants, and the reliability table of the model with flows."""

    figures: tuple[Figure, ...]
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class _Drawn:
    """Forecasts with the draws they are judged by; the first draw is the data itself, once each."""

    y: Floats
    date: Positions
    symbol: Positions
    symbols: tuple[str, ...]
    counts: Floats

    @property
    def dates(self) -> int:
        return int(self.counts.shape[1])

    def mean(self, values: Floats) -> Floats:
        """Mean of a row's figure, of each draw."""
        sums = metrics.by_date(values, self.date, self.dates)
        return metrics.ratio(self.counts, sums, metrics.by_date(np.ones(len(values)), self.date, self.dates))


def evaluate(forecasts: Forecasts, *, horizon: int, seed: int, resamples: int = RESAMPLES) -> EvaluationResult:
    """All figures of a walk-forward.

    For each variant: ``brier``, ``log_loss`` (none for always_up, which is certain and errs), ``accuracy`` at 0.5,
    ``brier_skill`` (1 - Brier / Brier of the base rate), ``auc`` of each asset and their mean, ``date_auc`` (mean over
    the dates with both outcomes of the AUC among assets), ``pooled_auc`` (all rows in one heap: constant base rates
    alone exceed 0.5 in it, so it is shown beside theirs and means nothing else), ``ece``. For the models:
    ``reliability`` (observed frequency) and ``reliability_predicted`` of each bin, bins being tenths of the forecasts;
    ``ablation_auc``, ``ablation_date_auc`` and ``ablation_brier``: what flows add, more is better, both models drawn
    together. ``ece``, a sum of absolute values, has no interval, since any resample has more of it; nor has
    ``pooled_auc``, which is not to be relied on. The length of the bootstrap's blocks follows from the horizon, in
    sessions.
    """
    sessions, date = np.unique(forecasts.session, return_inverse=True)
    draws = block_counts(len(sessions), block_length(horizon), resamples=resamples, seed=seed)
    counts = np.vstack([np.ones(len(sessions)), draws])
    drawn = _Drawn(forecasts.y, date.astype(np.int64), forecasts.symbol, forecasts.symbols, counts)
    figures: list[Figure] = []
    samples: dict[tuple[str, str], Floats] = {}
    base = drawn.mean(metrics.squared_error(drawn.y, forecasts.probabilities[BASE_RATE]))
    for variant, p in forecasts.probabilities.items():
        for metric, scope, values, n in _figures(drawn, p, variant, base):
            figures.append(_figure(variant, metric, scope, values, n))
            if scope in {ALL, MEAN_OF_ASSETS}:
                samples[variant, metric] = values
    edges: dict[str, Floats] = {}
    for variant in _MODELS:
        if variant in forecasts.probabilities:
            p = forecasts.probabilities[variant]
            edges[variant] = metrics.bin_edges(p)
            figures += _reliability(drawn, p, variant, edges[variant])
    if WITHOUT_FLOWS in forecasts.probabilities:
        for metric, sign in _ABLATIONS.items():
            added = sign * (samples[WITH_FLOWS, metric] - samples[WITHOUT_FLOWS, metric])
            scope = MEAN_OF_ASSETS if metric == "auc" else ALL
            figures.append(_figure(WITH_FLOWS, f"ablation_{metric}", scope, added, len(drawn.y)))
    return EvaluationResult(tuple(figures), _bins(figures, edges[WITH_FLOWS]))


def evaluation_frame(
    figures: tuple[Figure, ...], *, model_id: str, trained_at: datetime, is_synthetic: bool
) -> pl.DataFrame:
    """The rows of ``mart.model_evaluation``; what could not be computed is null."""
    rows = [
        {**vars(figure), "model_id": model_id, "trained_at": trained_at, "is_synthetic": is_synthetic}
        for figure in figures
    ]
    frame = pl.DataFrame(rows, schema_overrides={"value": pl.Float64, "lower_95": pl.Float64, "upper_95": pl.Float64})
    known = frame.lazy().with_columns(pl.col("value", "lower_95", "upper_95").fill_nan(None))
    return table("mart.model_evaluation").stored_form(known)


def suspicions(evaluation: pl.DataFrame) -> list[Suspicion]:
    """The worst suspicion of each model that has one (see `verdicts.suspicion`), alarms first.

    Of rows of ``mart.model_evaluation``.
    """
    found = [
        suspicion(
            str(model_id), intervals(own.iter_rows(named=True)), is_synthetic=own.get_column("is_synthetic").any()
        )
        for (model_id,), own in evaluation.group_by("model_id", maintain_order=True)
    ]
    return sorted((each for each in found if each), key=lambda each: (each.tier == "alarm", each.lower), reverse=True)


def _figure(variant: str, metric: str, scope: str, values: Floats, n: int) -> Figure:
    """The first value is the data's own, the others are the resamples'."""
    lower, upper = interval(values[1:])
    return Figure(variant, metric, scope, float(values[0]), lower, upper, n)


def _figures(drawn: _Drawn, p: Floats, variant: str, base: Floats) -> Iterator[tuple[str, str, Floats, int]]:
    y, n = drawn.y, len(drawn.y)
    brier = drawn.mean(metrics.squared_error(y, p))
    yield "brier", ALL, brier, n
    yield "brier_skill", ALL, 1 - brier / base, n
    if variant != ALWAYS_UP:
        yield "log_loss", ALL, drawn.mean(metrics.log_loss(y, p)), n
    yield "accuracy", ALL, drawn.mean(((p > 0.5) == (y > 0.5)).astype(np.float64)), n
    yield "ece", ALL, np.array([expected_calibration_error(y, p)]), n
    yield "pooled_auc", ALL, metrics.auc(y, p, drawn.counts[:1], drawn.date), n
    of_assets = []
    for position, symbol in enumerate(drawn.symbols):
        rows = np.flatnonzero(drawn.symbol == position)
        if len(rows):
            of_assets.append(metrics.auc(y[rows], p[rows], drawn.counts, drawn.date[rows]))
            yield "auc", symbol, of_assets[-1], len(rows)
    yield "auc", MEAN_OF_ASSETS, _mean_of_known(of_assets), n
    of_dates = metrics.auc_of_dates(y, p, drawn.date, drawn.symbol, (drawn.dates, len(drawn.symbols)))
    is_known = np.isfinite(of_dates)
    by_date = metrics.ratio(drawn.counts, np.where(is_known, of_dates, 0.0), is_known.astype(np.float64))
    yield "date_auc", ALL, by_date, int(is_known[drawn.date].sum())


def _mean_of_known(of_assets: list[Floats]) -> Floats:
    """Mean over the assets that have both outcomes, of each draw."""
    figures = np.vstack(of_assets)
    is_known = np.isfinite(figures)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(is_known, figures, 0.0).sum(axis=0) / is_known.sum(axis=0), dtype=np.float64)


def expected_calibration_error(y: Floats, p: Floats) -> float:
    """Mean over rows of how far the bin's mean forecast is from its observed frequency."""
    place = metrics.bin_of(p, metrics.bin_edges(p))
    return float(np.abs(np.bincount(place, weights=p - y)).sum() / len(y))


def _reliability(drawn: _Drawn, p: Floats, variant: str, edges: Floats) -> Iterator[Figure]:
    place = metrics.bin_of(p, edges)
    for position in range(len(edges) + 1):
        inside = (place == position).astype(np.float64)
        size = metrics.by_date(inside, drawn.date, drawn.dates)
        scope, n = f"bin {position + 1:02d}", int(inside.sum())
        for metric, of_rows in (("reliability", drawn.y), ("reliability_predicted", p)):
            sums = metrics.by_date(inside * of_rows, drawn.date, drawn.dates)
            yield _figure(variant, metric, scope, metrics.ratio(drawn.counts, sums, size), n)


def _bins(figures: list[Figure], edges: Floats) -> tuple[Bin, ...]:
    def of(metric: str) -> Mapping[str, Figure]:
        return {each.scope: each for each in figures if (each.variant, each.metric) == (WITH_FLOWS, metric)}

    observed, predicted = of("reliability"), of("reliability_predicted")
    uppers = [*edges.tolist(), float("inf")]
    return tuple(
        Bin(upper, predicted[scope].value, each.value, each.lower_95, each.upper_95, each.n)
        for upper, (scope, each) in zip(uppers, observed.items(), strict=True)
    )
