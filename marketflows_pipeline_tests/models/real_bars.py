"""Real daily bars from a folder of CSV files as the frames that features are made of: prices and volumes, no flows.

The closes are adjusted for dividends, so there is no market cap to be had from them; a crypto volume is already USD.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketflows_pipeline.schema import table

SYMBOLS = ("SPY", "QQQ", "IWM", "GLD", "SLV", "BTC_USD", "ETH_USD")
_COINS = ("BTC_USD", "ETH_USD")


class Frames(NamedTuple):
    """What `panel.features` takes."""

    flows: pl.DataFrame
    pressure: pl.DataFrame
    regimes: pl.DataFrame
    volatility: pl.DataFrame


def _bars(folder: Path, symbol: str) -> pl.DataFrame:
    rows = pl.read_csv(folder / f"{symbol}.csv", try_parse_dates=True).rename({"date": "session"})
    return rows.with_columns(pl.col("volume").cast(pl.Float64), symbol=pl.lit(symbol))


def frames(folder: Path, start: date) -> Frames:
    """The seven assets on the sessions of SPY from ``start``, coins' volumes summed over the gap between two."""
    sessions = _bars(folder, "SPY").filter(pl.col("session") >= start).select(fund_session="session")
    bars = pl.concat([_bars(folder, symbol) for symbol in SYMBOLS])
    is_coin = pl.col("symbol").is_in(_COINS)
    notional = pl.when(is_coin).then(pl.col("volume")).otherwise(pl.col("close") * pl.col("volume"))
    daily = (
        bars.with_columns(notional_usd=notional)
        .sort("session")
        .join_asof(sessions, left_on="session", right_on="fund_session", strategy="forward")
        .filter(pl.col("fund_session").is_not_null())
        .sort("symbol", "session")
        .group_by("symbol", session="fund_session", maintain_order=True)
        .agg(
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("notional_usd").sum(),
            pl.col("volume").sum(),
            newest=pl.col("session").last(),
        )
        # A coin's last day before a session that has no bar of its own would be an older close.
        .filter(pl.col("newest") == pl.col("session"))
        .sort("symbol", "session")
    )
    return Frames(_flows(daily), _pressure(daily), *_volatility(folder, start))


def _flows(daily: pl.DataFrame) -> pl.DataFrame:
    entry = table("core.asset_flows")
    before = pl.col("notional_usd").shift(1)
    score = (pl.col("notional_usd") - before.rolling_mean(60, min_samples=20)) / before.rolling_std(60, min_samples=20)
    known = daily.select(
        "symbol",
        "session",
        "notional_usd",
        asset_class=pl.when(pl.col("symbol").is_in(_COINS)).then(pl.lit("crypto")).otherwise(pl.lit("equity")),
        close_usd="close",
        flow_method=pl.lit("price_only"),
        notional_zscore=score.over("symbol"),
        notional_share=pl.col("notional_usd") / pl.col("notional_usd").sum().over("session"),
    )
    unknown = [
        pl.lit(None, dtype).alias(name) for name, dtype in entry.polars_schema.items() if name not in known.columns
    ]
    return known.with_columns(unknown).select(entry.column_names).cast(pl.Schema(entry.polars_schema))


def _pressure(daily: pl.DataFrame) -> pl.DataFrame:
    high, low, close, volume = (pl.col(name) for name in ("high", "low", "close", "volume"))
    multiplier = pl.when(high > low).then(((close - low) - (high - close)) / (high - low)).otherwise(0.0)
    notional = pl.col("notional_usd")
    signed = (close / close.shift(1) - 1).sign() * notional
    return daily.select(
        "symbol",
        "session",
        cmf_20=((multiplier * volume).rolling_sum(20) / volume.rolling_sum(20)).over("symbol"),
        relative_volume=(notional / notional.shift(1).rolling_median(20)).over("symbol"),
        signed_notional_ratio=(signed.rolling_sum(20) / notional.rolling_sum(20)).over("symbol"),
    )


def _volatility(folder: Path, start: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    vix = _bars(folder, "VIX").sort("session")
    rank = (pl.col("close").rolling_rank(252, method="average") - 0.5) / 252
    regimes = vix.select("session", vix_percentile=rank, term_structure=pl.lit(None, pl.Float64))
    levels = vix.select("session", "close", index_name=pl.lit("VIX"))
    return regimes.filter(pl.col("session") >= start), levels
