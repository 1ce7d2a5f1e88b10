"""Compute percent gains of series over offsets from the last grid time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.categories import RANGES, US_DOLLAR
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.market_caps.metrics import SERIES_KEY, with_base_caps

_TOLERANCE = timedelta(minutes=30)
_ANSWER_KEY = (*SERIES_KEY, "hours_ago")
_TIME = pl.Datetime("us", "UTC")


def percent_gains(
    group_totals: pl.DataFrame,
    *,
    base_caps: pl.DataFrame,
    base_assets: Sequence[str],
    hours_ago: Sequence[float],
    spec: GridSpec,
    observations: pl.DataFrame,
    members: pl.DataFrame,
) -> pl.DataFrame:
    """How much each series gained, in each base, from ``hours_ago`` before the last grid time until then.

    ``gain_pct = 100 (v(as_of) / v(as_of - offset) - 1)`` with ``v`` the series' cap divided by the base asset's.

    - An offset of whole steps compares grid values; another that is longer than a step takes its start linearly
      between the grid values before and after it. The basis is ``grid``.
    - An offset shorter than a step compares sums of the members' own observations nearest to both ends (``basis`` is
      ``observations``). Every member, and the base asset, must have one within half an hour of each end, and not the
      same for both. The members of a range are the coins that were in it at either end of the last step; each counts
      at a moment where the cap observed then lies in the range.

    Args:
        group_totals: category, series, ts, market_cap_usd.
        base_caps: coin_id, ts, market_cap_usd of the base assets on the grid.
        base_assets: ``us-dollar`` or coin ids.
        hours_ago: offsets in hours, not negative.
        spec: the grid of ``group_totals``.
        observations: coin_id, ts, market_cap_usd as `clean_observations` returns them; the last step and half an hour
            on both sides are enough.
        members: category, series, coin_id as `group_members` and `range_members` give them.

    Returns:
        category, series, base_asset, hours_ago, as_of, gain_pct, basis, reason by key. Where the gain is null the
        reason says why; otherwise it is null.
    """
    offsets = _offsets(hours_ago, spec)
    series = group_totals.lazy().select("category", "series").unique()
    parts = (
        _on_grid(group_totals, base_caps, base_assets, offsets.filter(~pl.col("within_step")), spec),
        _on_observations(series, base_assets, offsets.filter("within_step"), observations, members),
    )
    gain = (pl.col("end_value") / pl.col("start_value") - 1) * 100
    return (
        pl.concat([part.select(*_ANSWER_KEY, "start_value", "end_value", "basis", "reason") for part in parts])
        .select(
            *_ANSWER_KEY,
            as_of=pl.lit(spec.end).cast(_TIME),
            gain_pct=pl.when(pl.col("reason").is_null()).then(gain),
            basis="basis",
            reason="reason",
        )
        .sort(_ANSWER_KEY)
        .collect()
    )


def _offsets(hours_ago: Sequence[float], spec: GridSpec) -> pl.LazyFrame:
    """Each offset with its two ends, and the grid times on both sides of its start with the start's place between."""
    rows = []
    for hours in hours_ago:
        offset = timedelta(hours=hours)
        start = spec.end - offset
        past_grid_time = (start - spec.start) % spec.step
        before = start - past_grid_time
        rows.append(
            {
                "hours_ago": float(hours),
                "start": start,
                "end": spec.end,
                "before": before,
                "after": before + spec.step if past_grid_time else before,
                "weight": past_grid_time / spec.step,
                "within_step": timedelta(0) < offset < spec.step,
            }
        )
    moments = pl.Schema(dict.fromkeys(("start", "end", "before", "after"), _TIME))
    numbers = pl.Schema({"hours_ago": pl.Float64, "weight": pl.Float64, "within_step": pl.Boolean})
    return pl.LazyFrame(rows, schema=pl.Schema({**moments, **numbers}))


def _on_grid(
    group_totals: pl.DataFrame,
    base_caps: pl.DataFrame,
    base_assets: Sequence[str],
    offsets: pl.LazyFrame,
    spec: GridSpec,
) -> pl.LazyFrame:
    values = with_base_caps(group_totals.lazy(), base_caps, base_assets).select(
        *SERIES_KEY, "ts", value=pl.col("market_cap_usd") / pl.col("base_cap")
    )
    v0, v1 = pl.col("value_before"), pl.col("value_after")
    reason = first_that_holds(
        (pl.col("start") < spec.start, "the window starts later"),
        (pl.col("end_value").is_null(), "no market cap in this base at the last grid time"),
        (pl.col("start_value").is_null(), "no market cap in this base at the start of the offset"),
    )
    return (
        values.select(SERIES_KEY)
        .unique()
        .join(offsets, how="cross")
        .join(values.rename({"ts": "before", "value": "value_before"}), on=[*SERIES_KEY, "before"], how="left")
        .join(values.rename({"ts": "after", "value": "value_after"}), on=[*SERIES_KEY, "after"], how="left")
        .join(values.rename({"ts": "end", "value": "end_value"}), on=[*SERIES_KEY, "end"], how="left")
        .with_columns(start_value=v0 + (v1 - v0) * pl.col("weight"), basis=pl.lit("grid"))
        .with_columns(reason=reason)
    )


def _on_observations(
    series: pl.LazyFrame,
    base_assets: Sequence[str],
    offsets: pl.LazyFrame,
    observations: pl.DataFrame,
    members: pl.DataFrame,
) -> pl.LazyFrame:
    ends = _observed_at_both_ends(observations, offsets).collect().lazy()
    bounded = members.lazy().join(_bounds(series), on=["category", "series"])
    start_caps, end_caps = (
        cap.filter(cap.is_between("lower", "upper", closed="right")) for cap in (pl.col("start_cap"), pl.col("end_cap"))
    )
    sums = (
        bounded.join(offsets.select("hours_ago"), how="cross")
        .join(ends, on=["coin_id", "hours_ago"], how="left")
        .group_by("category", "series", "hours_ago")
        .agg(
            start_usd=_sum_or_null(start_caps),
            end_usd=_sum_or_null(end_caps),
            n_coins=pl.len(),
            n_missing=pl.col("start_cap").is_null().sum(),
        )
    )
    no_division = pl.lit(1.0)
    bases = pl.concat(
        offsets.select("hours_ago", base_asset=pl.lit(base), start_cap=no_division, end_cap=no_division)
        if base == US_DOLLAR
        else offsets.select("hours_ago", base_asset=pl.lit(base))
        .join(ends, left_on=["base_asset", "hours_ago"], right_on=["coin_id", "hours_ago"], how="left")
        .select("hours_ago", "base_asset", "start_cap", "end_cap")
        for base in base_assets
    )
    missing = pl.format(
        "{} of {} coins have no observation of their own within half an hour of both ends", "n_missing", "n_coins"
    )
    base_missing = "the base asset has no observation of its own within half an hour of both ends"
    reason = first_that_holds(
        (pl.col("n_coins").is_null(), "no coin is known to be in it"),
        (pl.col("n_missing") > 0, missing),
        (pl.col("start_cap").is_null(), base_missing),
        (pl.col("start_usd").is_null() | pl.col("end_usd").is_null(), "no coin was in it at one end"),
    )
    return (
        series.join(bases, how="cross")
        .join(sums, on=["category", "series", "hours_ago"], how="left")
        .with_columns(
            start_value=pl.col("start_usd") / pl.col("start_cap"),
            end_value=pl.col("end_usd") / pl.col("end_cap"),
            basis=pl.lit("observations"),
            reason=reason,
        )
    )


def _observed_at_both_ends(observations: pl.DataFrame, offsets: pl.LazyFrame) -> pl.LazyFrame:
    """coin_id, hours_ago, start_cap, end_cap of coins with two observations, each near its end of the offset."""
    moments = pl.concat([offsets.select(moment="start"), offsets.select(moment="end")]).unique()
    distance = (pl.col("ts") - pl.col("moment")).abs()
    nearest = (
        observations.lazy()
        .select("coin_id", "ts", "market_cap_usd")
        .join_where(
            moments.with_columns(low=pl.col("moment") - _TOLERANCE, high=pl.col("moment") + _TOLERANCE),
            pl.col("ts") >= pl.col("low"),
            pl.col("ts") <= pl.col("high"),
        )
        .with_columns(distance=distance)
        .sort("coin_id", "moment", "distance", "ts")
        .unique(["coin_id", "moment"], keep="first", maintain_order=True)
    )
    at_start = nearest.select("coin_id", start="moment", start_ts="ts", start_cap="market_cap_usd")
    at_end = nearest.select("coin_id", end="moment", end_ts="ts", end_cap="market_cap_usd")
    return (
        offsets.join(at_start, on="start")
        .join(at_end, on=["coin_id", "end"])
        .filter(pl.col("start_ts") < pl.col("end_ts"))
        .select("coin_id", "hours_ago", "start_cap", "end_cap")
    )


def _bounds(series: pl.LazyFrame) -> pl.LazyFrame:
    """Between which caps a member counts: a range's limits, and no bounds for any other series."""
    limit = pl.when(pl.col("category") == RANGES).then(pl.col("series")).cast(pl.Float64)
    infinity = pl.lit(float("inf"))
    return (
        series.with_columns(lower=limit)
        .sort("category", "lower")
        .with_columns(
            lower=pl.col("lower").fill_null(0.0),
            upper=pl.col("lower").shift(-1).over("category").fill_null(infinity),
        )
    )


def _sum_or_null(value: pl.Expr) -> pl.Expr:
    return pl.when(value.len() > 0).then(value.sum())
