"""One rule says what a model is worth and when it is too good to be true."""

from __future__ import annotations

from typing import Any

import pytest

from marketflows_pipeline.models.verdicts import (
    EDGE,
    NO_EDGE,
    TOO_GOOD,
    UNUSUAL,
    Interval,
    Intervals,
    Suspicion,
    Worth,
    needs_placebo,
    suspicion,
    worth,
)

Three = tuple[float | None, float | None, float | None]
AUC, DATE_AUC, SKILL = ("auc", "mean of assets"), ("date_auc", "all"), ("brier_skill", "all")
GOOD: Three = (0.52, 0.508, 0.532)


def figures(
    auc: Three = GOOD,
    skill: Three = (0.004, 0.001, 0.007),
    band: Three | None = (0.5, 0.488, 0.512),
    skill_band: Three = (-0.001, -0.003, 0.001),
    metric: tuple[str, str] = AUC,
    **variants: Three,
) -> Intervals:
    """A model's figures with those of its placebo, unless there was none; further variants by the same metric."""
    found = {("with_flows", *metric): auc, ("with_flows", *SKILL): skill}
    if band is not None:
        found |= {("placebo", *metric): band, ("placebo", *SKILL): skill_band}
    found |= {(variant, *metric): three for variant, three in variants.items()}
    return {key: Interval(*three) for key, three in found.items()}


def judged(target: str = "direction", *, is_synthetic: bool = False, **given: Any) -> Worth:
    return worth(figures(**given), target, is_synthetic=is_synthetic)


def suspected(*, is_synthetic: bool = False, **given: Any) -> Suspicion | None:
    return suspicion("direction_5", figures(**given), is_synthetic=is_synthetic)


def tier(**given: Any) -> str | None:
    found = suspected(**given)
    return None if found is None else found.tier


def test_an_edge_needs_both_intervals_and_a_placebo_that_reaches_neither_figure() -> None:
    assert judged() == Worth(has_edge=True, is_unusual=False, text=EDGE)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"auc": (0.507, 0.491, 0.527)}, "the interval of mean AUC of assets holds 0.5"),
        ({"auc": (0.51, 0.5, 0.52)}, "the interval of mean AUC of assets holds 0.5"),
        ({"auc": (0.45, 0.43, 0.47)}, "the interval of mean AUC of assets lies below 0.5"),
        ({"skill": (-0.004, -0.01, 0.002)}, "its Brier skill is not above 0"),
        ({"skill": (0.0, -0.01, 0.01)}, "its Brier skill is not above 0"),
        ({"skill": (0.004, 0.0, 0.01)}, "the interval of Brier skill holds 0"),
        ({"skill": (0.004, None, None)}, "the interval of Brier skill holds 0"),
        ({"band": (0.51, 0.499, 0.52)}, "permuted labels reach its mean AUC of assets too"),
        ({"band": None}, "it was not held against a placebo"),
    ],
)
def test_without_one_of_them_there_is_no_edge(given: dict[str, Any], said: str) -> None:
    found = judged(**given)

    assert not found.has_edge
    assert found.text == f"{NO_EDGE}: {said}"


def test_a_skill_that_permuted_labels_reach_is_none() -> None:
    """Trained on permuted labels a model once had a skill of 0.19 % [0.06 %, 0.37 %], and the gate let it pass."""
    found = judged(skill=(0.0019, 0.0006, 0.0037), skill_band=(0.0012, 0.0003, 0.0021))

    assert found.text == f"{NO_EDGE}: permuted labels reach its Brier skill too"


def test_figures_that_are_missing_are_no_edge() -> None:
    assert worth({}, "direction", is_synthetic=False).text == f"{NO_EDGE}: its figures are not complete"
    assert not judged(auc=(None, None, None)).has_edge


def test_rank_is_judged_by_date() -> None:
    assert judged("rank", metric=DATE_AUC).has_edge
    assert judged("rank", metric=DATE_AUC, auc=(0.51, 0.49, 0.53)).text.endswith("AUC by date holds 0.5")
    assert not judged("rank").has_edge


def test_a_placebo_is_needed_only_where_the_interval_lies_above_one_half() -> None:
    assert needs_placebo(figures(), "direction")
    assert not needs_placebo(figures(auc=(0.52, 0.5, 0.54)), "direction")
    assert not needs_placebo(figures(auc=(0.45, 0.43, 0.47)), "direction")
    assert not needs_placebo({}, "direction")


@pytest.mark.parametrize(
    ("auc", "expected"),
    [
        # What planted leaks gave on nine real assets: noise of 6 sigma, VIX two sessions early, noise of 10 sigma.
        ((0.576, 0.562, 0.592), "unusual"),
        ((0.553, 0.544, 0.562), "unusual"),
        ((0.541, 0.527, 0.554), None),
        ((0.646, 0.63, 0.66), "alarm"),
        ((0.484, 0.47, 0.5), None),
        # The limits themselves are allowed.
        ((0.55, 0.53, 0.57), None),
        ((0.6, 0.58, 0.62), "unusual"),
        ((0.6, 0.5801, 0.62), "alarm"),
    ],
)
def test_the_two_tiers_by_the_lower_end_alone(auc: Three, expected: str | None) -> None:
    """An alarm above 0.58 alone missed future returns in noise of 6 sigma, and a VIX that came two sessions early."""
    assert tier(auc=auc, band=None) == expected


def test_beyond_the_placebo_what_is_unusual_is_an_alarm() -> None:
    assert tier(auc=(0.553, 0.544, 0.562)) == "alarm"
    assert tier(auc=(0.553, 0.544, 0.562), band=(0.5, 0.45, 0.55)) == "unusual"
    # A small edge is allowed to be one.
    assert tier(auc=(0.525, 0.515, 0.535)) is None


@pytest.mark.parametrize("variant", ["with_flows", "without_flows", "base_rate", "momentum"])
def test_every_variant_is_looked_at(variant: str) -> None:
    """The check looked at the model with flows alone, the command at the one without them too."""
    assert tier(**{"band": None, variant if variant != "with_flows" else "auc": (0.56, 0.54, 0.58)}) == "unusual"
    assert tier(band=None, planted=(0.9, 0.9, 0.9)) is None


def test_constant_base_rates_are_no_look_ahead_between_assets() -> None:
    """Base rates of unlike assets alone rank them: 0.553 over 20 sessions."""
    drift = {"metric": DATE_AUC, "band": None, "auc": (0.57, 0.55, 0.59)}

    assert tier(**drift) == "unusual"
    assert tier(**drift, base_rate=(0.553, 0.53, 0.58)) is None
    assert tier(metric=DATE_AUC, band=None, base_rate=(0.7, 0.69, 0.71)) is None


def test_a_placebo_that_scores_is_an_alarm_of_the_evaluation() -> None:
    found = suspected(band=(0.51, 0.501, 0.52))

    assert found is not None
    assert (found.tier, found.variant) == ("alarm", "placebo")
    assert "the evaluation itself sees the future" in found.text


def test_made_up_data_may_hold_any_signal() -> None:
    assert tier(auc=(0.9, 0.89, 0.91), is_synthetic=True) is None
    assert judged(auc=(0.9, 0.89, 0.91), is_synthetic=True).has_edge


def test_an_alarm_claims_no_edge_and_what_is_unusual_says_so() -> None:
    assert judged(auc=(0.553, 0.544, 0.562)) == Worth(has_edge=False, is_unusual=True, text=TOO_GOOD)
    wide = judged(auc=(0.56, 0.535, 0.58), band=(0.5, 0.46, 0.54))
    assert wide == Worth(has_edge=True, is_unusual=True, text=f"{EDGE}; {UNUSUAL}")


def test_the_words_name_model_variant_and_figures() -> None:
    alarm, unusual = suspected(auc=(0.61, 0.581, 0.64), band=None), suspected(auc=(0.56, 0.54, 0.58), band=None)

    assert alarm is not None
    assert alarm.text.startswith(
        "Leakage alarm: the mean AUC of assets of direction_5 (with_flows) is 0.610, at least 0.581"
    )
    assert unusual is not None
    assert unusual.text.startswith(
        "Unusual: look for look-ahead first; the mean AUC of assets of direction_5 (with_flows)"
    )
