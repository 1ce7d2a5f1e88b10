"""The alarm that an evaluation raises."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.models.evaluation import suspicions


def leakage_alarm(evaluation: pl.DataFrame) -> str | None:
    """What is said of a model that is too good to be true; None where none is, or all such data is made up."""
    return next((each.text for each in suspicions(evaluation) if each.tier == "alarm"), None)
