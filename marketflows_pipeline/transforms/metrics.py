"""Normalization, EMA, differences and unit scaling of series.

What belongs here: the measures that categories share. What does not: the differences of ranges (ranges), which follow
coins across limits.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketflows_pipeline.transforms.categories import RANGES, US_DOLLAR

SERIES_KEY = ("category", "series", "base_asset")
CURVE_KEY = (*SERIES_KEY, "ema_period")
ORDER_KEY = (*CURVE_KEY, "diff_order")
_UNIT_KEY = ("category", "base_asset", "ema_period", "diff_order", "ts")


def with_base_caps(frame: pl.LazyFrame, base_caps: pl.DataFrame, base_assets: Sequence[str]) -> pl.LazyFrame:
    """The frame once per base asset, with ``base_asset`` and ``base_cap``: what its row is to be divided by.

    ``base_cap`` is 1 for ``us-dollar`` and null where the base asset has no market cap at that ``ts``.
    """
    return pl.concat(
        frame.with_columns(base_cap=pl.lit(1.0), base_asset=pl.lit(base_asset))
        if base_asset == US_DOLLAR
        else frame.join(
            base_caps.lazy().filter(pl.col("coin_id") == base_asset).select("ts", base_cap="market_cap_usd"),
            on="ts",
            how="left",
        ).with_columns(base_asset=pl.lit(base_asset))
        for base_asset in base_assets
    )


def first_valid(value: pl.Expr) -> pl.Expr:
    """The first value that is not null; null where there is none. Takes rows in order of time."""
    return value.drop_nulls().first()


def smoothed(value: pl.Expr, span: int) -> pl.Expr:
    """Exponential moving average: ``y[0] = x[0]``, ``y[t] = (1 - a) y[t-1] + a x[t]`` with ``a = 2 / (span + 1)``.

    A null stays null; across a gap of n steps the older average keeps the weight ``(1 - a)^(n+1)`` against ``a``,
    both scaled to sum to 1. A span of 1 is no smoothing. The same as pandas' ``ewm(span, adjust=False)`` without gaps.
    """
    return value if span == 1 else value.ewm_mean(span=span, adjust=False, ignore_nulls=False)


def normalize(group_totals: pl.DataFrame, base_caps: pl.DataFrame, base_assets: Sequence[str]) -> pl.DataFrame:
    """Market cap in the base asset, relative to the series' first valid value (``mart.normalized``).

    ``value(t) = (cap(t) / base(t)) / first valid of (cap / base)``, so that each curve starts at 1.

    Args:
        group_totals: category, series, ts, market_cap_usd.
        base_caps: coin_id, ts, market_cap_usd of the base assets on the grid.
        base_assets: ``us-dollar`` or coin ids.

    Returns:
        category, series, base_asset, ts, value by key; null where the series or the base has no cap.
    """
    in_base = pl.col("market_cap_usd") / pl.col("base_cap")
    return (
        with_base_caps(group_totals.lazy(), base_caps, base_assets)
        .sort(*SERIES_KEY, "ts")
        .select(*SERIES_KEY, "ts", value=in_base / first_valid(in_base).over(SERIES_KEY))
        .collect()
    )


def ema(normalized: pl.DataFrame, ema_periods: Sequence[int]) -> pl.DataFrame:
    """Each normalized curve smoothed over each period above 1 (``mart.ema``); see `smoothed`.

    Args:
        normalized: category, series, base_asset, ts, value by key.
        ema_periods: spans in grid steps; 1 is the curve itself and is passed over.

    Returns:
        category, series, base_asset, ema_period, ts, value by key.
    """
    curves = [
        normalized.lazy().with_columns(
            ema_period=pl.lit(period, pl.Int32), value=smoothed(pl.col("value"), period).over(SERIES_KEY)
        )
        for period in sorted(set(ema_periods) - {1})
    ]
    columns = (*CURVE_KEY, "ts", "value")
    if not curves:
        return normalized.clear().with_columns(ema_period=pl.lit(1, pl.Int32)).select(columns)
    return pl.concat(curves).select(columns).sort(*CURVE_KEY, "ts").collect()


def derivatives(
    normalized: pl.DataFrame, ema: pl.DataFrame, diff_orders: Sequence[int], smoothing_ema: int
) -> pl.DataFrame:
    """Differences per grid step, order by order, each smoothed before the next (rows of ``mart.derivatives``).

    With ``y_0`` the normalized or EMA curve: ``y_k(t) = EMA over smoothing_ema of (y_{k-1}(t) - y_{k-1}(t-1))``.
    Ranges are left out: theirs come from `range_derivatives`.

    Args:
        normalized: category, series, base_asset, ts, value by key.
        ema: category, series, base_asset, ema_period, ts, value by key.
        diff_orders: orders asked for; 0 is not a derivative and is passed over.
        smoothing_ema: span in grid steps; 1 is no smoothing.

    Returns:
        category, series, base_asset, ema_period, diff_order, ts, value by key.
    """
    curve = (
        pl.concat([normalized.with_columns(ema_period=pl.lit(1, pl.Int32)).select(ema.columns), ema])
        .lazy()
        .filter(pl.col("category") != RANGES)
        .sort(*CURVE_KEY, "ts")
    )
    by_order = []
    for order in range(1, max(diff_orders, default=0) + 1):
        steps = pl.col("value").diff().over(CURVE_KEY)
        curve = curve.with_columns(value=steps, diff_order=pl.lit(order, pl.Int32)).with_columns(
            value=smoothed(pl.col("value"), smoothing_ema).over(CURVE_KEY)
        )
        by_order.append(curve)
    columns = (*ORDER_KEY, "ts", "value")
    if not by_order:
        return ema.clear().with_columns(diff_order=pl.lit(1, pl.Int32)).select(columns)
    return (
        pl.concat(by_order)
        .filter(pl.col("diff_order").is_in(list(diff_orders)))
        .select(columns)
        .sort(*ORDER_KEY, "ts")
        .collect()
    )


def unit_normalize(normalized: pl.DataFrame, ema: pl.DataFrame, derivatives: pl.DataFrame) -> pl.DataFrame:
    """Every value scaled across the series of its category, base, EMA and order (``mart.unit_normalized``).

    ``(x - min) / (max - min)`` per grid time: the largest series is at 1, the smallest at 0. Null where all are equal,
    so also where a category has one series; a null stays null and takes no part.

    Args:
        normalized: category, series, base_asset, ts, value.
        ema: the same with ema_period.
        derivatives: the same with ema_period and diff_order.

    Returns:
        category, series, base_asset, ema_period, diff_order, ts, value by key.
    """
    no_ema, level = pl.lit(1, pl.Int32).alias("ema_period"), pl.lit(0, pl.Int32).alias("diff_order")
    columns = (*ORDER_KEY, "ts", "value")
    low, high = pl.col("value").min().over(_UNIT_KEY), pl.col("value").max().over(_UNIT_KEY)
    return (
        pl.concat(
            [
                normalized.lazy().with_columns(no_ema, level).select(columns),
                ema.lazy().with_columns(level).select(columns),
                derivatives.lazy().select(columns),
            ]
        )
        .with_columns(value=pl.when(high > low).then((pl.col("value") - low) / (high - low)))
        .sort(*ORDER_KEY, "ts")
        .collect()
    )
