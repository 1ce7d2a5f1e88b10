"""What events of all kinds share: the columns of a rated row, and how scores become severities."""

from __future__ import annotations

from statistics import NormalDist

import polars as pl

from marketflows_pipeline.transforms.cases import first_that_holds

# An event of a kind of changes came, as rare, on at most so many of the days before.
MOST_FREQUENT_PCT = 5.0
STRONG, EXTREME = 3.0, 4.0

RATED: dict[str, pl.DataType] = {
    "subject": pl.String(),
    "label": pl.String(),
    "ts": pl.Datetime("us", "UTC"),
    "value": pl.Float64(),
    "reference": pl.Float64(),
    "z": pl.Float64(),
    "percentile": pl.Float64(),
    "was": pl.String(),
    "became": pl.String(),
    "n_past": pl.Int32(),
    "frequency_pct": pl.Float64(),
    "coverage_pct": pl.Float64(),
    "score": pl.Float64(),
    "threshold": pl.Float64(),
    "severity": pl.String(),
}


def severity(score: pl.Expr) -> pl.Expr:
    """``extreme`` from a score of 4 on, ``strong`` from 3 on, else ``notable``."""
    return first_that_holds((score >= EXTREME, "extreme"), (score >= STRONG, "strong"), otherwise="notable")


def normal_equivalent(frequency_pct: float) -> float:
    """The absolute z-score that a normal value exceeds, on either side, as often as in this percentage of cases."""
    return NormalDist().inv_cdf(1 - frequency_pct / 200)


def frequency_pct(n_as_unusual: int, n_before: int) -> float:
    """How often a kind has days as unusual as one, that one counted in: ``100 (c + 1) / (n + 1)``.

    Never 0: what was not seen on n days may still come once in n + 1.
    """
    return 100 * (n_as_unusual + 1) / (n_before + 1)
