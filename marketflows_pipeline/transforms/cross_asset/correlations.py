"""Compute the correlation of each pair of assets over a trailing window, week by week."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from marketflows_pipeline.schema import table

MIN_KNOWN = 0.8

# Weeks worked on at once: keeps memory small, whatever the history.
_BATCH = 128
# A standard deviation below this, of a return, is rounding.
_ROUNDING = 1e-12
_Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def correlations(flows: pl.DataFrame, window: int, others: pl.DataFrame | None = None) -> pl.DataFrame:
    """Pearson's correlation of log returns of each pair at the last session of each ISO week (``mart.correlations``).

    The window is the last w sessions of the table up to that one; a pair's correlation is that of the sessions on which
    both have a return, null where those are fewer than 80 % of the window or one of the two does not vary. A return
    over more than one session of the table is none of a session: it would stand beside another asset's of one. Of the
    week under way the newest session stands, until a later one takes its place.

    Args:
        flows: symbol, session, previous_session, price_return as in ``core.asset_flows``.
        window: length in sessions.
        others: symbol, session, change of series beside the assets, such as `reference_series.daily_changes` returns
            them; their sessions are those of `flows`.

    Returns:
        The columns of ``mart.correlations`` by (symbol_a, symbol_b, session); symbol_a before symbol_b.
    """
    returns = _returns(flows, others)
    sessions, symbols = returns.get_column("session"), returns.columns[1:]
    first, second = np.triu_indices(len(symbols), k=1)
    ends = _week_ends(sessions)
    matrix = returns.drop("session").to_numpy().astype(np.float64, copy=False)
    # Windows that reach back before the first session find nothing there.
    padded = np.vstack([np.full((window - 1, len(symbols)), np.nan), matrix])
    batches = [ends[begin : begin + _BATCH] for begin in range(0, len(ends), _BATCH)]
    by_week = [_pairwise(padded, batch, window)[:, first, second] for batch in batches if first.size]
    values = np.concatenate(by_week).T.ravel() if by_week else np.empty(0)
    n_weeks = len(ends)
    names = pl.Series("symbol", symbols, pl.String)
    return pl.DataFrame(
        {
            "symbol_a": names.gather(np.repeat(first, n_weeks)),
            "symbol_b": names.gather(np.repeat(second, n_weeks)),
            "session": sessions.gather(np.tile(ends, first.size)),
            "correlation": pl.Series(values, dtype=pl.Float64).fill_nan(None),
        }
    ).select(
        pl.lit(window, pl.Int32).alias(name) if name == "window_sessions" else name
        for name in table("mart.correlations").column_names
    )


def _returns(flows: pl.DataFrame, others: pl.DataFrame | None) -> pl.DataFrame:
    """A row a session, a column an asset or series in alphabetical order: log returns or changes, NaN where unknown."""
    sessions = flows.select(pl.col("session").unique().sort())
    changes = (
        flows.select("session", "symbol", "previous_session", log_return=pl.col("price_return").log1p())
        .join(sessions.with_columns(before=pl.col("session").shift(1)), on="session", how="left")
        .select(
            "session",
            "symbol",
            log_return=pl.when(pl.col("previous_session").eq_missing(pl.col("before"))).then("log_return"),
        )
    )
    if others is not None:
        inside = others.join(sessions, on="session", how="semi")
        changes = pl.concat([changes, inside.select("session", "symbol", log_return="change")])
    symbols = changes.get_column("symbol").unique().sort()
    return (
        changes.with_columns(pl.col("log_return").fill_null(math.nan))
        .pivot(on="symbol", index="session", values="log_return")
        .sort("session")
        .select("session", pl.col(symbols.to_list()).fill_null(math.nan))
    )


def _week_ends(sessions: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Places of the last session of each ISO week."""
    week = pl.col("session").dt.truncate("1w")
    is_last = week.ne_missing(week.shift(-1))
    return sessions.to_frame().select(pl.arg_where(is_last)).to_series().to_numpy()


def _pairwise(padded: _Floats, ends: np.ndarray[tuple[int], np.dtype[np.uint32]], window: int) -> _Floats:
    """Weeks x assets x assets; NaN where unknown."""
    rows = ends[:, None].astype(np.int64) + np.arange(window)
    windows = padded[rows]
    known = ~np.isnan(windows)
    mask = known.astype(np.float64)
    values = np.where(known, windows, 0.0)
    # Centred on each asset's own mean first: sums of squares then lose nothing to a common level.
    values = (values - values.sum(axis=1, keepdims=True) / np.maximum(mask.sum(axis=1, keepdims=True), 1)) * mask
    turned = values.swapaxes(1, 2)
    n = mask.swapaxes(1, 2) @ mask
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (turned @ mask) / n
        variance = (turned**2 @ mask) / n - mean**2
        covariance = (turned @ values) / n - mean * mean.swapaxes(1, 2)
        correlation = covariance / np.sqrt(variance * variance.swapaxes(1, 2))
    varies = variance > _ROUNDING**2
    is_shown = (n >= MIN_KNOWN * window) & varies & varies.swapaxes(1, 2)
    return np.where(is_shown, np.clip(correlation, -1, 1), np.nan)
