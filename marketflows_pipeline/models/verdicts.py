"""What figures of an evaluation allow to be said: whether there is an edge, and whether it is too good to be true.

Without numpy and scikit-learn, so that whoever shows a verdict can import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

ALL, MEAN_OF_ASSETS = "all", "mean of assets"
WITH_FLOWS, BASE_RATE, PLACEBO, PLANTED = "with_flows", "base_rate", "placebo", "planted"
_MODELS = (WITH_FLOWS, "without_flows")

# An R2 of 0.5 % a month, the upper end of what is known of stocks, is an AUC of 0.532.
UNUSUAL_AUC, ALARM_AUC = 0.53, 0.58
# For direction assets are compared with their own past, for rank with each other on the same date.
HEADLINES = {"direction": ("auc", MEAN_OF_ASSETS), "rank": ("date_auc", ALL)}
AUC_NAMES = {"auc": "mean AUC of assets", "date_auc": "AUC by date"}

NO_EDGE = "no evidence of edge over the base rate"
TOO_GOOD = "too good to be true: a feature that knows the future is likelier than a discovery"
EDGE = "a small edge over the base rate in the past, not a promise"
UNUSUAL = "unusual: look for look-ahead first"


@dataclass(frozen=True)
class Interval:
    """A figure with the ends of its 95 % interval; for a placebo its median and the band of its draws."""

    value: float | None
    lower: float | None
    upper: float | None


Tier = Literal["unusual", "alarm"]
# By variant, metric and scope.
Intervals: TypeAlias = Mapping[tuple[str, str, str], Interval]


@dataclass(frozen=True)
class Worth:
    """What a model is worth.

    Whether the figures show any edge over the base rate, whether a look into the future is to be looked for first, and
    the same in words.
    """

    has_edge: bool
    is_unusual: bool
    text: str


@dataclass(frozen=True)
class Suspicion:
    """A figure that is better than prices allow.

    Whose figure it is (the variant), of auc or date_auc, with the lower end of its interval; the text is one line that
    says all that.
    """

    tier: Tier
    variant: str
    metric: str
    value: float
    lower: float
    text: str


def intervals(rows: Iterable[Mapping[str, Any]]) -> Intervals:
    """Rows of ``mart.model_evaluation`` of one model by variant, metric and scope."""
    return {
        (row["variant"], row["metric"], row["scope"]): Interval(row["value"], row["lower_95"], row["upper_95"])
        for row in rows
    }


def worth(figures: Intervals, target: str, *, is_synthetic: bool) -> Worth:
    """What the model with flows is worth.

    An edge is claimed only where the intervals of the target's AUC and of the Brier skill lie above 0.5 and 0, and
    where the same training on labels permuted by blocks of dates reaches neither: an expanding base rate is itself
    noisy, so that even permuted labels have shown a skill whose interval lay above 0. Where a figure raises the alarm
    no edge is claimed at all. Made-up data may hold any signal.
    """
    metric, scope = HEADLINES[target]
    auc, skill = figures.get((WITH_FLOWS, metric, scope)), figures.get((WITH_FLOWS, "brier_skill", ALL))
    if auc is None or auc.value is None or auc.lower is None or skill is None or skill.value is None:
        return Worth(has_edge=False, is_unusual=False, text=f"{NO_EDGE}: its figures are not complete")
    suspected = suspicion("", figures, is_synthetic=is_synthetic)
    if suspected is not None and suspected.tier == "alarm":
        return Worth(has_edge=False, is_unusual=True, text=TOO_GOOD)
    reasons = [*_auc_reasons(auc, AUC_NAMES[metric]), *_skill_reasons(skill)]
    if not reasons:
        reasons += _placebo_reasons(figures, (metric, scope), auc, skill)
    text = f"{NO_EDGE}: {' and '.join(reasons)}" if reasons else EDGE
    is_unusual = suspected is not None
    return Worth(has_edge=not reasons, is_unusual=is_unusual, text=f"{text}; {UNUSUAL}" if is_unusual else text)


def needs_placebo(figures: Intervals, target: str) -> bool:
    """Whether the verdict rests on a placebo: where the interval of the target's AUC lies above 0.5."""
    auc = figures.get((WITH_FLOWS, *HEADLINES[target]))
    return auc is not None and auc.lower is not None and auc.lower > 0.5


def suspicion(model_id: str, figures: Intervals, *, is_synthetic: bool) -> Suspicion | None:
    """The worst figure of a model that is better than prices allow; None where none is, or the data is made up.

    Of every variant the mean AUC of assets is looked at, and of the models the AUC by date too, less what constant base
    rates exceed 0.5 by in it. A lower end of the interval above 0.53 is unusual. It is an alarm above 0.58, and above
    0.53 where it exceeds the placebo's band too, so that chance does not explain it. So is a placebo of which all of
    the band lies above 0.5: then the evaluation itself sees the future. The words name the model's id.
    """
    if is_synthetic:
        return None
    found = list(_suspicions(model_id, figures))
    return max(found, key=lambda each: (each.tier == "alarm", each.lower)) if found else None


def _suspicions(model_id: str, figures: Intervals) -> Iterator[Suspicion]:
    for (variant, metric, scope), figure in figures.items():
        if (metric, scope) not in HEADLINES.values() or figure.value is None or figure.lower is None:
            continue
        evaluate = _placebo_tier if variant == PLACEBO else _tier
        found = evaluate(figures, variant, metric, figure.lower)
        if found is not None:
            tier, why = found
            whose = "labels permuted by blocks of dates" if variant == PLACEBO else variant
            measured = (
                f"the {AUC_NAMES[metric]} of {model_id} ({whose}) is {figure.value:.3f}, at least {figure.lower:.3f} "
                "with 95 % confidence"
            )
            start = f"Leakage alarm: {measured}. " if tier == "alarm" else f"{UNUSUAL.capitalize()}; {measured}, "
            yield Suspicion(tier, variant, metric, figure.value, figure.lower, start + why)


def _tier(figures: Intervals, variant: str, metric: str, lower: float) -> tuple[Tier, str] | None:
    """The tier of a variant's figure, with the words that follow it."""
    if variant == PLANTED or (metric == "date_auc" and variant not in _MODELS):
        return None
    band = figures.get((PLACEBO, metric, dict(HEADLINES.values())[metric]))
    is_beyond_placebo = band is not None and band.upper is not None and lower > band.upper
    lower -= _base_rate_excess(figures, metric)
    if lower > ALARM_AUC or (lower > UNUSUAL_AUC and is_beyond_placebo):
        limit = f"Above {ALARM_AUC}" if lower > ALARM_AUC else "So far above what permuted labels reach"
        likelier = "a feature that knows the future is likelier than a discovery"
        return "alarm", f"{limit} {likelier}: look for it before believing the model."
    return ("unusual", f"and honest ones hardly exceed {UNUSUAL_AUC}.") if lower > UNUSUAL_AUC else None


def _placebo_tier(figures: Intervals, variant: str, metric: str, lower: float) -> tuple[Tier, str] | None:
    """The same of the placebo itself; by date it may hold what base rates alone score."""
    if metric == "auc" and lower > 0.5:
        return "alarm", "Nothing can be known of those: the evaluation itself sees the future."
    return None


def _base_rate_excess(figures: Intervals, metric: str) -> float:
    """What constant base rates score above 0.5, which between assets of unlike drift is no look ahead."""
    if metric != "date_auc":
        return 0.0
    base = figures.get((BASE_RATE, metric, ALL))
    return 0.0 if base is None or base.value is None else max(0.0, base.value - 0.5)


def _auc_reasons(auc: Interval, name: str) -> Iterator[str]:
    assert auc.lower is not None
    if auc.lower <= 0.5:
        is_below = auc.upper is not None and auc.upper < 0.5
        yield f"the interval of {name} {'lies below' if is_below else 'holds'} 0.5"


def _skill_reasons(skill: Interval) -> Iterator[str]:
    assert skill.value is not None
    if not skill.value > 0:
        yield "its Brier skill is not above 0"
    elif skill.lower is None or skill.lower <= 0:
        yield "the interval of Brier skill holds 0"


def _placebo_reasons(figures: Intervals, headline: tuple[str, str], auc: Interval, skill: Interval) -> Iterator[str]:
    for name, found, band in (
        (AUC_NAMES[headline[0]], auc, figures.get((PLACEBO, *headline))),
        ("Brier skill", skill, figures.get((PLACEBO, "brier_skill", ALL))),
    ):
        if band is None or band.upper is None:
            yield "it was not held against a placebo"
            return
        assert found.value is not None
        if not found.value > band.upper:
            yield f"permuted labels reach its {name} too"
