"""What an evaluation says of a model, in figures and in plain words, the same on its chart and on its card."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from marketflows_pipeline.charts.cross_asset.wording import interval_text
from marketflows_pipeline.models.verdicts import (
    ALL,
    AUC_NAMES,
    HEADLINES,
    MEAN_OF_ASSETS,
    PLACEBO,
    WITH_FLOWS,
    intervals,
    suspicion,
    worth,
)

WITHOUT_FLOWS = "without_flows"
HEADLINE_NAMES = {target: AUC_NAMES[metric] for target, (metric, _) in HEADLINES.items()}
TARGET_NAMES = {"direction": "direction (close higher)", "rank": "rank (above the median of the universe)"}
KIND_NAMES = {"logistic": "logistic regression", "gradient_boosting": "gradient boosting"}
VARIANT_NAMES = {
    WITH_FLOWS: "Model with flows",
    WITHOUT_FLOWS: "Same model without flows",
    "base_rate": "Base rate of each asset",
    "always_up": "Always up",
    "momentum": "Momentum, 20 sessions",
}


@dataclass(frozen=True)
class Figure:
    """A figure with the interval that it lies in with 95 % confidence, where one is known."""

    value: float
    lower: float | None
    upper: float | None
    n: int

    def text(self, *, decimals: int = 3, signed: bool = False) -> str:
        """The figure and its interval: "0.512 [0.497, 0.527]"."""
        return interval_text(self.value, self.lower, self.upper, decimals=decimals, signed=signed)


def figures(evaluation: pl.DataFrame, metric: str, variant: str = WITH_FLOWS) -> dict[str, Figure]:
    """Figures of one metric of one model's evaluation, by scope; those missing or not finite are left out."""
    known = evaluation.filter(pl.col("value").is_finite(), metric=metric, variant=variant).sort("scope")
    rows = known.select("scope", "value", "lower_95", "upper_95", "n").iter_rows()
    return {scope: Figure(*found) for scope, *found in rows}


def figure(evaluation: pl.DataFrame, metric: str, scope: str, variant: str = WITH_FLOWS) -> Figure | None:
    """One figure of an evaluation; None where it is missing or not finite."""
    return figures(evaluation, metric, variant).get(scope)


def auc_of_assets(evaluation: pl.DataFrame) -> dict[str, Figure]:
    """AUC of each asset, by symbol."""
    return {symbol: each for symbol, each in figures(evaluation, "auc").items() if symbol != MEAN_OF_ASSETS}


def is_synthetic(evaluation: pl.DataFrame) -> bool:
    """Whether any of it was trained on made-up data."""
    return bool(evaluation.get_column("is_synthetic").any())


def ablation_text(evaluation: pl.DataFrame, target: str) -> str:
    """The headline: what flows add, with its interval, and whether that can be told from nothing."""
    metric, scope = HEADLINES[target]
    added = figure(evaluation, f"ablation_{metric}", scope)
    if added is None:
        return "What flows add was not measured"
    text = f"Flows add {added.text(signed=True)} to the {HEADLINE_NAMES[target]}"
    if added.lower is None or added.upper is None:
        return text
    if added.lower <= 0 <= added.upper:
        return f"{text}: not told apart from nothing"
    return f"{text}: {'a measurable gain' if added.value > 0 else 'a measurable loss'}"


def verdict(evaluation: pl.DataFrame, target: str) -> str:
    """What the model is worth, in a sentence, by the rule of `verdicts.worth`."""
    text = worth(intervals(evaluation.to_dicts()), target, is_synthetic=is_synthetic(evaluation)).text
    return text[0].upper() + text[1:]


def suspicion_text(evaluation: pl.DataFrame) -> str | None:
    """Why a look into the future is to be looked for first; None where nothing is better than prices allow."""
    found = suspicion("this model", intervals(evaluation.to_dicts()), is_synthetic=is_synthetic(evaluation))
    return None if found is None else found.text


def placebo_text(evaluation: pl.DataFrame, target: str) -> str | None:
    """What the same training reaches on permuted labels; None where that was not tried."""
    metric, scope = HEADLINES[target]
    auc, skill = figure(evaluation, metric, scope, PLACEBO), figure(evaluation, "brier_skill", ALL, PLACEBO)
    if auc is None or skill is None:
        return None
    reached = f"{HEADLINE_NAMES[target]} {auc.text()}, Brier skill {skill.text(decimals=4, signed=True)}"
    return f"Placebo, {auc.n} trainings on labels permuted by blocks of dates (median and band): {reached}"
