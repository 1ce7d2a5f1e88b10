"""`score`: probabilities of the latest session, each with what such a forecast was worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketflows_pipeline.cli.reports.cross_asset.model_evaluation import (
    EVALUATION,
    SOURCE,
    ablation_in_words,
    evidence_in_words,
    figures_of,
    planted,
    planted_in_words,
    suspected,
    told,
)
from marketflows_pipeline.cli.reports.cross_asset.provenance import counted, is_stale
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.models.verdicts import NO_EDGE, intervals, worth
from marketflows_pipeline.report.credits import BARS

SCORES = "mart.model_scores"

METHOD = (
    "probability is calibrated: of the close being higher after the horizon (direction), or of the asset being in the "
    "better half of the universe (rank). bin_lower_95 to bin_upper_95 is how often that came out of sample after "
    "forecasts like this one. base_rate is how often it came for the asset in training. Most often the verdict is that "
    "nothing beats the base rate; no advice."
)

CSV_COLUMNS = (
    "symbol", "horizon", "target", "session", "probability", "bin_lower_95", "bin_upper_95", "base_rate", "verdict",
    "model_id", "scored_at",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("asset", "symbol"),
    ColumnFormat("ahead", "horizon", 0),
    ColumnFormat("target", "target"),
    ColumnFormat("probability (%)", "probability", 1, 0.01),
    ColumnFormat("came true from (%)", "bin_lower_95", 1, 0.01),
    ColumnFormat("came true to (%)", "bin_upper_95", 1, 0.01),
    ColumnFormat("base rate (%)", "base_rate", 1, 0.01),
)

_NEWEST = f"""
select {", ".join(CSV_COLUMNS)}, is_synthetic
from mart.model_scores
qualify dense_rank() over (partition by target, horizon order by scored_at desc, model_id desc) = 1
order by horizon, target, symbol
"""
_SESSION = "select max(session) as session from core.asset_flows"
_TRAINED = "select max(trained_at) as trained_at from mart.model_evaluation where model_id = $model_id"


def model_scores(data: PublishedData, *, how_to_train: str, how_to_score: str) -> Report:
    """The report of `score`: the newest scores of each horizon and target; errors name the command to run first."""
    if not data.has(SCORES):
        if data.has(EVALUATION):
            raise MarketflowsError(f"no scores are published yet; score: {how_to_score}")
        raise MarketflowsError(f"no model is trained yet; train one: {how_to_train}")
    rows = data.rows(_NEWEST)
    is_synthetic = data.context.is_tutorial or any(row["is_synthetic"] for row in rows)
    models = [_model(data, row) for row in {row["model_id"]: row for row in rows}.values()]
    worths = {model["model_id"]: model for model in models}
    entries = [
        {key: row[key] for key in CSV_COLUMNS} | {"verdict": _no_more_than(worths[row["model_id"]], row["verdict"])}
        for row in rows
    ]
    session, as_of = max(row["session"] for row in rows), max(row["scored_at"] for row in rows)
    newest = data.row(_SESSION)["session"] if data.has("core.asset_flows") else None
    alarms = tuple(text for model in models for text in told(model))
    is_behind = newest is not None and session < newest
    body: dict[str, Any] = {
        **data.header(as_of, stale=is_behind or is_stale(data, session, data.as_of(BARS))),
        "synthetic": is_synthetic,
        "session": session,
        "scores": entries,
        "models": models,
        "source": (data.context.part.synthetic_note if is_synthetic else "") + SOURCE,
        "method": METHOD,
        "coverage": {
            "n_assets": len({row["symbol"] for row in rows}),
            "n_models": len(models),
            "newest_session": newest,
            "behind": [row["symbol"] for row in entries if row["session"] < session],
        },
    }
    return Report(
        f"Probabilities from the close of {session}",
        body,
        entries,
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(body),
        (*alarms, *_footnotes(body)),
        warnings=alarms,
    )


def _model(data: PublishedData, row: Mapping[str, Any]) -> dict[str, Any]:
    figures = figures_of(data, row["model_id"]) if data.has(EVALUATION) else {}
    trained = data.row(_TRAINED, {"model_id": row["model_id"]}) if figures else {}
    found = worth(intervals(figures.values()), row["target"], is_synthetic=row["is_synthetic"])
    return {
        **{key: row[key] for key in ("model_id", "horizon", "target")},
        "trained_at": trained.get("trained_at"),
        "verdict": found.text,
        "has_edge": found.has_edge,
        "evidence": evidence_in_words(figures, row["target"]),
        "ablation": ablation_in_words(figures),
        **suspected(row["model_id"], figures, is_synthetic=row["is_synthetic"]),
        **planted(figures),
    }


def _no_more_than(model: Mapping[str, Any], said: str) -> str:
    """A row's verdict, or its model's where that has no edge: scores may be older than the rule that judges now."""
    return said if model["has_edge"] or said.startswith(NO_EDGE) else str(model["verdict"])


def _summary(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Verdicts, those that many assets share once."""
    assets: dict[str, list[str]] = {}
    for entry in body["scores"]:
        ahead = (
            f"{entry['symbol']} ({entry['target']}, {entry['horizon']})" if len(body["models"]) > 1 else entry["symbol"]
        )
        assets.setdefault(entry["verdict"], []).append(ahead)
    return (
        *(f"{', '.join(names)}: {said}" for said, names in assets.items()),
        *(
            f"{model['model_id']}: {line}"
            for model in body["models"]
            for line in (model["verdict"], model["evidence"], model["ablation"], *planted_in_words(model))
        ),
    )


def _footnotes(body: Mapping[str, Any]) -> tuple[str, ...]:
    coverage = body["coverage"]
    notes = [f"{counted(coverage['n_assets'], 'asset')} scored by {counted(coverage['n_models'], 'model')}."]
    if coverage["newest_session"] is not None and body["session"] < coverage["newest_session"]:
        notes.append(f"Prices are known to {coverage['newest_session']}: score anew with --refresh.")
    return tuple(notes)
