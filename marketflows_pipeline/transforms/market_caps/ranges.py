"""Assign a fixed cohort to market-cap ranges at every grid time, and sum each range."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import polars as pl

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.transforms.categories import RANGES
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.market_caps.metrics import (
    LEVEL,
    NO_EMA,
    ORDER_KEY,
    SERIES_KEY,
    first_valid,
    smoothed,
    with_base_caps,
)
from marketflows_pipeline.transforms.ordering import in_order, numbered_curves, sort_curves, within_coin
from marketflows_pipeline.transforms.sums import partial_sums, sum_of_parts

_MAX_ORDER = 2
_BUCKET = ("lower_limit_usd", "ts")
# By which range a coin's cap is summed, and the name of that sum.
_MEMBERSHIPS = {"lower_limit_usd": "cap_now", "one_ago": "cap_one_ago", "two_ago": "cap_two_ago"}


def range_series(limit: float) -> str:
    """The name of the range above ``limit`` as a series: the limit in whole dollars."""
    return str(int(limit))


def range_names(limits: Sequence[float]) -> pl.DataFrame:
    """``lower_limit_usd, series`` of each range, ascending."""
    rows = [(float(limit), range_series(limit)) for limit in sorted(limits)]
    return pl.DataFrame(rows, schema={"lower_limit_usd": pl.Float64, "series": pl.String}, orient="row")


def select_cohort(grid: pl.DataFrame, limits: Sequence[float], excluded: Collection[str] = ()) -> pl.DataFrame:
    """The coins whose market cap at the last grid time exceeds the smallest limit (``core.cohort``).

    The cohort is fixed for the whole window: a universe that changed along the way would move totals for reasons
    that have nothing to do with flows. It is chosen with today's caps, so it carries survivorship bias.

    Args:
        grid: coin_id, ts, market_cap_usd of every tracked coin.
        limits: lower limits in USD.
        excluded: coin ids that are left out whatever their size.

    Returns:
        coin_id, rank (1 is the largest; equal caps by coin id), market_cap_usd, selected_at by coin_id.
    """
    return (
        grid.lazy()
        .filter(pl.col("ts") == pl.col("ts").max(), pl.col("market_cap_usd") > min(limits))
        .filter(~pl.col("coin_id").is_in(list(excluded)))
        .sort("market_cap_usd", "coin_id", descending=[True, False])
        .select(
            "coin_id",
            rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32),
            market_cap_usd="market_cap_usd",
            selected_at="ts",
        )
        .sort("coin_id")
        .collect()
    )


def assign_buckets(grid: pl.DataFrame, cohort: pl.DataFrame, limits: Sequence[float]) -> pl.DataFrame:
    """The range of each cohort coin at each grid time: the largest limit that its cap exceeds (``core.buckets``).

    "Exceeds" is strict. A coin at or below the lowest limit keeps its row with a null limit, so that every cohort
    coin has exactly one row per grid time.

    Args:
        grid: coin_id, ts, market_cap_usd.
        cohort: coin_id.
        limits: lower limits in USD, in any order.

    Returns:
        coin_id, ts, lower_limit_usd, market_cap_usd by (coin_id, ts).
    """
    bucket = pl.lit(None, pl.Float64)
    for limit in sorted(limits):
        bucket = pl.when(pl.col("market_cap_usd") > limit).then(pl.lit(float(limit))).otherwise(bucket)
    placed = (
        grid.lazy()
        .filter(pl.col("coin_id").is_in(cohort.get_column("coin_id").implode()))
        .select("coin_id", "ts", lower_limit_usd=bucket, market_cap_usd="market_cap_usd")
        .collect()
    )
    return in_order(placed, "coin_id", "ts")


def range_places(closes: pl.DataFrame, coins: Collection[str], limits: Sequence[float]) -> pl.DataFrame:
    """The range of each of these coins at each of its closes; a cap equal to a limit is below it.

    Args:
        closes: coin_id, ts, market_cap_usd.
        coins: those that were ever stored above the smallest limit and are not left out.
        limits: lower limits in USD.

    Returns:
        coin_id, ts, lower_limit_usd (null below the lowest), market_cap_usd by (coin_id, ts).
    """
    cohort = pl.DataFrame({"coin_id": sorted(coins)}, schema={"coin_id": pl.String})
    return assign_buckets(closes, cohort, limits)


def bucket_totals(buckets: Iterable[pl.DataFrame], limits: Sequence[float], spec: GridSpec) -> pl.DataFrame:
    """The summed market cap of each range at each grid time, as rows of ``core.group_totals``.

    Args:
        buckets: coin_id, ts, lower_limit_usd, market_cap_usd as `assign_buckets` gives them, whole or in blocks.
        limits: lower limits in USD.
        spec: the grid of ``buckets``.

    Returns:
        category (``Ranges``), series, ts, market_cap_usd, n_assets by key: every range at every grid time. An empty
        range has a null cap and 0 assets.
    """
    parts = [partial_sums(block.lazy(), _BUCKET, "market_cap_usd") for block in buckets]
    totals = sum_of_parts(parts, _BUCKET, "market_cap_usd")
    return (
        _every_range_and_time(limits, spec.times().to_frame().lazy())
        .join(totals.lazy(), on=_BUCKET, how="left")
        .select("category", "series", "ts", "market_cap_usd", n_assets=pl.col("n_rows").fill_null(0).cast(pl.Int32))
        .sort("category", "series", "ts")
        .collect()
    )


def crossings(buckets: pl.DataFrame) -> pl.DataFrame:
    """Each step on which a coin changed its range: its whole cap leaves one level and joins another.

    Args:
        buckets: coin_id, ts, lower_limit_usd by (coin_id, ts), as `assign_buckets` gives them.

    Returns:
        coin_id, ts (of the step's end), from_limit_usd, to_limit_usd; null is below the lowest limit.
    """
    before = within_coin("lower_limit_usd", 1)
    is_first = pl.col("coin_id") != pl.col("coin_id").shift(1)
    return (
        in_order(buckets, "coin_id", "ts")
        .select("coin_id", "ts", from_limit_usd=before, to_limit_usd="lower_limit_usd", is_first=is_first)
        .filter(~pl.col("is_first"), pl.col("from_limit_usd").ne_missing(pl.col("to_limit_usd")))
        .drop("is_first")
    )


def bucket_members(buckets: pl.DataFrame) -> pl.DataFrame:
    """The coins of each range at each grid time, in the shape of group members with a time.

    Args:
        buckets: coin_id, ts, lower_limit_usd as `assign_buckets` gives them.

    Returns:
        category (``Ranges``), series, coin_id, ts; coins below the lowest limit are left out.
    """
    return buckets.filter(pl.col("lower_limit_usd").is_not_null()).select(
        category=pl.lit(RANGES),
        series=pl.col("lower_limit_usd").cast(pl.Int64).cast(pl.String),
        coin_id="coin_id",
        ts="ts",
    )


def range_members(buckets: pl.DataFrame, spec: GridSpec) -> pl.DataFrame:
    """The coins that were in each range at either end of the last grid step, as rows beside `group_members`.

    Args:
        buckets: coin_id, ts, lower_limit_usd as `assign_buckets` gives them.
        spec: the grid of ``buckets``.

    Returns:
        category (``Ranges``), series, coin_id, by all three, each once.
    """
    of_last_step = buckets.filter(pl.col("ts") >= spec.end - spec.step)
    return bucket_members(of_last_step).drop("ts").unique().sort("category", "series", "coin_id")


def range_derivatives(
    buckets: Iterable[pl.DataFrame],
    *,
    base_caps: pl.DataFrame,
    base_assets: Sequence[str],
    limits: Sequence[float],
    ema_periods: Sequence[int],
    diff_orders: Sequence[int],
) -> pl.DataFrame:
    """Growth and inflection of each range, following its coins across limits (rows of ``mart.derivatives``).

    With ``x_i(t)`` the cap of coin ``i`` divided by the base asset's cap at ``t``, ``b_i(t)`` its range, and ``f_b``
    the first valid total of range ``b`` in that base:

    - growth: ``sum over i with b_i(t-1) = b of  x_i(t) - x_i(t-1)``, over ``f_b``;
    - inflection: ``sum over i with b_i(t-2) = b of  x_i(t) - 2 x_i(t-1) + x_i(t-2)``, over ``f_b``.

    Both are per grid step; the EMA comes last. Null where the range was empty at the time that sets membership.

    Args:
        buckets: coin_id, ts, lower_limit_usd, market_cap_usd as `assign_buckets` gives them, whole or in blocks of
            whole coins.
        base_caps: coin_id, ts, market_cap_usd of the base assets on the grid.
        base_assets: ``us-dollar`` or coin ids.
        limits: lower limits in USD.
        ema_periods: spans; 1 is no EMA.
        diff_orders: orders requested; 0 is not a derivative and is ignored.

    Returns:
        category, series, base_asset, ema_period, diff_order, ts, value by key.

    Raises:
        UserInputError: if an order above 2 is requested.
    """
    if max(diff_orders, default=0) > _MAX_ORDER:
        raise UserInputError(
            f"analysis.diff_orders: market-cap ranges have orders 0, 1 and 2 only, but {max(diff_orders)} is asked "
            "for; leave out the higher orders or the flow type market_cap_ranges"
        )
    sums = _caps_by_membership(buckets, limits).sort("series", "ts")
    curves = numbered_curves(with_base_caps(sums.lazy(), base_caps, base_assets).collect(), SERIES_KEY)
    now, one_ago, two_ago = (pl.col(name) / pl.col("base_cap") for name in ("cap_now", "cap_one_ago", "cap_two_ago"))
    formulas = {
        1: one_ago - now.shift(1),
        2: two_ago - 2 * one_ago.shift(1) + now.shift(2),
    }
    changes = [
        curves.lazy().select(
            *SERIES_KEY,
            "ts",
            "curve",
            diff_order=pl.lit(order, pl.Int32),
            change=(formula / first_valid(now)).over("curve"),
        )
        for order, formula in formulas.items()
        if order in diff_orders
    ]
    by_period = [
        change.select(
            *SERIES_KEY,
            pl.lit(period, pl.Int32).alias("ema_period"),
            "diff_order",
            "ts",
            value=smoothed(pl.col("change"), period).over("curve"),
        )
        for change in changes
        for period in sorted(set(ema_periods))
    ]
    if not by_period:
        return curves.clear().select(*SERIES_KEY, NO_EMA, LEVEL, "ts", value=pl.lit(0.0))
    return sort_curves(pl.concat(by_period).collect(), ORDER_KEY)


def _caps_by_membership(buckets: Iterable[pl.DataFrame], limits: Sequence[float]) -> pl.DataFrame:
    """Caps at ``t`` summed by the range that each coin is in at t, was in at t-1, and was in at t-2.

    Division by the base asset is the same for all coins of a moment, so these three sums answer every base.
    """
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in _MEMBERSHIPS.values()}
    times = pl.LazyFrame(schema={"ts": pl.Datetime("us", "UTC")})
    for block in buckets:
        followed = (
            in_order(block, "coin_id", "ts")
            .lazy()
            .select(
                "ts",
                "market_cap_usd",
                "lower_limit_usd",
                one_ago=within_coin("lower_limit_usd", 1),
                two_ago=within_coin("lower_limit_usd", 2),
            )
            .collect()
            .lazy()
        )
        for membership, name in _MEMBERSHIPS.items():
            of_range = followed.select("ts", "market_cap_usd", lower_limit_usd=membership)
            parts[name].append(partial_sums(of_range, _BUCKET, "market_cap_usd"))
        # Every coin has every grid time, so one coin's stand for all.
        if not block.is_empty():
            times = block.lazy().filter(pl.col("coin_id") == pl.col("coin_id").first()).select("ts")
    sums = _every_range_and_time(limits, times)
    for name, each in parts.items():
        by_range = sum_of_parts(each, _BUCKET, name).drop("n_rows")
        sums = sums.join(by_range.lazy(), on=_BUCKET, how="left")
    return sums.collect()


def _every_range_and_time(limits: Sequence[float], times: pl.LazyFrame) -> pl.LazyFrame:
    return range_names(limits).lazy().with_columns(category=pl.lit(RANGES)).join(times, how="cross")
