"""From panel and labels to a judged, calibrated model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import partial

import numpy as np
import polars as pl

from marketflows_pipeline.errors import TooLittleDataError
from marketflows_pipeline.models.artifact import Metadata, Model, library_versions
from marketflows_pipeline.models.baselines import base_rates
from marketflows_pipeline.models.bootstrap import RESAMPLES
from marketflows_pipeline.models.dataset import dataset
from marketflows_pipeline.models.estimators import Kind, fit, one_thread_each
from marketflows_pipeline.models.evaluation import evaluate, evaluation_frame
from marketflows_pipeline.models.labels import Target
from marketflows_pipeline.models.out_of_sample import WITH_FLOWS, Forecasts, Progress, forecast
from marketflows_pipeline.models.panel import FEATURES, FEATURES_VERSION
from marketflows_pipeline.models.placebo import DRAWS, placebo_figures
from marketflows_pipeline.models.verdicts import ALL, intervals, needs_placebo, worth
from marketflows_pipeline.models.walk_forward import Dates, WalkForward
from marketflows_pipeline.schema import table


@dataclass(frozen=True)
class TrainedModel:
    """What training gives.

    The model is fitted to all rows. The evaluation, in rows of ``mart.model_evaluation``, was computed from the
    forecasts, which are given as rows of ``mart.model_forecasts`` too.
    """

    model: Model
    evaluation: pl.DataFrame
    forecasts: Forecasts
    forecast_rows: pl.DataFrame


def train(
    panel: pl.DataFrame,
    labels: pl.DataFrame,
    *,
    horizon: int,
    target: Target,
    model: Kind,
    seed: int,
    trained_at: datetime,
    is_synthetic: bool,
    on_progress: Progress | None = None,
    walk: WalkForward | None = None,
    resamples: int = RESAMPLES,
    placebo_draws: int = DRAWS,
    on_placebo: Progress | None = None,
    configurations_tried: int = 1,
) -> TrainedModel:
    """Walk a kind of model forward, judge it, and fit it to everything.

    The walk-forward says what forecasts of this kind were worth; the model that is kept has seen all labelled rows, so
    its own fit says nothing. Where the AUC looks like an edge, the walk is repeated on permuted labels (`placebo`), and
    the verdict rests on that too. Equal frames, seed and library versions give equal figures to the last bit on one
    machine.

    Args:
        panel: as `panel.features` gives it.
        labels: as `labels.labels` gives it, of this horizon and target.
        horizon: in sessions.
        target: direction or rank.
        model: which kind.
        seed: for everything drawn at random.
        trained_at: when, with a time zone.
        is_synthetic: whether the data is made up.
        on_progress: told blocks done and blocks in all of the walk-forward.
        walk: how sessions are split; by default `WalkForward`'s own numbers.
        resamples: draws behind each interval.
        placebo_draws: permutations of the labels behind the placebo's band, where one is needed.
        on_placebo: told blocks done and blocks in all of the placebo.
        configurations_tried: how many configurations were evaluated on this data so far, this one among them; noted,
            because the best of many looks better than it is.

    Raises:
        TooLittleDataError: if there are too few sessions or outcomes.
    """
    walk = walk or WalkForward(horizon=horizon)
    data = dataset(panel, labels, features=FEATURES)
    if not len(data.y):
        raise TooLittleDataError(
            "there is no labelled row to train on: prices come first, by a run or `cross-asset flows --refresh`"
        )
    forecasts = forecast(data, walk, kind=model, seed=seed, on_progress=on_progress)
    judged = evaluate(forecasts, horizon=horizon, seed=seed, resamples=resamples)
    moment = trained_at.astimezone(UTC)
    model_id = f"{target}_{horizon}_{model}_{moment:%Y%m%dT%H%M%SZ}"
    framed = partial(evaluation_frame, model_id=model_id, trained_at=moment, is_synthetic=is_synthetic)
    evaluation = framed(judged.figures)
    if needs_placebo(intervals(evaluation.iter_rows(named=True)), target):
        draws = placebo_figures(data, walk, kind=model, seed=seed, draws=placebo_draws, on_progress=on_placebo)
        evaluation = framed((*judged.figures, *draws))
    skill = next(
        figure.value
        for figure in judged.figures
        if (figure.variant, figure.metric, figure.scope) == (WITH_FLOWS, "brier_skill", ALL)
    )
    first, last = (date.fromisoformat(str(data.sessions[place])) for place in (0, -1))
    metadata = Metadata(
        model_id=model_id,
        target=target,
        horizon=horizon,
        kind=model,
        seed=seed,
        trained_at=moment,
        is_synthetic=is_synthetic,
        first_session=first,
        last_session=last,
        rows=len(data.y),
        symbols=data.symbols,
        features=data.features,
        features_version=FEATURES_VERSION,
        features_sha256=data.sha256,
        versions=library_versions(),
        walk_forward=asdict(walk) | {"resamples": resamples},
        configurations_tried=configurations_tried,
        test_rows=len(forecasts.y),
        base_rates=dict(zip(data.symbols, base_rates(data).tolist(), strict=True)),
        brier_skill=skill,
        worth=worth(intervals(evaluation.iter_rows(named=True)), target, is_synthetic=is_synthetic),
        bins=judged.bins,
    )
    with one_thread_each():
        estimator = fit(data, data.columns(data.features), kind=model, seed=seed)
    rows = forecast_rows(forecasts, data.sessions, labels, model_id=model_id)
    return TrainedModel(Model(estimator, metadata), evaluation, forecasts, rows)


def forecast_rows(forecasts: Forecasts, sessions: Dates, labels: pl.DataFrame, *, model_id: str) -> pl.DataFrame:
    """The rows of ``mart.model_forecasts``, by its key.

    Positions of the forecasts are among ``sessions``, all of the data; labels are symbol, session, label_end of all of
    their rows.
    """
    entry = table("mart.model_forecasts")
    rows = pl.DataFrame(
        {
            "session": sessions[forecasts.session],
            "symbol": np.array(forecasts.symbols)[forecasts.symbol],
            "y": forecasts.y.astype(np.int32),
            **forecasts.probabilities,
        }
    )
    return (
        rows.join(labels.select("symbol", "session", "label_end"), on=["symbol", "session"])
        .unpivot(
            on=list(forecasts.probabilities),
            index=["session", "symbol", "label_end", "y"],
            variable_name="variant",
            value_name="p",
        )
        .with_columns(model_id=pl.lit(model_id))
        .select(entry.column_names)
        .sort(entry.key)
    )
