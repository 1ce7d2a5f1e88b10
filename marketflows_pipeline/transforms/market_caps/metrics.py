"""Compute normalization, EMA, differences and unit scaling of series."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketflows_pipeline.transforms.categories import RANGES, US_DOLLAR
from marketflows_pipeline.transforms.ordering import first_rows, in_order, numbered_curves, sort_curves

SERIES_KEY = ("category", "series", "base_asset")
CURVE_KEY = (*SERIES_KEY, "ema_period")
ORDER_KEY = (*CURVE_KEY, "diff_order")
_SCALE_KEY = ("category", "base_asset", "ema_period", "diff_order")
NO_EMA = pl.lit(1, pl.Int32).alias("ema_period")
LEVEL = pl.lit(0, pl.Int32).alias("diff_order")


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
            maintain_order="left",
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
    totals = in_order(group_totals, "category", "series", "ts")
    in_base = pl.col("market_cap_usd") / pl.col("base_cap")
    curves = numbered_curves(with_base_caps(totals.lazy(), base_caps, base_assets).collect(), SERIES_KEY)
    relative = in_base / first_valid(in_base).over("curve")
    return sort_curves(curves.select(*SERIES_KEY, "ts", value=relative), SERIES_KEY)


def ema(normalized: pl.DataFrame, ema_periods: Sequence[int]) -> pl.DataFrame:
    """Each normalized curve smoothed over each period above 1 (``mart.ema``); see `smoothed`.

    Args:
        normalized: category, series, base_asset, ts, value by key.
        ema_periods: spans in grid steps; 1 is the curve itself and is ignored.

    Returns:
        category, series, base_asset, ema_period, ts, value by key.
    """
    curves = numbered_curves(in_order(normalized, *SERIES_KEY, "ts"), SERIES_KEY).lazy()
    by_period = [
        curves.select(
            *SERIES_KEY,
            pl.lit(period, pl.Int32).alias("ema_period"),
            "ts",
            smoothed(pl.col("value"), period).over("curve"),
        )
        for period in sorted(set(ema_periods) - {1})
    ]
    if not by_period:
        return normalized.clear().select(*SERIES_KEY, NO_EMA, "ts", "value")
    return sort_curves(pl.concat(by_period).collect(), CURVE_KEY)


def derivatives(
    normalized: pl.DataFrame, ema: pl.DataFrame, diff_orders: Sequence[int], smoothing_ema: int
) -> pl.DataFrame:
    """Differences per grid step, order by order, each smoothed before the next (rows of ``mart.derivatives``).

    With ``y_0`` the normalized or EMA curve: ``y_k(t) = EMA over smoothing_ema of (y_{k-1}(t) - y_{k-1}(t-1))``.
    Ranges are left out: theirs come from `range_derivatives`.

    Args:
        normalized: category, series, base_asset, ts, value by key.
        ema: category, series, base_asset, ema_period, ts, value by key.
        diff_orders: orders requested; 0 is not a derivative and is ignored.
        smoothing_ema: span in grid steps; 1 is no smoothing.

    Returns:
        category, series, base_asset, ema_period, diff_order, ts, value by key.
    """
    levels = pl.concat(
        [
            in_order(normalized, *SERIES_KEY, "ts").select(*SERIES_KEY, NO_EMA, "ts", "value"),
            in_order(ema, *CURVE_KEY, "ts").select(*CURVE_KEY, "ts", "value"),
        ]
    ).filter(pl.col("category") != RANGES)
    curves = numbered_curves(levels, CURVE_KEY)
    by_order = []
    for order in range(1, max(diff_orders, default=0) + 1):
        step = pl.col("value").diff().over("curve")
        curves = curves.with_columns(value=step).with_columns(
            smoothed(pl.col("value"), smoothing_ema).over("curve"), diff_order=pl.lit(order, pl.Int32)
        )
        if order in diff_orders:
            by_order.append(curves.select(*ORDER_KEY, "ts", "value"))
    if not by_order:
        return levels.clear().select(*CURVE_KEY, LEVEL, "ts", "value")
    return sort_curves(pl.concat(by_order), ORDER_KEY)


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
    curves = numbered_curves(
        pl.concat(
            [
                normalized.select(*SERIES_KEY, NO_EMA, LEVEL, "ts", "value"),
                ema.select(*CURVE_KEY, LEVEL, "ts", "value"),
                derivatives.select(*ORDER_KEY, "ts", "value"),
            ]
        ),
        ORDER_KEY,
    )
    scale_of_curve = first_rows(curves).select(pl.struct(_SCALE_KEY).rank("dense")).to_series()
    # One number for scale and time: windows over it cost a quarter of those over the texts.
    since_first = (pl.col("ts") - pl.col("ts").min()).dt.total_microseconds()
    scale = scale_of_curve.gather(curves.get_column("curve")).cast(pl.Int64)
    value, low, high = pl.col("value"), pl.col("low"), pl.col("high")
    scaled = (
        curves.lazy()
        .with_columns(moment=scale * (since_first.max() + 1) + since_first)
        .with_columns(low=value.min().over("moment"), high=value.max().over("moment"))
        .select(*ORDER_KEY, "ts", value=pl.when(high > low).then((value - low) / (high - low)))
        .collect()
    )
    return sort_curves(scaled, ORDER_KEY)
