"""Probabilities for a session, each with what it is worth in a plain sentence."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from marketflows_pipeline.models.artifact import Metadata, Model
from marketflows_pipeline.models.dataset import matrix
from marketflows_pipeline.models.evaluation import Bin
from marketflows_pipeline.models.metrics import bin_of
from marketflows_pipeline.models.verdicts import NO_EDGE
from marketflows_pipeline.schema import table


def score(model: Model, panel_latest: pl.DataFrame, *, scored_at: datetime) -> pl.DataFrame:
    """The rows of ``mart.model_scores`` for rows of a panel, mostly those of `panel.newest`.

    The interval is that of the bin of the reliability table that the probability falls into: how often the target came
    out of sample after forecasts like this one. A probability beyond all that were seen belongs to the outermost bin.
    The panel has symbol, session and the model's features; ``scored_at`` has a time zone.
    """
    entry, facts = table("mart.model_scores"), model.metadata
    _, x = matrix(panel_latest, features=facts.features, symbols=facts.symbols)
    probabilities = model.estimator.probabilities(x) if len(x) else np.empty(0)
    edges = np.array([each.upper for each in facts.bins[:-1]])
    rows = []
    for (symbol, session), probability, place in zip(
        panel_latest.select("symbol", "session").iter_rows(),
        probabilities.tolist(),
        bin_of(probabilities, edges).tolist(),
        strict=True,
    ):
        found, base_rate = facts.bins[place], facts.base_rates.get(symbol)
        rows.append(
            {
                "model_id": facts.model_id,
                "session": session,
                "symbol": symbol,
                "horizon": facts.horizon,
                "target": facts.target,
                "probability": probability,
                "bin_lower_95": found.lower_95,
                "bin_upper_95": found.upper_95,
                "base_rate": base_rate,
                "verdict": verdict(facts, found, base_rate),
                "scored_at": scored_at,
                "is_synthetic": facts.is_synthetic,
            }
        )
    return pl.DataFrame(rows, schema=entry.polars_schema, orient="row").sort(entry.key)


def verdict(facts: Metadata, found: Bin, base_rate: float | None) -> str:
    """What a probability of this bin is worth; never more than its model.

    No edge is claimed where the model has none, or where the interval of the bin holds 0.5 or the asset's own base
    rate: a forecast of 58 % says nothing of an asset that rises in 58 % of cases anyway.
    """
    if facts.worth is None:
        return f"{NO_EDGE}: the model was not held against a placebo; train it again"
    if not facts.worth.has_edge:
        return facts.worth.text
    interval = f"{found.lower_95:.1%} to {found.upper_95:.1%}"
    for rate, name in ((0.5, "one half"), (base_rate, "the asset's base rate")):
        if rate is not None and not (rate < found.lower_95 or rate > found.upper_95):
            came = f"after forecasts like this the target came in {interval} of cases"
            return f"{NO_EDGE}: {came}, an interval that contains {name}"
    outcome = "the close was higher" if facts.target == "direction" else "the asset was in the better half"
    return (
        f"after forecasts like this {outcome} in {found.observed:.1%} of cases out of sample ({interval} with 95 % "
        f"confidence, Brier skill {facts.brier_skill:+.2%}); {facts.worth.text}"
    )
