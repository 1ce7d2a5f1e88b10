"""`train`: what the model that was just trained was worth out of sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, TypeAlias

from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.models.verdicts import AUC_NAMES, HEADLINES, PLACEBO, PLANTED, intervals, suspicion, worth

EVALUATION = "mart.model_evaluation"
# Models are trained every week.
TRAINING_LIMIT = timedelta(days=8)

METHOD = (
    "Walked forward by date with purging and embargo: each forecast is by a model fitted before it. Intervals are "
    "95 %, by block bootstrap over dates. auc is the mean over assets, date_auc over dates; brier_skill is against "
    "each asset's base rate, the hardest baseline. ablation is the same model with flow features less without them, "
    "more is better: the headline. One AUC over all rows in a heap (pooled_auc) exceeds 0.5 for constant base "
    "rates too."
)
SOURCE = "Computed from core.asset_flows and the tables beside it; their services stand with those answers."

VARIANTS = ("with_flows", "without_flows", "base_rate", "momentum", "always_up")
CSV_COLUMNS = (
    "variant", "auc", "auc_lower_95", "auc_upper_95", "date_auc", "date_auc_lower_95", "date_auc_upper_95", "brier",
    "brier_skill", "brier_skill_lower_95", "brier_skill_upper_95", "log_loss", "accuracy", "ece", "pooled_auc", "n",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("variant", "variant"),
    ColumnFormat("AUC", "auc", 3),
    ColumnFormat("from", "auc_lower_95", 3),
    ColumnFormat("to", "auc_upper_95", 3),
    ColumnFormat("AUC by date", "date_auc", 3),
    ColumnFormat("from", "date_auc_lower_95", 3),
    ColumnFormat("to", "date_auc_upper_95", 3),
    ColumnFormat("Brier", "brier", 4),
    ColumnFormat("skill (%)", "brier_skill", 2, 0.01),
    ColumnFormat("rows", "n", 0),
)

_WITH_FLOWS, _MEAN, _ALL = "with_flows", "mean of assets", "all"
_BOUNDED = {"auc": _MEAN, "date_auc": _ALL, "brier_skill": _ALL}
_PLAIN = ("brier", "log_loss", "accuracy", "ece", "pooled_auc")
_NEWEST = """
select model_id, trained_at, bool_or(is_synthetic) as is_synthetic
from mart.model_evaluation where starts_with(model_id, $prefix)
group by model_id, trained_at
order by trained_at desc, model_id desc limit 1
"""
_FIGURES = """
select variant, metric, scope, value, lower_95, upper_95, n
from mart.model_evaluation where model_id = $model_id
order by variant, metric, scope
"""

Figures: TypeAlias = Mapping[tuple[str, str, str], Mapping[str, Any]]


def model_evaluation(data: PublishedData, *, horizon: int, target: str, model: str) -> Report:
    """The report of `train`: the evaluation of the newest model of that horizon (sessions), target and kind."""
    data.require(EVALUATION)
    newest = data.row(_NEWEST, {"prefix": f"{target}_{horizon}_{model}_"})
    if not newest:
        raise MarketflowsError(
            f"no {model} model of {target} over {horizon} sessions is evaluated yet; {data.context.how_to_fetch}"
        )
    figures = figures_of(data, newest["model_id"])
    suspicions = suspected(newest["model_id"], figures, is_synthetic=newest["is_synthetic"])
    entries = [_variant(figures, variant) for variant in VARIANTS if (variant, "brier", _ALL) in figures]
    is_synthetic = data.context.is_tutorial or newest["is_synthetic"]
    body: dict[str, Any] = {
        **data.header(newest["trained_at"], stale=data.is_stale(newest["trained_at"], TRAINING_LIMIT)),
        "synthetic": is_synthetic,
        "model_id": newest["model_id"],
        "horizon": horizon,
        "target": target,
        "model": model,
        "trained_at": newest["trained_at"],
        "headline": {"text": ablation_in_words(figures), "ablation": ablation(figures)},
        "verdict": worth(intervals(figures.values()), target, is_synthetic=newest["is_synthetic"]).text,
        **suspicions,
        "placebo": placebo(figures, target),
        **planted(figures),
        **_recovery(figures, horizon),
        "variants": entries,
        "auc_by_asset": _by_asset(figures),
        "reliability": _reliability(figures),
        "source": (data.context.part.synthetic_note if is_synthetic else "") + SOURCE,
        "method": METHOD,
        "coverage": {
            "n_test_rows": entries[0]["n"] if entries else None,
            "n_assets": len(_by_asset(figures)),
            "n_figures": len(figures),
        },
    }
    return Report(
        f"Evaluation of {newest['model_id']}",
        body,
        entries,
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(body),
        told(suspicions),
        headline=body["headline"]["text"],
        warnings=told(suspicions),
    )


def figures_of(data: PublishedData, model_id: str) -> Figures:
    """A model's figures by variant, metric and scope."""
    rows = data.rows(_FIGURES, {"model_id": model_id})
    return {(row["variant"], row["metric"], row["scope"]): row for row in rows}


def suspected(model_id: str, figures: Figures, *, is_synthetic: bool) -> dict[str, str | None]:
    """What to print where a model is better than prices allow, by tier; None where it is not."""
    found = suspicion(model_id, intervals(figures.values()), is_synthetic=is_synthetic)
    tiers = {"leakage_alarm": "alarm", "unusual": "unusual"}
    return {key: found.text if found is not None and found.tier == tier else None for key, tier in tiers.items()}


def told(suspicions: Mapping[str, str | None]) -> tuple[str, ...]:
    """The texts of `suspected`, those that there are."""
    texts = (suspicions[key] for key in ("leakage_alarm", "unusual"))
    return tuple(text for text in texts if text is not None)


def evidence_in_words(figures: Figures, target: str) -> str:
    """The two figures that the verdict rests on."""
    metric, scope = HEADLINES[target]
    auc, skill = (figures.get((_WITH_FLOWS, *key), {}) for key in ((metric, scope), ("brier_skill", _ALL)))
    ends = f"{figure(auc.get('lower_95'), 3)} to {figure(auc.get('upper_95'), 3)}"
    shown = "unknown" if skill.get("value") is None else f"{skill['value']:+.2%}"
    return f"{AUC_NAMES[metric]} {figure(auc.get('value'), 3)} ({ends}), Brier skill {shown}"


def placebo(figures: Figures, target: str) -> dict[str, Any] | None:
    """What the same training reaches on permuted labels; None where that was not tried."""
    metric, scope = HEADLINES[target]
    auc, skill = figures.get((PLACEBO, metric, scope)), figures.get((PLACEBO, "brier_skill", _ALL))
    if auc is None or skill is None:
        return None
    return {"draws": auc["n"], metric: interval_of(auc), "brier_skill": interval_of(skill)}


def ablation(figures: Figures) -> dict[str, dict[str, Any]]:
    """What flows add to AUC, AUC by date and Brier score, each with its interval."""
    scopes = {"auc": _MEAN, "date_auc": _ALL, "brier": _ALL}
    found = {metric: figures.get(("with_flows", f"ablation_{metric}", scope)) for metric, scope in scopes.items()}
    return {metric: interval_of(row) for metric, row in found.items() if row is not None}


def ablation_in_words(figures: Figures) -> str:
    """The headline: what flows add to the mean AUC of assets."""
    added = ablation(figures).get("auc", {})
    if added.get("value") is None or added["lower_95"] is None:
        return "What flows add could not be told."
    lower, upper = added["lower_95"], added["upper_95"]
    words = "flows help" if lower > 0 else "flows hurt" if upper < 0 else "no difference that chance does not explain"
    return f"Flow features add {added['value']:+.3f} to the mean AUC of assets ({lower:+.3f} to {upper:+.3f}): {words}."


def planted(figures: Figures) -> dict[str, Any]:
    """The signal that made-up data holds, beside what was found; nothing for data that holds none."""
    row = figures.get((PLANTED, "auc", _ALL))
    if row is None:
        return {}
    found = figures.get(("with_flows", "auc", _MEAN))
    return {"planted_auc": row["value"], "found_auc": None if found is None else interval_of(found)}


def _recovery(figures: Figures, horizon: int) -> dict[str, Any]:
    """How well training recovers what is planted, over many markets; nothing for data that holds nothing planted."""
    if (PLANTED, "auc", _ALL) not in figures:
        return {}
    from marketflows_pipeline.tutorial.recovery import measured_recovery  # loads polars

    found = measured_recovery(horizon)
    return {} if found is None else {"recovery": asdict(found)}


def _recovery_in_words(body: Mapping[str, Any]) -> tuple[str, ...]:
    if "recovery" not in body:
        return ()
    known = body["recovery"]
    return (
        f"Over {known['markets']} markets made up alike, the interval held the planted AUC in {known['covered']}; "
        f"found less planted was {known['bias']:+.3f} on average",
    )


def planted_in_words(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Planted beside found AUC, where there is one."""
    if "planted_auc" not in body:
        return ()
    found = body["found_auc"] or dict.fromkeys(("value", "lower_95", "upper_95"))
    interval = f"{figure(found['lower_95'], 3)} to {figure(found['upper_95'], 3)}"
    return (f"Planted AUC {figure(body['planted_auc'], 3)}, found {figure(found['value'], 3)} ({interval})",)


def interval_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A figure with its interval."""
    return {key: row[key] for key in ("value", "lower_95", "upper_95")}


def _variant(figures: Figures, variant: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"variant": variant}
    for metric, scope in {**_BOUNDED, **dict.fromkeys(_PLAIN, _ALL)}.items():
        row = figures.get((variant, metric, scope), {})
        entry[metric] = row.get("value")
        if metric in _BOUNDED:
            entry |= {f"{metric}_{end}": row.get(end) for end in ("lower_95", "upper_95")}
    return {**entry, "n": figures[variant, "brier", _ALL]["n"]}


def _by_asset(figures: Figures) -> list[dict[str, Any]]:
    rows = [
        {"symbol": scope, **interval_of(row), "n": row["n"]}
        for (variant, metric, scope), row in figures.items()
        if (variant, metric) == ("with_flows", "auc") and scope != _MEAN
    ]
    return sorted(rows, key=lambda row: row["symbol"])


def _reliability(figures: Figures) -> list[dict[str, Any]]:
    """Bins of the model's forecasts: what was forecast, what came, and the interval of that."""
    bins = sorted(scope for variant, metric, scope in figures if (variant, metric) == ("with_flows", "reliability"))
    return [
        {
            "bin": scope,
            "predicted": figures.get(("with_flows", "reliability_predicted", scope), {}).get("value"),
            "observed": row["value"],
            "lower_95": row["lower_95"],
            "upper_95": row["upper_95"],
            "n": row["n"],
        }
        for scope in bins
        for row in [figures["with_flows", "reliability", scope]]
    ]


def _summary(body: Mapping[str, Any]) -> tuple[str, ...]:
    lines = [f"Verdict: {body['verdict']}", *_placebo_in_words(body), *planted_in_words(body)]
    lines += _recovery_in_words(body)
    if body["reliability"]:
        lines.append("Reliability, forecast and what came (95 % interval):")
        lines += [_bin_in_words(row) for row in body["reliability"]]
    return tuple(lines)


def _placebo_in_words(body: Mapping[str, Any]) -> tuple[str, ...]:
    if body["placebo"] is None:
        return ()
    metric = HEADLINES[body["target"]][0]
    auc, skill = body["placebo"][metric], body["placebo"]["brier_skill"]
    return (
        f"Placebo, {body['placebo']['draws']} trainings on labels permuted by blocks of dates: {AUC_NAMES[metric]} "
        f"{figure(auc['lower_95'], 3)} to {figure(auc['upper_95'], 3)}, Brier skill {skill['lower_95']:+.2%} to "
        f"{skill['upper_95']:+.2%}",
    )


def _bin_in_words(row: Mapping[str, Any]) -> str:
    ends = f"{figure(row['lower_95'], 3)} to {figure(row['upper_95'], 3)}"
    return f"  {row['bin']}: {figure(row['predicted'], 3)}, {figure(row['observed'], 3)} ({ends}), {row['n']:,} rows"
