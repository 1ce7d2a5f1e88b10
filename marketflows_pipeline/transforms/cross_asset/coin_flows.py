"""Compute market cap and issuance of coins, summed over the gap between two sessions of the funds."""

from __future__ import annotations

import polars as pl
from polars.dataframe.group_by import GroupBy

from marketflows_pipeline.transforms.ordering import in_order

MAX_SUPPLY_CHANGE = 0.1

_KEY = ("symbol", "session")
_Q0, _Q1 = pl.col("supply").shift(1).over("symbol"), pl.col("supply")
_P0, _P1 = pl.col("price_usd").shift(1).over("symbol"), pl.col("price_usd")


def coin_flows(bars: pl.DataFrame, supply: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """Each session of each coin against the one before it, day by day in between.

    A coin has a session where it has a bar on a date on which the funds have one. With Q the supply and P the price at
    the end of a day in UTC, summed over the days d after the previous session up to this one::

        price effect = Σ Q[d-1] (P[d] - P[d-1])     share effect = Σ P[d] (Q[d] - Q[d-1])

    which add up to the change of market cap over the gap. One missing day leaves all of it null and the session
    ``price_only``: nothing is carried forward, and a part of the gap is not the gap. The notional is that of all the
    days likewise, so it is null for the first session, which has no gap. A day on which supply changes by more than
    10 % is a re-count: the share effect stays, ``flow_usd`` is null.

    Args:
        bars: symbol, session (a date in UTC), asset_class, close_usd, notional_usd, by (symbol, session).
        supply: symbol, session, supply, price_usd, as `supply.daily_supply` returns it; coins it lacks have no flow.
        sessions: session: the dates on which funds have a bar.

    Returns:
        The columns of `fund_flows.fund_flows` that coins have: no ``published_at``, no lag, and none of a gap, as all
        days of a gap count already.
    """
    rows = bars.join(sessions, on="session", how="semi", maintain_order="left")
    rows = rows.drop("notional_usd").with_columns(previous_session=pl.col("session").shift(1).over("symbol"))
    held = in_order(supply, *_KEY)
    daily = held.with_columns(_effects())
    at_end = held.select(*_KEY, "supply", "price_usd", market_cap_usd=_Q1 * _P1)
    before = at_end.select("symbol", previous_session="session", market_cap_before_usd="market_cap_usd")
    traded = _over_gap(bars, rows).agg(
        pl.col("notional_usd").sum(), traded_days=pl.col("notional_usd").count().cast(pl.Int64)
    )
    changed = _over_gap(daily, rows).agg(
        pl.col("price_effect_usd", "share_effect_usd").sum(),
        is_supply_revision=pl.col("is_revision").any(),
        known_days=pl.col("share_effect_usd").count().cast(pl.Int64),
    )
    days = (pl.col("session") - pl.col("previous_session")).dt.total_days()
    is_known = pl.col("known_days") == days
    close_before = pl.col("close_usd").shift(1).over("symbol")
    changes = ("price_effect_usd", "share_effect_usd", "market_cap_before_usd", "market_cap_change_usd")
    return (
        rows.join(traded, on=_KEY, how="left", maintain_order="left")
        .join(changed, on=_KEY, how="left", maintain_order="left")
        .join(at_end, on=_KEY, how="left", maintain_order="left")
        .join(before, on=["symbol", "previous_session"], how="left", maintain_order="left")
        .with_columns(
            pl.col("is_supply_revision").fill_null(value=False),
            notional_usd=pl.when(pl.col("traded_days") == days).then("notional_usd"),
            market_cap_change_usd=pl.col("market_cap_usd") - pl.col("market_cap_before_usd"),
        )
        .with_columns(pl.when(is_known).then(pl.col(changes)))
        .select(
            *bars.columns,
            "previous_session",
            pl.col("price_usd").fill_null(pl.col("close_usd")),
            pl.col("supply").alias("shares"),
            "market_cap_usd",
            "market_cap_before_usd",
            "market_cap_change_usd",
            "price_effect_usd",
            "share_effect_usd",
            pl.when(~pl.col("is_supply_revision")).then("share_effect_usd").alias("flow_usd"),
            pl.when(is_known).then(pl.lit("supply")).otherwise(pl.lit("price_only")).alias("flow_method"),
            pl.lit(value=False).alias("is_large_creation"),
            "is_supply_revision",
            pl.col("session").alias("trade_session"),
            pl.when(~pl.col("is_supply_revision")).then("share_effect_usd").alias("trade_flow_usd"),
            (pl.col("close_usd") / close_before - 1).alias("price_return"),
            pl.col("session").alias("known_session"),
        )
    )


def _effects() -> tuple[pl.Expr, ...]:
    """Those of one day; null after a day without supply."""
    day_before = pl.col("session").shift(1).over("symbol")
    is_next_day = pl.col("session") - day_before == pl.duration(days=1)
    return (
        pl.when(is_next_day).then(_Q0 * (_P1 - _P0)).alias("price_effect_usd"),
        pl.when(is_next_day).then(_P1 * (_Q1 - _Q0)).alias("share_effect_usd"),
        (is_next_day & ((_Q1 - _Q0).abs() > MAX_SUPPLY_CHANGE * _Q0)).alias("is_revision"),
    )


def _over_gap(daily: pl.DataFrame, rows: pl.DataFrame) -> GroupBy:
    """Days by the session that they lead up to, without those after the newest session and up to the first."""
    ends = rows.select("symbol", "previous_session", end="session").sort("end")
    return (
        daily.sort("session")
        .join_asof(ends, left_on="session", right_on="end", by="symbol", strategy="forward", check_sortedness=False)
        .filter(pl.col("session") > pl.col("previous_session"))
        .drop("session")
        .rename({"end": "session"})
        .group_by(_KEY, maintain_order=True)
    )
