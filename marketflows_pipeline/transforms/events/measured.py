"""Find figures that are unusual against their own past and against what is usual for their kind."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.events.scores import RATED, frequency_pct, severity
from marketflows_pipeline.transforms.ordering import in_order
from marketflows_pipeline.transforms.unusualness import LEAST_PAST, zscore

PAST_VALUES = 60
PAST_DAYS = 250
LIMIT = 0.99
# Of a kind with few subjects the threshold alone can be lower than what is unusual for anybody.
LEAST_Z = 2.0


def zscores_of_past(series: pl.DataFrame) -> pl.DataFrame:
    """Each value against the values of its own subject before it, itself left out.

    With x a value and p the (at most 60) values before it, n of them::

        reference  = mean(p)
        z          = (x - mean(p)) / standard deviation (n - 1) of p
        percentile = 100 (number of p below x + half the number equal to x) / n

    All three are null with fewer than 20 values before, z also where these do not vary. Sums are over each window
    afresh: sums that are carried on from window to window keep the rounding of what has left them.

    Args:
        series: subject, ts and value, one row a subject and day, in any order; rows without a finite value are left
            out, as if they were not there. Other columns are kept.

    Returns:
        The rows by subject and time, with ``n_past, reference, z, percentile``.
    """
    value = pl.col("value")
    rows = in_order(series.filter(value.is_finite()), "subject", "ts").with_columns(
        place=pl.int_range(pl.len()).over("subject")
    )
    names = [f"past_{back}" for back in range(1, PAST_VALUES + 1)]
    with_past = rows.with_columns(
        pl.when(pl.col("place") >= back).then(value.shift(back)).alias(name) for back, name in enumerate(names, start=1)
    ).with_columns(n_past=pl.min_horizontal("place", pl.lit(PAST_VALUES)).cast(pl.Int32))
    past, n = [pl.col(name) for name in names], pl.col("n_past")
    is_enough = n >= LEAST_PAST
    mean = pl.sum_horizontal(past) / n
    measured = (
        with_past.lazy()
        .with_columns(reference=pl.when(is_enough).then(mean))
        .with_columns(
            deviation=(pl.sum_horizontal((each - pl.col("reference")).pow(2) for each in past) / (n - 1)).sqrt(),
            lower=pl.sum_horizontal((each < value).cast(pl.Float64) for each in past),
            equal=pl.sum_horizontal((each == value).cast(pl.Float64) for each in past),
        )
        .with_columns(
            z=pl.when(is_enough).then(zscore(value, pl.col("reference"), pl.col("deviation"))),
            percentile=pl.when(is_enough).then(100 * (pl.col("lower") + pl.col("equal") / 2) / n),
        )
        .select(*series.columns, "n_past", "reference", "z", "percentile")
    )
    return measured.collect()


def thresholds(zscores: pl.DataFrame) -> pl.DataFrame:
    """What the absolute z-score of a kind has to exceed on each day.

    The 99th percentile of the largest absolute z-score over all subjects on each of the (at most 250) days before: the
    largest of them that at least 1 % exceed. So with up to 100 days it is the second largest: between two of them one
    extreme day, whose size says nothing of the next, would hide all others until it is a hundred days old. At least 2,
    and null with fewer than 20 days. Days without any z-score are no days of the kind.

    Args:
        zscores: ts and z, of all subjects of one kind.

    Returns:
        day, maximum, threshold, by day.
    """
    return (
        zscores.drop_nulls("z")
        .group_by(day=pl.col("ts").dt.date())
        .agg(maximum=pl.col("z").abs().max())
        .sort("day")
        .with_columns(
            threshold=pl.col("maximum")
            .shift(1)
            .rolling_quantile(LIMIT, "lower", window_size=PAST_DAYS, min_samples=LEAST_PAST)
            .clip(lower_bound=LEAST_Z)
        )
    )


def measured_events(series: pl.DataFrame) -> pl.DataFrame:
    """Values of one kind whose absolute z-score exceeds the threshold of their day.

    ``score = |z| coverage / 100``. How often the kind was as unusual is counted over the same 250 days before as the
    threshold.

    Args:
        series: subject, label, ts, value, coverage_pct (null where all is covered), one row a subject and UTC day, in
            any order.

    Returns:
        The columns of `RATED` by time and subject.
    """
    rated = zscores_of_past(series)
    limits = thresholds(rated)
    strength = pl.col("z").abs()
    found = (
        rated.with_columns(day=pl.col("ts").dt.date())
        .join(limits.with_row_index("i").with_columns(pl.col("i").cast(pl.Int64)), on="day")
        .filter(strength > pl.col("threshold"))
        .sort("ts", "subject")
        .with_columns(pl.col("coverage_pct").fill_null(100.0))
        .with_columns(score=strength * pl.col("coverage_pct") / 100)
    )
    maxima = limits["maximum"]
    before = [maxima.slice(max(0, place - PAST_DAYS), min(place, PAST_DAYS)) for place in found["i"]]
    frequency = [
        frequency_pct(int((days >= abs(z)).sum()), days.len()) for days, z in zip(before, found["z"], strict=True)
    ]
    return found.with_columns(
        severity=severity(pl.col("score")),
        frequency_pct=pl.Series(frequency, dtype=pl.Float64),
        was=pl.lit(None, pl.String),
        became=pl.lit(None, pl.String),
    ).select(pl.col(name).cast(dtype) for name, dtype in RATED.items())
