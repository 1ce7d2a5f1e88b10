"""The features of each asset and session, all from what is known at that session's close."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from marketflows_pipeline.models.known_flows import FLOW_FEATURES, known_flows

# Raised whenever a feature's meaning changes under the same name, so that older models are refused.
FEATURES_VERSION = 1
_RETURNS = {f"return_{sessions}": sessions for sessions in (1, 5, 20, 60)}
_VOLATILITIES = {f"volatility_{sessions}": sessions for sessions in (20, 60)}
_PRESSURE = ("signed_notional_ratio", "relative_volume", "cmf_20")
_VIX = ("vix", "vix_change_1", "vix_change_5")
_REGIMES = ("vix_percentile", "term_structure")
OTHER_FEATURES = (
    *_RETURNS, *_VOLATILITIES, "drawdown_252", "notional_zscore", "notional_share", "notional_share_change_5",
    *_PRESSURE, *_VIX, *_REGIMES,
)  # fmt: skip
FEATURES = (*OTHER_FEATURES, *FLOW_FEATURES)
_SESSIONS_A_YEAR = 252
_DRAWDOWN_SESSIONS, _DRAWDOWN_MIN_SESSIONS = 252, 60
# A VIX older than a long weekend is no VIX of the session before.
_OLDEST_VIX = timedelta(days=7)
_KEYS = ("symbol", "session")


def features(
    flows: pl.DataFrame,
    pressure: pl.DataFrame,
    regimes: pl.DataFrame,
    volatility: pl.DataFrame,
    *,
    symbols: Sequence[str],
) -> pl.DataFrame:
    """All features of each asset and session t, known at the close of t.

    An asset's own prices and volumes count up to t. What is fixed later than the close that the label starts from
    counts later:

    - VIX, its percentile and the term structure are those of the session before: VIX closes a quarter of an hour after
      the funds. The last value at most 7 days old counts, so that a holiday of one market leaves no hole.
    - An asset's share of the universe's notional is that of its session before: the universe holds coins, whose day
      ends at midnight in UTC, hours after the funds' close.
    - Flows of funds count once published (`known_flows.known_flows`), mostly a session later. Issuance of coins is no
      flow and counts nowhere.

    Returns and ``drawdown_252`` (close over its highest of 252 sessions, less 1) are of the close without dividends;
    returns and changes of VIX are logarithmic, ``vix`` is its logarithm, volatility is a year's, ``relative_volume`` is
    logarithmic too. Sessions are counted in the asset's own rows. Missing stays null.

    Args:
        flows: columns of ``core.asset_flows``.
        pressure: columns of ``mart.pressure``.
        regimes: columns of ``mart.regimes``.
        volatility: columns of ``raw.volatility_index``.
        symbols: assets of the panel; figures over the universe are of these.

    Returns:
        symbol, session and `FEATURES` (floats, finite or null) by (session, symbol), one row for each of ``flows``.
    """
    universe = flows.filter(pl.col("symbol").is_in(list(symbols))).sort(_KEYS)
    before = pl.col("notional_share").shift(1)
    return (
        universe.lazy()
        .with_columns(_prices())
        .with_columns(
            *_volatilities(),
            notional_share=before.over("symbol"),
            notional_share_change_5=(before - before.shift(5)).over("symbol"),
        )
        .join(pressure.lazy().select(*_KEYS, *_PRESSURE), on=_KEYS, how="left")
        .with_columns(relative_volume=_logarithm(pl.col("relative_volume")))
        # A session's own figures of flow give way to those that were known by then.
        .drop(FLOW_FEATURES, strict=False)
        .join(known_flows(universe).lazy(), on=_KEYS, how="left")
        .sort("session", "symbol")
        .join_asof(_vix(volatility), on="session", allow_exact_matches=False, tolerance=_OLDEST_VIX)
        .join_asof(
            regimes.lazy().select("session", *_REGIMES).sort("session"),
            on="session",
            allow_exact_matches=False,
            tolerance=_OLDEST_VIX,
        )
        .select(*_KEYS, *(_finite(name) for name in FEATURES))
        .collect()
    )


def newest(panel: pl.DataFrame) -> pl.DataFrame:
    """The rows of the panel's newest session; an asset that has none there is left out."""
    return panel.filter(pl.col("session") == pl.col("session").max())


def _logarithm(value: pl.Expr) -> pl.Expr:
    return pl.when(value > 0).then(value.log())


def _finite(name: str) -> pl.Expr:
    value = pl.col(name).cast(pl.Float64)
    return pl.when(value.is_finite()).then(value).alias(name)


def _prices() -> list[pl.Expr]:
    close = pl.col("close_usd")
    price = _logarithm(close)
    highest = close.rolling_max(_DRAWDOWN_SESSIONS, min_samples=_DRAWDOWN_MIN_SESSIONS)
    return [
        *((price - price.shift(sessions)).over("symbol").alias(name) for name, sessions in _RETURNS.items()),
        (close / highest - 1).over("symbol").alias("drawdown_252"),
    ]


def _volatilities() -> list[pl.Expr]:
    deviation = pl.col("return_1").rolling_std
    return [
        (deviation(sessions) * math.sqrt(_SESSIONS_A_YEAR)).over("symbol").alias(name)
        for name, sessions in _VOLATILITIES.items()
    ]


def _vix(volatility: pl.DataFrame) -> pl.LazyFrame:
    level = _logarithm(pl.col("close"))
    return (
        volatility.lazy()
        .filter(pl.col("index_name") == "VIX")
        .sort("session")
        .select("session", vix=level, vix_change_1=level - level.shift(1), vix_change_5=level - level.shift(5))
    )
