from __future__ import annotations

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset import model_figures
from marketflows_pipeline.charts.cross_asset.model_figures import (
    ablation_text,
    auc_of_assets,
    figure,
    placebo_text,
    suspicion_text,
    verdict,
)
from marketflows_pipeline.models import out_of_sample, verdicts
from marketflows_pipeline_tests.charts.cross_asset.frames import evaluation_frame

GOOD = (0.525, 0.51, 0.54)
PLACEBO = (0.5, 0.488, 0.512)
SKILL = (0.01, 0.002, 0.018)


def test_names_are_those_that_the_evaluation_writes() -> None:
    assert verdicts.WITH_FLOWS == out_of_sample.WITH_FLOWS
    assert model_figures.WITHOUT_FLOWS == out_of_sample.WITHOUT_FLOWS
    assert verdicts.BASE_RATE == out_of_sample.BASE_RATE


def test_a_figure_comes_with_its_interval() -> None:
    found = figure(evaluation_frame(), "auc", "mean of assets")

    assert found is not None
    assert (found.value, found.lower, found.upper) == (0.507, 0.491, 0.527)
    assert found.text() == "0.507 [0.491, 0.527]"


def test_a_missing_figure_is_none_and_not_zero() -> None:
    frame = evaluation_frame().with_columns(value=pl.when(pl.col("metric") != "brier").then("value"))

    assert figure(frame, "brier", "all") is None
    assert figure(frame, "log_loss", "all") is None
    assert figure(frame, "ece", "all") is not None


def test_the_mean_of_assets_is_no_asset() -> None:
    assert list(auc_of_assets(evaluation_frame())) == ["GLD", "SPY"]


@pytest.mark.parametrize(
    ("auc", "skill", "said"),
    [
        # Both intervals above what is worth nothing.
        (GOOD, SKILL, "A small edge over the base rate in the past, not a promise"),
        ((0.507, 0.491, 0.527), SKILL, "the interval of mean AUC of assets holds 0.5"),
        ((0.51, 0.5, 0.52), SKILL, "the interval of mean AUC of assets holds 0.5"),
        ((0.45, 0.43, 0.47), SKILL, "the interval of mean AUC of assets lies below 0.5"),
        (GOOD, (-0.004, -0.01, 0.002), "its Brier skill is not above 0"),
        (GOOD, (0.0, -0.01, 0.01), "its Brier skill is not above 0"),
        (GOOD, (0.004, -0.001, 0.01), "the interval of Brier skill holds 0"),
        ((0.55, 0.535, 0.565), SKILL, "Too good to be true"),
        ((0.65, 0.59, 0.70), SKILL, "Too good to be true"),
    ],
)
def test_an_edge_is_claimed_only_where_both_intervals_show_it(
    auc: tuple[float, float, float], skill: tuple[float, float, float], said: str
) -> None:
    text = verdict(evaluation_frame(auc=auc, skill=skill, placebo=PLACEBO), "direction")

    assert said in text
    assert text.startswith("No evidence of edge over the base rate") == said.startswith(("the interval", "its Brier"))


def test_what_is_unusual_says_so_on_picture_and_card() -> None:
    """A VIX that came two sessions early gave 0.553 [0.544, 0.562], below the only limit there was."""
    frame = evaluation_frame(auc=(0.553, 0.544, 0.562), skill=(-0.01, -0.02, 0.0))

    assert verdict(frame, "direction").endswith("unusual: look for look-ahead first")
    assert (suspicion_text(frame) or "").startswith(
        "Unusual: look for look-ahead first; the mean AUC of assets of this"
    )
    assert suspicion_text(evaluation_frame()) is None


def test_the_placebo_is_told_with_its_draws_and_band() -> None:
    assert placebo_text(evaluation_frame(placebo=PLACEBO), "direction") == (
        "Placebo, 39 trainings on labels permuted by blocks of dates (median and band): mean AUC of assets 0.500 "
        "[0.488, 0.512], Brier skill \u22120.0010 [\u22120.0020, +0.0010]"
    )
    assert placebo_text(evaluation_frame(), "direction") is None


def test_made_up_data_may_hold_any_signal() -> None:
    frame = evaluation_frame(auc=(0.65, 0.59, 0.70), skill=SKILL, is_synthetic=True, placebo=PLACEBO)

    assert verdict(frame, "direction").startswith("A small edge")


def test_a_verdict_on_incomplete_figures_is_no_edge() -> None:
    frame = evaluation_frame(auc=GOOD, skill=SKILL).filter(pl.col("metric") != "brier_skill")

    assert verdict(frame, "direction") == "No evidence of edge over the base rate: its figures are not complete"


def test_rank_is_judged_by_date() -> None:
    frame = evaluation_frame(auc=GOOD, skill=SKILL, target="rank", placebo=PLACEBO)
    poor = frame.with_columns(lower_95=pl.when(pl.col("metric") == "date_auc").then(0.49).otherwise("lower_95"))

    assert verdict(frame, "rank").startswith("A small edge")
    assert "AUC by date holds 0.5" in verdict(poor, "rank")
    assert verdict(poor, "direction").startswith("A small edge")


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ((0.004, -0.003, 0.012), "Flows add +0.004 [\u22120.003, +0.012] to the mean AUC of assets: not told apart"),
        ((0.02, 0.01, 0.03), "a measurable gain"),
        ((-0.02, -0.03, -0.01), "a measurable loss"),
    ],
)
def test_what_flows_add_is_a_gain_only_where_the_interval_leaves_zero(
    added: tuple[float, float, float], said: str
) -> None:
    assert said in ablation_text(evaluation_frame(added=added), "direction")


def test_an_ablation_that_was_not_made_is_said_so() -> None:
    frame = evaluation_frame().filter(~pl.col("metric").str.starts_with("ablation"))

    assert ablation_text(frame, "direction") == "What flows add was not measured"
