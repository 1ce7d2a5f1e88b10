"""What training on permuted labels reaches, and what a model that looks good has to exceed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from marketflows_pipeline.models import training
from marketflows_pipeline.models.dataset import Dataset, dataset
from marketflows_pipeline.models.estimators import Kind
from marketflows_pipeline.models.many_labels import forecast_each
from marketflows_pipeline.models.out_of_sample import forecast
from marketflows_pipeline.models.panel import FEATURES
from marketflows_pipeline.models.placebo import band_figure, permuted_labels, placebo_figures
from marketflows_pipeline.models.training import TrainedModel, train
from marketflows_pipeline.models.verdicts import NO_EDGE
from marketflows_pipeline.models.walk_forward import WalkForward
from marketflows_pipeline_tests.models.made_up import TRAINED_AT, market

WALK = WalkForward(horizon=1, min_train=200, refit_every=150)


def data_of(sessions: int = 500, symbols: int = 4, effect: float = 0.5) -> Dataset:
    made = market(sessions=sessions, symbols=symbols, effect=effect)
    return dataset(made.panel, made.labels, features=FEATURES)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["logistic", "gradient_boosting"])
def test_many_labels_at_once_give_what_one_after_the_other_would(kind: Kind) -> None:
    data = data_of(sessions=400)
    holes = np.random.default_rng(1).random(data.x.shape) < 0.05
    data = replace(data, x=np.where(holes & (np.arange(data.x.shape[1]) < len(FEATURES)), np.nan, data.x))
    labels = np.column_stack([data.y, permuted_labels(data, 20, draws=1, seed=1)[:, 0]])

    found = forecast_each(data, WALK, labels, kind=kind, seed=1)

    for place in range(2):
        alone = forecast(replace(data, y=labels[:, place]), WALK, kind=kind, seed=1)
        assert found.model[:, place] == pytest.approx(alone.probabilities["with_flows"], abs=1e-6)
        assert found.base_rate[:, place] == pytest.approx(alone.probabilities["base_rate"])
        assert (labels[found.rows, place] == alone.y).all()


def test_blocks_of_dates_change_places_and_assets_of_a_date_stay_together() -> None:
    data = data_of(sessions=100, symbols=3, effect=0.0)
    # Labels that name their session, so that one can see where they went.
    named = replace(data, y=data.session.astype(np.float64))

    (moved,) = permuted_labels(named, 20, draws=1, seed=3).T

    by_date = moved.reshape(100, 3)
    assert (by_date == by_date[:, :1]).all()
    assert sorted(by_date[:, 0]) == list(range(100))
    steps = np.diff(by_date[:, 0])
    assert 1 <= (steps != 1).sum() <= 6
    assert not (permuted_labels(named, 20, draws=1, seed=4)[:, 0] == moved).all()


def test_an_asset_keeps_its_own_labels_whatever_sessions_it_lacks() -> None:
    """Labels of other assets would move base rates, and with them what chance reaches."""
    data = data_of(sessions=100, symbols=3)
    late = data.take((data.symbol != 0) | (data.session >= 70))

    permuted = permuted_labels(late, 20, draws=5, seed=3)

    for place in range(3):
        own = late.symbol == place
        assert set(permuted[own].sum(axis=0)) == {late.y[own].sum()}
    assert set(np.unique(permuted)) == {0.0, 1.0}


def test_the_placebo_of_a_strong_signal_finds_nothing() -> None:
    figures = {
        each.metric: each for each in placebo_figures(data_of(effect=2.0), WALK, kind="logistic", seed=1, draws=9)
    }

    for metric in ("auc", "date_auc"):
        assert figures[metric].value == pytest.approx(0.5, abs=0.03)
        assert figures[metric].lower_95 < figures[metric].value < figures[metric].upper_95 < 0.56
    assert figures["brier_skill"].value < 0.005
    assert {each.n for each in figures.values()} == {9}
    assert {each.variant for each in figures.values()} == {"placebo"}


def test_a_single_asset_has_no_auc_by_date() -> None:
    figures = placebo_figures(data_of(symbols=1), WALK, kind="logistic", seed=1, draws=2)

    assert [np.isfinite(each.value) for each in figures] == [True, False, True]


@pytest.mark.parametrize(("draws", "band"), [(39, (0, 38)), (99, (1, 97)), (9, (0, 8))])
def test_the_band_leaves_a_fortieth_out_at_either_end(draws: int, band: tuple[int, int]) -> None:
    values = np.random.default_rng(1).permutation(draws).astype(np.float64)

    found = band_figure("auc", "all", values)

    assert (found.lower_95, found.value, found.upper_95) == (band[0], (draws - 1) / 2, band[1])


def trained(effect: float, draws: int = 9, *, shuffled: bool = False) -> TrainedModel:
    made = market(sessions=700, symbols=6, effect=effect)
    labels = made.labels
    if shuffled:
        labels = labels.with_columns(pl.col("label").shuffle(seed=9))
    return train(
        made.panel,
        labels,
        horizon=1,
        target="direction",
        model="logistic",
        seed=3,
        trained_at=TRAINED_AT,
        is_synthetic=True,
        walk=WALK,
        resamples=50,
        placebo_draws=draws,
    )


@pytest.mark.slow
def test_a_model_that_looks_good_is_held_against_a_placebo_and_says_so() -> None:
    found = trained(0.6)

    rows = found.evaluation.filter(variant="placebo")
    assert set(rows["metric"]) == {"auc", "date_auc", "brier_skill"}
    assert set(rows["n"]) == {9}
    worth = found.model.metadata.worth
    assert worth is not None
    assert worth.has_edge
    assert worth.text.startswith("a small edge")


@pytest.mark.slow
def test_without_an_auc_above_one_half_no_placebo_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "placebo_figures", None)

    found = trained(0.0)

    assert found.evaluation.filter(variant="placebo").is_empty()
    worth = found.model.metadata.worth
    assert worth is not None
    assert worth.text.startswith(NO_EDGE)


@pytest.mark.slow
def test_permuted_labels_have_no_edge() -> None:
    """Permuted labels once passed the gate: an expanding base rate is itself noisy, and skill was held against it."""
    worth = trained(0.6, shuffled=True).model.metadata.worth

    assert worth is not None
    assert not worth.has_edge
