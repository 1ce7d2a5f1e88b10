from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from marketflows_pipeline.models.artifact import Metadata, Model, library_versions
from marketflows_pipeline.models.estimators import Calibrated
from marketflows_pipeline.models.evaluation import Bin
from marketflows_pipeline.models.scoring import score, verdict
from marketflows_pipeline.models.verdicts import EDGE, NO_EDGE, UNUSUAL, Worth
from marketflows_pipeline.schema import table
from marketflows_pipeline_tests.models.made_up import TRAINED_AT, weekdays

DAY = weekdays(1)[0]
GOOD = Worth(has_edge=True, is_unusual=False, text=EDGE)
NONE = Worth(has_edge=False, is_unusual=False, text=f"{NO_EDGE}: permuted labels reach its Brier skill too")
LOW = Bin(0.5, 0.45, 0.44, 0.40, 0.48, 900)
HIGH = Bin(float("inf"), 0.6, 0.61, 0.56, 0.66, 800)


def model(**changes: Any) -> Model:
    """One feature f; the probability of a row is ``1 / (1 + exp(-f))``; below one half is the first bin."""
    classifier = LogisticRegression()
    classifier.classes_, classifier.n_features_in_ = np.array([0.0, 1.0]), 3
    classifier.coef_, classifier.intercept_ = np.array([[1.0, 0.0, 0.0]]), np.array([0.0])
    facts = Metadata(
        model_id="m", target="direction", horizon=5, kind="logistic", seed=1, trained_at=TRAINED_AT,
        is_synthetic=False, first_session=DAY, last_session=DAY, rows=1, symbols=("A", "B"), features=("f",),
        features_version=1, features_sha256="", versions=library_versions(), walk_forward={},
        configurations_tried=1, test_rows=1, base_rates={"A": 0.5, "B": 0.6}, brier_skill=0.01, bins=(LOW, HIGH),
        worth=GOOD,
    )  # fmt: skip
    return Model(Calibrated(None, classifier, 1.0, 0.0), replace(facts, **changes))


def panel(**values: float) -> pl.DataFrame:
    return pl.DataFrame({"symbol": list(values), "session": [DAY] * len(values), "f": list(values.values())})


def test_each_row_has_its_probability_and_the_interval_of_its_bin() -> None:
    scored_at = TRAINED_AT + timedelta(days=1)

    scores = score(model(), panel(B=1.0, A=-1.0), scored_at=scored_at)

    entry = table("mart.model_scores")
    assert dict(scores.schema) == entry.polars_schema
    assert scores.get_column("symbol").to_list() == ["A", "B"]
    assert scores.get_column("probability").to_list() == pytest.approx([1 / (1 + np.e), np.e / (1 + np.e)])
    assert scores.select("bin_lower_95", "bin_upper_95", "base_rate").rows() == [(0.40, 0.48, 0.5), (0.56, 0.66, 0.6)]
    assert set(scores.get_column("scored_at")) == {scored_at}
    assert scores.select("model_id", "session", "horizon", "target", "is_synthetic").row(0) == (
        "m", DAY, 5, "direction", False,
    )  # fmt: skip


def test_an_asset_that_the_model_never_saw_has_no_base_rate() -> None:
    assert score(model(), panel(Z=1.0), scored_at=TRAINED_AT).item(0, "base_rate") is None


def test_no_row_gives_no_score() -> None:
    assert score(model(), panel(A=1.0).clear(), scored_at=TRAINED_AT).is_empty()


def test_a_row_never_claims_more_than_its_model() -> None:
    """Training said "no evidence", and the scores of the same model "a small edge" for 3 of 11 assets."""
    assert verdict(model(worth=NONE).metadata, HIGH, 0.5) == NONE.text


def test_a_model_that_was_never_held_against_a_placebo_claims_nothing() -> None:
    assert verdict(model(worth=None).metadata, HIGH, 0.5) == (
        f"{NO_EDGE}: the model was not held against a placebo; train it again"
    )


def test_what_is_unusual_of_the_model_stands_in_each_row() -> None:
    odd = Worth(has_edge=True, is_unusual=True, text=f"{EDGE}; {UNUSUAL}")

    assert verdict(model(worth=odd).metadata, HIGH, 0.5).endswith(UNUSUAL)


@pytest.mark.parametrize("lower", [0.49, 0.5])
def test_an_interval_that_holds_one_half_is_no_edge(lower: float) -> None:
    said = verdict(model().metadata, replace(HIGH, lower_95=lower), None)

    assert said.startswith(NO_EDGE)
    assert said.endswith("an interval that contains one half")


def test_an_interval_that_holds_the_asset_s_own_rate_is_no_edge() -> None:
    assert verdict(model().metadata, HIGH, 0.6).endswith("an interval that contains the asset's base rate")


def test_an_interval_that_is_not_known_is_no_edge() -> None:
    unknown = replace(HIGH, lower_95=float("nan"), upper_95=float("nan"))

    assert verdict(model().metadata, unknown, 0.5).startswith(NO_EDGE)


def test_an_edge_is_told_with_its_past_and_without_a_promise() -> None:
    said = verdict(model().metadata, HIGH, 0.5)

    assert said.startswith("after forecasts like this the close was higher in 61.0% of cases out of sample (56.0% to")
    assert "Brier skill +1.00%" in said
    assert said.endswith("not a promise")
    assert "in the better half" in verdict(model(target="rank").metadata, HIGH, 0.5)
