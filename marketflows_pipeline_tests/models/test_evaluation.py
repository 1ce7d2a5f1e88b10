from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from marketflows_pipeline.models.evaluation import Figure, evaluate, evaluation_frame
from marketflows_pipeline.models.out_of_sample import Forecasts
from marketflows_pipeline.schema import table
from marketflows_pipeline_tests.models.alarms import leakage_alarm
from marketflows_pipeline_tests.models.made_up import TRAINED_AT


def forecasts(y: list[float], **probabilities: list[float]) -> Forecasts:
    """Two assets a session, one after the other."""
    rows = np.arange(len(y))
    return Forecasts(
        symbols=("A", "B"),
        session=rows // 2,
        symbol=rows % 2,
        y=np.array(y),
        probabilities={name: np.array(values) for name, values in probabilities.items()},
    )


# Four sessions of A and B. A: 1 0 1 0, B: 0 0 1 1.
SMALL = forecasts(
    [1, 0, 0, 0, 1, 1, 0, 1],
    with_flows=[0.8, 0.2, 0.2, 0.2, 0.8, 0.8, 0.2, 0.8],
    without_flows=[0.8, 0.2, 0.8, 0.2, 0.2, 0.8, 0.2, 0.2],
    base_rate=[0.5] * 8,
    always_up=[1.0] * 8,
)
JUDGED = evaluate(SMALL, horizon=5, seed=1, resamples=50)
FIGURES = {(each.variant, each.metric, each.scope): each for each in JUDGED.figures}


def value(variant: str, metric: str, scope: str = "all") -> float:
    return FIGURES[variant, metric, scope].value


def test_brier_and_its_skill_by_hand() -> None:
    # with flows each error is 0.2; without them two of eight are 0.8 off for A and one for B: (5 x 0.04 + 3 x 0.64) / 8
    assert value("with_flows", "brier") == pytest.approx(0.04)
    assert value("without_flows", "brier") == pytest.approx(0.265)
    assert value("base_rate", "brier") == pytest.approx(0.25)
    assert value("with_flows", "brier_skill") == pytest.approx(1 - 0.04 / 0.25)
    assert value("without_flows", "brier_skill") == pytest.approx(1 - 0.265 / 0.25)
    assert value("base_rate", "brier_skill") == 0.0
    assert value("always_up", "brier") == 0.5


def test_log_loss_and_accuracy_by_hand() -> None:
    assert value("with_flows", "log_loss") == pytest.approx(-math.log(0.8))
    assert value("without_flows", "accuracy") == 5 / 8
    # certainty that errs has no end of loss
    assert ("always_up", "log_loss", "all") not in FIGURES


def test_auc_is_of_each_asset_and_their_mean() -> None:
    # without flows, A: ones 0.8 and 0.2, zeros 0.8 and 0.2: two ties of four pairs, a win and a loss = 0.5;
    # B: ones 0.8 and 0.2, zeros 0.2 and 0.2: two wins, two ties = 0.75
    assert value("without_flows", "auc", "A") == 0.5
    assert value("without_flows", "auc", "B") == 0.75
    assert value("without_flows", "auc", "mean of assets") == 0.625
    assert FIGURES["without_flows", "auc", "A"].n == 4


def test_auc_by_date_is_of_the_dates_with_both_outcomes() -> None:
    # the first session (1, 0) and the last (0, 1); without flows 0.8 beats 0.2, then a tie
    assert value("without_flows", "date_auc") == 0.75
    assert value("with_flows", "date_auc") == 1.0
    assert FIGURES["with_flows", "date_auc", "all"].n == 4


def test_what_flows_add_is_better_when_more() -> None:
    assert value("with_flows", "ablation_auc", "mean of assets") == pytest.approx(1 - 0.625)
    assert value("with_flows", "ablation_date_auc") == pytest.approx(0.25)
    assert value("with_flows", "ablation_brier") == pytest.approx(0.265 - 0.04)


def test_reliability_by_hand() -> None:
    # with flows there are two forecasts: 0.2, which never came true in four rows, and 0.8, which always did
    first, second = JUDGED.bins

    assert (first.observed, first.n, second.observed, second.n) == (0.0, 4, 1.0, 4)
    assert [first.predicted, second.predicted] == pytest.approx([0.2, 0.8])
    assert (first.upper, second.upper) == (0.8, math.inf)
    assert value("with_flows", "reliability", "bin 02") == 1.0
    assert value("with_flows", "reliability_predicted", "bin 02") == pytest.approx(0.8)
    assert value("with_flows", "ece") == pytest.approx(0.2)


def test_constant_rates_of_assets_score_in_a_heap_what_they_do_not_within_assets() -> None:
    """Why the pooled AUC means nothing: A rises more often than B, and that is all that is known."""
    rng = np.random.default_rng(2)
    rates = np.tile([0.7, 0.4], 1000)
    y = (rng.random(2000) < rates).astype(float)

    figures = {
        (each.metric, each.scope): each.value
        for each in evaluate(
            forecasts(y.tolist(), with_flows=rates.tolist(), base_rate=rates.tolist()), horizon=5, seed=1, resamples=5
        ).figures
        if each.variant == "base_rate"
    }

    assert figures["pooled_auc", "all"] > 0.6
    assert figures["auc", "mean of assets"] == 0.5


def test_both_models_are_drawn_together() -> None:
    # forecasts that are alike differ by nothing in any resample
    alike = forecasts(
        SMALL.y.tolist(),
        with_flows=SMALL.probabilities["with_flows"].tolist(),
        without_flows=SMALL.probabilities["with_flows"].tolist(),
        base_rate=[0.5] * 8,
    )

    added = [each for each in evaluate(alike, horizon=5, seed=1, resamples=50).figures if "ablation" in each.metric]

    assert [(each.value, each.lower_95, each.upper_95) for each in added] == [(0, 0, 0)] * 3


def test_without_any_flow_there_is_no_ablation() -> None:
    only = forecasts(SMALL.y.tolist(), with_flows=SMALL.probabilities["with_flows"].tolist(), base_rate=[0.5] * 8)

    assert not [each for each in evaluate(only, horizon=5, seed=1, resamples=5).figures if "ablation" in each.metric]


def test_the_frame_is_that_of_the_registry_and_what_could_not_be_computed_is_null() -> None:
    entry = table("mart.model_evaluation")

    frame = evaluation_frame(JUDGED.figures, model_id="m", trained_at=TRAINED_AT, is_synthetic=True)

    assert dict(frame.schema) == entry.polars_schema
    assert frame.select(entry.key).is_unique().all()
    error = frame.row(by_predicate=(pl.col("metric") == "ece") & (pl.col("variant") == "with_flows"), named=True)
    assert (error["lower_95"], error["upper_95"]) == (None, None)
    assert not any(frame.select(pl.col("value", "lower_95", "upper_95").is_nan().any()).row(0))


def evaluation(
    metric: str, scope: str, lower: float, *, variant: str = "with_flows", made_up: bool = False
) -> pl.DataFrame:
    figure = Figure(variant, metric, scope, lower + 0.02, lower, lower + 0.04, 1000)
    return evaluation_frame((figure,), model_id="direction_5", trained_at=TRAINED_AT, is_synthetic=made_up)


@pytest.mark.parametrize(("metric", "scope"), [("auc", "mean of assets"), ("date_auc", "all")])
def test_an_auc_that_is_surely_above_0_58_is_an_alarm(metric: str, scope: str) -> None:
    alarm = leakage_alarm(evaluation(metric, scope, 0.581))

    assert alarm is not None
    assert "direction_5" in alarm
    assert "0.581" in alarm
    assert leakage_alarm(evaluation(metric, scope, 0.581, variant="without_flows")) is not None
    assert leakage_alarm(evaluation(metric, scope, 0.58)) is None
    assert leakage_alarm(evaluation(metric, scope, 0.9, made_up=True)) is None


@pytest.mark.parametrize(
    ("metric", "scope", "variant"),
    [("auc", "SPY", "with_flows"), ("pooled_auc", "all", "with_flows"), ("date_auc", "all", "base_rate")],
)
def test_no_other_figure_is_an_alarm(metric: str, scope: str, variant: str) -> None:
    assert leakage_alarm(evaluation(metric, scope, 0.7, variant=variant)) is None
