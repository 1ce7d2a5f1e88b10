"""Cards of models: what each was worth out of sample, and what it says of the newest session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from marketflows_pipeline.charts.cross_asset.model_figures import (
    KIND_NAMES,
    TARGET_NAMES,
    ablation_text,
    figure,
    placebo_text,
    suspicion_text,
    verdict,
)
from marketflows_pipeline.charts.style.wording import counted, value_text
from marketflows_pipeline.models.verdicts import ALL, HEADLINES, intervals, worth
from marketflows_pipeline.report.credits import credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, newest_time, of_all, rows

_COMPUTED = "Computed from flows and prices of the cross-asset part"
_NO_ADVICE = "not investment advice"

EVALUATION_SQL = """
select model_id, split_part(model_id, '_', 1) as target, try_cast(split_part(model_id, '_', 2) as integer) as horizon,
       variant, metric, scope, value, lower_95, upper_95, n, trained_at, is_synthetic
from mart.model_evaluation
qualify dense_rank() over (
    partition by split_part(model_id, '_', 1), split_part(model_id, '_', 2) order by trained_at desc, model_id desc
) = 1
order by horizon, target, variant, metric, scope
"""
SCORES_SQL = """
select symbol, horizon, target, session, 100 * probability as probability_pct, 100 * base_rate as base_rate_pct,
       100 * bin_lower_95 as bin_lower_pct, 100 * bin_upper_95 as bin_upper_pct, verdict, model_id, scored_at
from mart.model_scores
qualify dense_rank() over (partition by target, horizon order by scored_at desc, model_id desc) = 1
order by horizon, target, symbol
"""


def models_card(file: PublishedFile) -> Card | None:
    """The newest model of each horizon and target with its verdict; nothing where none has figures."""
    evaluation = rows(file, EVALUATION_SQL)
    judged = list(judged_models(evaluation))
    if not judged:
        return None
    models = pl.DataFrame(judged, infer_schema_length=None)
    is_synthetic = file.is_tutorial or bool(evaluation["is_synthetic"].any())
    return Card(
        key="cross-asset-models",
        title=models_title(models),
        subtitle="Newest model of each horizon and target, out of sample: AUC and Brier skill with 95 % intervals",
        caption=caption(
            credit(file, f"Synthetic data. {_COMPUTED}" if is_synthetic else _COMPUTED),
            file.as_of("mart.model_evaluation"),
            "AUC 0.5 and Brier skill 0 are what chance and each asset's base rate reach",
            "walked forward by date, with purging and embargo; intervals by block bootstrap over dates",
            _NO_ADVICE,
        ),
        dataset=Dataset("models", models),
        columns=(
            FigureColumn("name", "Model"),
            FigureColumn("verdict", "Verdict"),
            FigureColumn("auc", "AUC", 3),
            FigureColumn("auc_lower", "from", 3),
            FigureColumn("auc_upper", "to", 3),
            FigureColumn("brier_skill_pct", "Brier skill (%)", 2, signed=True),
            FigureColumn("flows_add", "What flows add"),
            FigureColumn("placebo", "Placebo"),
        ),
        sql=EVALUATION_SQL,
        pictures=tuple(f"CrossAsset_model_{row['horizon']}_{row['target']}.png" for row in judged),
        width=6,
    )


def judged_models(evaluation: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Each model of an evaluation with its verdict in the words of its card, the shortest horizon first."""
    models = evaluation.filter(pl.col("target").is_in(list(HEADLINES)), pl.col("horizon").is_not_null())
    for (horizon, target, model_id), own in models.group_by("horizon", "target", "model_id", maintain_order=True):
        name, (metric, scope) = str(target), HEADLINES[str(target)]
        auc, skill = figure(own, metric, scope), figure(own, "brier_skill", ALL)
        kind = next((each for each in KIND_NAMES if f"_{each}_" in str(model_id)), "")
        suspicion = suspicion_text(own)
        is_synthetic = bool(own["is_synthetic"].any())
        yield {
            "model_id": model_id,
            "target": name,
            "horizon": horizon,
            "name": f"{TARGET_NAMES[name]}, {counted(str(horizon), 'session')}, {KIND_NAMES.get(kind, kind)}",
            "verdict": verdict(own, name) if suspicion is None else f"{verdict(own, name)}. {suspicion}",
            "has_edge": worth(intervals(own.to_dicts()), name, is_synthetic=is_synthetic).has_edge,
            "auc": None if auc is None else auc.value,
            "auc_lower": None if auc is None else auc.lower,
            "auc_upper": None if auc is None else auc.upper,
            "brier_skill_pct": None if skill is None else 100 * skill.value,
            "flows_add": ablation_text(own, name),
            "placebo": placebo_text(own, name),
            "trained_at": own["trained_at"][0],
        }


def models_title(models: pl.DataFrame) -> str:
    """How many models have shown an edge, in the past."""
    with_edge = int(models["has_edge"].sum())
    if with_edge == 0 and models.height == 1:
        return "The only model shows no evidence of an edge over the base rate"
    if with_edge == 0:
        return f"None of {counted(models.height, 'model')} shows evidence of an edge over the base rate"
    shows = "shows" if with_edge == 1 else "show"
    found = of_all(with_edge, models.height, "model").capitalize()
    return f"{found} {shows} a small edge over the base rate in the past, not a promise"


def scores_card(file: PublishedFile) -> Card | None:
    """Probabilities of the newest session; nothing without any."""
    scores = rows(file, SCORES_SQL).with_columns(
        above=pl.col("probability_pct") - pl.col("base_rate_pct"), ahead=pl.format("{}, {} s", "target", "horizon")
    )
    if scores.is_empty():
        return None
    return Card(
        key="cross-asset-scores",
        title=scores_title(scores),
        subtitle="Calibrated probability of each asset in percent, beside its base rate and how often it came true",
        caption=caption(
            credit(file, _COMPUTED),
            newest_time(scores, "scored_at"),
            "read the verdict first: where there is no edge, the base rate is the better forecast",
            _NO_ADVICE,
        ),
        dataset=Dataset("model_scores", scores),
        columns=(
            FigureColumn("symbol", "Asset"),
            FigureColumn("ahead", "Of"),
            FigureColumn("probability_pct", "Probability (%)", 1),
            FigureColumn("base_rate_pct", "Base rate (%)", 1),
            FigureColumn("bin_lower_pct", "Came true from (%)", 1),
            FigureColumn("bin_upper_pct", "to (%)", 1),
            FigureColumn("session", "Session"),
            FigureColumn("verdict", "Verdict"),
        ),
        sql=SCORES_SQL,
        series_key="symbol",
        width=6,
    )


def scores_title(scores: pl.DataFrame) -> str:
    """The probability furthest from its base rate."""
    known = scores.drop_nulls("above").sort(pl.col("above").abs(), descending=True, maintain_order=True)
    if known.is_empty():
        return f"Probabilities of {counted(scores['symbol'].n_unique(), 'asset')}, without a base rate to compare"
    row = known.row(0, named=True)
    probability, base = (value_text(row[key], 0, signed=False) for key in ("probability_pct", "base_rate_pct"))
    return f"Furthest from its base rate: {row['symbol']} ({row['ahead']}), {probability}% beside {base}%"
