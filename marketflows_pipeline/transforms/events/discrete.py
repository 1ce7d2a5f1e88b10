"""Find changes of state that are rare: of their subject, and of anything of their kind."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.events.scores import (
    MOST_FREQUENT_PCT,
    RATED,
    frequency_pct,
    normal_equivalent,
    severity,
)
from marketflows_pipeline.transforms.unusualness import LEAST_PAST


def shares_of_past(changes: pl.DataFrame, observed: pl.DataFrame) -> pl.DataFrame:
    """How often a subject changed before each of its changes.

    ``share = k / n`` with n the days before on which the subject was observed and k those of them on which it changed;
    0 where n is 0. It orders as the surprise -log10(share) does, the other way round. Not ``(k + 1) / (n + 1)``: by
    that a first change would be the more surprising the longer anything is observed, so that each first change of
    another subject beat all before it.

    Args:
        changes: subject and ts, with other columns that are kept; of several on one UTC day the last counts.
        observed: subject and ts of what was looked at, in any order and any number a day. Without a column
            ``subject`` every subject was, at each ts.

    Returns:
        The changes by time and subject, with ``day, n_past, share``.
    """
    day = pl.col("ts").dt.date().alias("day")
    changed = changes.with_columns(day).sort("ts").unique(["subject", "day"], keep="last", maintain_order=True)
    if "subject" not in observed.columns:
        observed = observed.join(changed.select("subject").unique(), how="cross")
    flagged = changed.select("subject", "day", is_change=pl.lit(value=True))
    days = (
        observed.lazy()
        .join(flagged.lazy().select("subject").unique(), on="subject", how="semi")
        .select("subject", day)
        .unique()
        .join(flagged.lazy(), on=["subject", "day"], how="full", coalesce=True)
        .sort("subject", "day")
        .with_columns(is_change=pl.col("is_change").fill_null(value=False).cast(pl.Int32))
        .with_columns(
            n_past=pl.int_range(pl.len(), dtype=pl.Int32).over("subject"),
            k=(pl.col("is_change").cum_sum() - pl.col("is_change")).over("subject"),
        )
        .with_columns(share=pl.when(pl.col("n_past") > 0).then(pl.col("k") / pl.col("n_past")).otherwise(0.0))
        .collect()
    )
    return changed.join(days.select("subject", "day", "n_past", "share"), on=["subject", "day"]).sort("ts", "subject")


def discrete_events(changes: pl.DataFrame, observed: pl.DataFrame) -> pl.DataFrame:
    """Changes of one kind as rare as anything of it on at most 5 % of the days before, today counted in.

    A day of the kind is one on which anything of it was observed; it counts where any subject's change was as rare as
    this one, or rarer, for that subject then (`shares_of_past`). A change needs 20 days before of its own subject and
    20 of its kind. ``score`` is the absolute z-score that a normal value exceeds as often, times coverage.

    Args:
        changes: subject, label, ts, was, became, value, reference, coverage_pct (null where all is covered).
        observed: as in `shares_of_past`.

    Returns:
        The columns of `RATED` by time and subject.
    """
    rated = shares_of_past(changes, observed)
    rarest = rated.group_by("day").agg(rarest=pl.col("share").min())
    days = (
        pl.concat([observed.select(day=pl.col("ts").dt.date()), rarest.select("day")])
        .unique()
        .join(rarest, on="day", how="left")
        .sort("day")
        .with_columns(i=pl.int_range(pl.len(), dtype=pl.Int64))
    )
    found = rated.filter(pl.col("n_past") >= LEAST_PAST).join(days.select("day", "i"), on="day", maintain_order="left")
    daily = days["rarest"]
    frequency = [
        frequency_pct(int((daily.head(place) <= share).sum()), place)
        for place, share in found.select("i", "share").iter_rows()
    ]
    return (
        found.with_columns(
            frequency_pct=pl.Series(frequency, dtype=pl.Float64),
            coverage_pct=pl.col("coverage_pct").fill_null(100.0),
        )
        .filter(pl.col("frequency_pct") <= MOST_FREQUENT_PCT, pl.col("i") >= LEAST_PAST)
        .with_columns(
            score=pl.col("frequency_pct").map_elements(normal_equivalent, return_dtype=pl.Float64)
            * pl.col("coverage_pct")
            / 100,
            **{name: pl.lit(None, pl.Float64) for name in ("z", "percentile", "threshold")},
        )
        .with_columns(severity=severity(pl.col("score")))
        .select(pl.col(name).cast(dtype) for name, dtype in RATED.items())
    )
