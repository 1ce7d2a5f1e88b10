"""Compute trailing return, volatility and drawdown of each asset."""

from __future__ import annotations

import math
from collections.abc import Iterable

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.ordering import in_order

SESSIONS_A_YEAR = 252

_CLOSE = pl.col("close_usd")


def rolling_stats(flows: pl.DataFrame, windows: Iterable[int]) -> pl.DataFrame:
    """Return, volatility and drawdown over the last w sessions of each asset (``mart.rolling_stats``).

    With C the close, adjusted for splits and not for dividends, and r = ln(C[t] / C[t-1])::

        total_return = C[t] / C[t-w] - 1
        volatility   = standard deviation (n - 1) of r[t-w+1] .. r[t], times √252
        drawdown     = C[t] / max(C[t-w+1] .. C[t]) - 1

    Sessions are those that the asset has; each measure is null until it has a whole window of them.

    Args:
        flows: symbol, session, close_usd as in ``core.asset_flows``.
        windows: lengths in sessions, from 2.

    Returns:
        The columns of ``mart.rolling_stats`` by (symbol, session, window_sessions).
    """
    closes = in_order(flows.select("symbol", "session", "close_usd"), "symbol", "session")
    returns = closes.with_columns(log_return=(_CLOSE / _CLOSE.shift(1)).log().over("symbol"))
    lengths = list(windows)
    by_window = pl.concat(returns.select("symbol", "session", *_stats(window)) for window in lengths)
    # Each window's rows are in the same order, so they are dealt out in turn rather than sorted.
    place = pl.int_range(by_window.height, dtype=pl.UInt32)
    turn = place % len(lengths) * closes.height + place // len(lengths)
    return by_window.select(pl.col(table("mart.rolling_stats").column_names).gather(turn))


def _stats(window: int) -> tuple[pl.Expr, ...]:
    return (
        pl.lit(window, pl.Int32).alias("window_sessions"),
        (_CLOSE / _CLOSE.shift(window) - 1).over("symbol").alias("total_return"),
        (pl.col("log_return").rolling_std(window, ddof=1) * math.sqrt(SESSIONS_A_YEAR))
        .over("symbol")
        .alias("volatility"),
        (_CLOSE / _CLOSE.rolling_max(window) - 1).over("symbol").alias("drawdown"),
    )
