"""The chained index between two reconstitutions: what fixed units are worth at each close."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.market_caps.daily_closes import unit_factor
from marketflows_pipeline.transforms.market_caps.index_rule import INDEX

BASE_LEVEL = 1000.0

_HOLDING = [*INDEX, "coin_id"]


def holdings(members: pl.DataFrame, levels: pl.DataFrame) -> pl.DataFrame:
    """What an index holds right after a reconstitution at the close of a day.

    Units are frozen until the next one: ``u = w / P``, so that ``I_t = I_s sum(u P_t)``, and on market caps
    ``C_t = C_s sum(w C_i,t / C_i,s)``.

    Args:
        members: category, series, coin_id, weight, price_usd, market_cap_usd at that close.
        levels: category, series, price_index, cap_index at that close.

    Returns:
        category, series, coin_id, level and cap_level (at that close), weight, units, cap_units (weight per USD of
        market cap), points and cap_points (index points in the coin now).
    """
    weight = pl.col("weight")
    return members.join(levels.select(*INDEX, level="price_index", cap_level="cap_index"), on=INDEX).select(
        *_HOLDING,
        "level",
        "cap_level",
        "weight",
        units=weight / pl.col("price_usd"),
        cap_units=weight / pl.col("market_cap_usd"),
        points=weight * pl.col("level"),
        cap_points=weight * pl.col("cap_level"),
    )


def held_points(held: pl.DataFrame, closes: pl.DataFrame, times: pl.DataFrame) -> pl.DataFrame:
    """Index points in each coin at each close, from fixed units.

    A missing price is the last one known: the coin returns 0. A redenomination changes the units, not the points.

    Args:
        held: what the indices hold, and what it was worth at their last close, as `holdings` returns it.
        closes: coin_id, ts, market_cap_usd, price_usd.
        times: category, series, ts: the closes wanted of each index, all of them later than its last.

    Returns:
        category, series, coin_id, ts, points_before (at the close before), points, cap_points, is_observed,
        unit_factor (present coins per coin held at the last close), by all four.
    """
    price_held = pl.col("points") / (pl.col("level") * pl.col("units"))
    cap_held = pl.col("cap_points") / (pl.col("cap_level") * pl.col("cap_units"))
    price, cap, factor = pl.col("price"), pl.col("cap"), pl.col("unit_factor")
    return (
        times.lazy()
        .join(held.lazy().with_columns(price_held=price_held, cap_held=cap_held), on=INDEX)
        .join(closes.lazy().select("coin_id", "ts", "price_usd", "market_cap_usd"), on=["coin_id", "ts"], how="left")
        .sort(*_HOLDING, "ts")
        .with_columns(
            is_observed=pl.col("price_usd").is_not_null(),
            price=pl.col("price_usd").forward_fill().over(_HOLDING).fill_null(pl.col("price_held")),
            cap=pl.col("market_cap_usd").forward_fill().over(_HOLDING).fill_null(pl.col("cap_held")),
        )
        .with_columns(
            unit_factor=unit_factor(
                price,
                cap,
                price.shift(1).over(_HOLDING).fill_null(pl.col("price_held")),
                cap.shift(1).over(_HOLDING).fill_null(pl.col("cap_held")),
            )
        )
        .with_columns(factor.cum_prod().over(_HOLDING))
        .with_columns(
            points_before=pl.col("points"),
            points=pl.col("level") * pl.col("units") * price * factor,
            cap_points=pl.col("cap_level") * pl.col("cap_units") * cap,
        )
        .with_columns(points_before=pl.col("points").shift(1).over(_HOLDING).fill_null(pl.col("points_before")))
        .select(*_HOLDING, "ts", "points_before", "points", "cap_points", "is_observed", "unit_factor")
        .collect()
    )


def index_levels(points: pl.DataFrame) -> pl.DataFrame:
    """Levels of the indices at each close: sums over their coins.

    Args:
        points: as `held_points` returns them.

    Returns:
        category, series, ts, price_index, cap_index, n (coins held), coverage_pct (share of the level whose price is
        known at that close), by all three.
    """
    return (
        points.lazy()
        .sort(*_HOLDING)
        .group_by(*INDEX, "ts", maintain_order=True)
        .agg(
            price_index=pl.col("points").sum(),
            cap_index=pl.col("cap_points").sum(),
            n=pl.len().cast(pl.Int32),
            coverage_pct=100 * pl.col("points").filter("is_observed").sum() / pl.col("points").sum(),
        )
        .sort(*INDEX, "ts")
        .collect()
    )


def contributions(points: pl.DataFrame) -> pl.DataFrame:
    """What each coin contributed to the return of its index since the close before: ``100 w_{t-1} r_t``.

    They sum to the return. Over a window from s to t a coin contributed ``100 sum(points - points_before) / I_s``.

    Args:
        points: as `held_points` returns them.

    Returns:
        category, series, coin_id, ts, points_before, points, cap_points, contribution_pct.
    """
    level_before = pl.col("points_before").sum().over(*INDEX, "ts")
    return points.select(
        *_HOLDING,
        "ts",
        "points_before",
        "points",
        "cap_points",
        contribution_pct=100 * (pl.col("points") - pl.col("points_before")) / level_before,
    )


def in_base_asset(levels: pl.DataFrame, base_closes: pl.DataFrame, starts: pl.DataFrame) -> pl.DataFrame:
    """The indices in a base asset: the price index over the base's price relative, the cap index over its cap relative.

    Both relatives are 1 at the first close at which the base's price is known. A missing one is the last one known.

    Args:
        levels: category, series, ts, price_index, cap_index in USD and other columns.
        base_closes: ts, base_price_usd, base_cap_usd of the base.
        starts: category, series, ts, base_price_usd, base_cap_usd: where a stored index in this base began, and
            its last close; empty where none is stored.

    Returns:
        The rows of `levels` from that first close on, with base_price_usd and base_cap_usd.
    """
    stored = starts.sort(*INDEX, "ts")
    first = stored.group_by(INDEX, maintain_order=True).agg(
        start_price=pl.col("base_price_usd").first(),
        start_cap=pl.col("base_cap_usd").first(),
        last_price=pl.col("base_price_usd").last(),
        last_cap=pl.col("base_cap_usd").last(),
    )
    price, cap = pl.col("base_price_usd"), pl.col("base_cap_usd")
    return (
        levels.join(base_closes, on="ts", how="left")
        .join(first, on=INDEX, how="left")
        .sort(*INDEX, "ts")
        .with_columns(
            base_price_usd=price.forward_fill().over(INDEX).fill_null(pl.col("last_price")),
            base_cap_usd=cap.forward_fill().over(INDEX).fill_null(pl.col("last_cap")),
        )
        .filter(price.is_not_null() & cap.is_not_null())
        .with_columns(
            pl.col("start_price").fill_null(price.first().over(INDEX)),
            pl.col("start_cap").fill_null(cap.first().over(INDEX)),
        )
        .with_columns(
            price_index=pl.col("price_index") * pl.col("start_price") / price,
            cap_index=pl.col("cap_index") * pl.col("start_cap") / cap,
        )
        .drop("start_price", "start_cap", "last_price", "last_cap")
    )
