"""Compute weekly levels of the cross-asset rotations: Friday closes over a benchmark, and flows in % of assets.

A week's step is dated Saturday 00:00 UTC: by then every close of the week is known.
"""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.cross_asset.trade_sessions import trade_flows
from marketflows_pipeline.transforms.rotation.points import LEVELS

FLOW_WEEKS = 4
_OF_FUNDS = ("shares", "aum")


def friday_closes(flows: pl.DataFrame) -> pl.DataFrame:
    """The last close of each completed week: Friday's, or that of the last session before it.

    A week is completed once any asset has a session on its Friday or later.

    Args:
        flows: symbol, session, close_usd as in ``core.asset_flows``.

    Returns:
        series, ts, value (USD), by series and time; a week without a session of the asset has no row.
    """
    return (
        _with_week(flows)
        .sort("symbol", "session")
        .group_by("symbol", "week", maintain_order=True)
        .agg(pl.col("close_usd").last())
        .select(series="symbol", ts="week", value="close_usd")
    )


def relative_levels(closes: pl.DataFrame, benchmark: str) -> pl.DataFrame:
    """Closes of each asset over those of the benchmark at the same time.

    Args:
        closes: series, ts, value.
        benchmark: one of the series; it has no row of its own.

    Returns:
        series, ts, level, is_backfilled (never: a price is no basket).
    """
    base = closes.filter(pl.col("series") == benchmark).select("ts", base="value")
    return (
        closes.filter(pl.col("series") != benchmark)
        .join(base, on="ts", how="left", maintain_order="left")
        .select("series", "ts", level=pl.col("value") / pl.col("base"), is_backfilled=pl.lit(value=False))
    )


def weekly_flow_levels(flows: pl.DataFrame) -> pl.DataFrame:
    """Net flow of each fund over four weeks in % of its assets before them, at each completed week.

    By the session on which the money moved, up to the last one of which enough is known (`trade_flows`). Null unless
    the flow of every session of the four weeks is known, by itself or in a gap that lies within them. Issuance of
    coins is no flow and has no rows.

    Args:
        flows: as in ``core.asset_flows``.

    Returns:
        series, ts, level (%), is_backfilled (never), by series and time.
    """
    traded = trade_flows(flows)
    funds = traded.filter(pl.col("flow_method").is_in(_OF_FUNDS))["symbol"].unique()
    known = pl.coalesce("flow_usd", "gap_flow_usd")
    stands_for = pl.when(pl.col("flow_usd").is_not_null()).then(1).otherwise("gap_sessions")
    daily = (
        _with_week(traded.filter(pl.col("symbol").is_in(funds.implode())))
        .sort("symbol", "session")
        .select(
            "symbol",
            "week",
            flow=known,
            stands_for=stands_for,
            assets_before=pl.col("market_cap_usd").shift(1).over("symbol"),
        )
    )
    place = pl.int_range(1, pl.len() + 1)
    covered = pl.col("stands_for").filter(pl.col("stands_for") <= place).sum()
    is_whole = (covered == pl.len()) & (pl.col("week").n_unique() == FLOW_WEEKS)
    inside = pl.col("flow").filter(pl.col("stands_for") <= place)
    assets = pl.col("assets_before").first()
    return (
        daily.rolling("week", period=f"{7 * FLOW_WEEKS}d", group_by="symbol")
        .agg(level=pl.when(is_whole & (assets > 0)).then(100 * inside.sum() / assets))
        .unique(["symbol", "week"], keep="last", maintain_order=True)
        .select(series="symbol", ts="week", level="level", is_backfilled=pl.lit(value=False))
    )


def _with_week(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of completed weeks with ``week``, the Saturday after its sessions, 00:00 UTC."""
    saturday = pl.col("session").dt.truncate("1w") + pl.duration(days=5)
    newest = pl.col("session").max()
    return rows.filter(saturday <= newest + pl.duration(days=1)).with_columns(
        week=saturday.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").cast(LEVELS["ts"])
    )
