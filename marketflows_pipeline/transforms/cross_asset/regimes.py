"""Classify risk appetite by the level of VIX, its term structure and the ratios of assets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.sums import sum_of_known

PERCENTILE_SESSIONS = 252
AVERAGE_SESSIONS = 20
AGREEING_PAIRS = 2

_ON, _OFF, _MIXED = "risk_on", "risk_off", "mixed"


class RegimeRules(TypedDict):
    """Keyword arguments of `regimes`, as the settings give them."""

    risk_on_below: float
    risk_off_above: float
    hysteresis: float
    confirm_sessions: int
    ratio_pairs: Iterable[tuple[str, str]]


def regimes(
    volatility: pl.DataFrame,
    flows: pl.DataFrame,
    *,
    risk_on_below: float,
    risk_off_above: float,
    hysteresis: float,
    confirm_sessions: int,
    ratio_pairs: Iterable[tuple[str, str]],
) -> pl.DataFrame:
    """Risk-on, risk-off or mixed at each session, from data up to that session alone (``mart.regimes``).

    - ``vix_percentile``: share of the last 252 sessions with a VIX that have a lower one, equal ones and this one
      counted half; null with fewer of them. A session without a VIX has none of the figures made of it.
    - ``vix_regime``: risk_on from the session on which the percentile has been below `risk_on_below` for
      `confirm_sessions` in a row (sessions with a percentile are counted), until it is above `risk_on_below` +
      `hysteresis`; risk_off likewise above `risk_off_above`, until below `risk_off_above` - `hysteresis`; entering the
      one leaves the other. Otherwise mixed.
    - ``ratio_score``: for each pair (a, b) the close of a over that of b on the sessions that have both: +1 above its
      average of 20 sessions if that has risen since the session before, -1 below one that has fallen, else 0. A pair
      without both closes or averages is not known; where none is, the score is null. The regime is risk_on from 2,
      risk_off from -2.
    - ``regime``: a session's reading is what both regimes say where they agree, or the only one known, else mixed. The
      regime is the reading that was last seen `confirm_sessions` in a row, from the session that confirmed it on, so
      that no spell is shorter. Sessions without a reading are ignored; `confirm_sessions` of them in a row end the
      regime, and the next one needs a confirmation of its own. Null before the first one.

    Args:
        volatility: index_name (VIX or VIX3M), session, close as in ``raw.volatility_index``.
        flows: symbol, session, close_usd as in ``core.asset_flows``; its sessions are those of the result, so that
            values of VIX on holidays are out.
        risk_on_below: percentile, 0 to 1.
        risk_off_above: percentile, 0 to 1, above `risk_on_below`.
        hysteresis: of the percentile.
        confirm_sessions: from 1.
        ratio_pairs: symbols whose ratio rises when risk is wanted.

    Returns:
        The columns of ``mart.regimes`` by session.
    """
    sessions = flows.lazy().select(pl.col("session").unique().sort())
    scores, score = _ratio_scores(flows.lazy(), ratio_pairs), pl.col("ratio_score")
    by_vix, by_ratios = pl.col("vix_regime"), pl.col("ratio_regime")
    return (
        sessions.join(_of_index(volatility, "VIX", "vix"), on="session", how="left")
        .join(_of_index(volatility, "VIX3M", "vix3m"), on="session", how="left")
        .join(
            _vix_regimes(
                _of_index(volatility, "VIX", "vix").join(sessions, on="session", how="semi"),
                on_below=risk_on_below,
                off_above=risk_off_above,
                hysteresis=hysteresis,
                confirm=confirm_sessions,
            ),
            on="session",
            how="left",
        )
        .join(scores, on="session", how="left")
        .with_columns(
            pl.col("ratio_pairs_known").fill_null(0),
            term_structure=pl.col("vix") / pl.col("vix3m"),
            is_backwardation=pl.col("vix") > pl.col("vix3m"),
            ratio_regime=first_that_holds(
                (score >= AGREEING_PAIRS, _ON), (score <= -AGREEING_PAIRS, _OFF), (score.is_not_null(), _MIXED)
            ),
        )
        .sort("session")
        # What one session says by itself.
        .with_columns(reading=first_that_holds((by_vix != by_ratios, _MIXED), otherwise=pl.coalesce(by_vix, by_ratios)))
        .pipe(_confirmed, confirm_sessions)
        .select(table("mart.regimes").column_names)
        .collect()
    )


def _of_index(volatility: pl.DataFrame, index_name: str, column: str) -> pl.LazyFrame:
    return volatility.lazy().filter(index_name=index_name).select("session", pl.col("close").alias(column))


def _vix_regimes(
    vix: pl.LazyFrame, *, on_below: float, off_above: float, hysteresis: float, confirm: int
) -> pl.LazyFrame:
    """Percentile and state, on the sessions that have a VIX."""
    n, percentile = PERCENTILE_SESSIONS, pl.col("vix_percentile")
    enters_on = _has_held(percentile < on_below, confirm)
    enters_off = _has_held(percentile > off_above, confirm)
    is_on = _latch(enters_on, enters_off | (percentile > on_below + hysteresis))
    is_off = _latch(enters_off, enters_on | (percentile < off_above - hysteresis))
    state = first_that_holds((is_on, _ON), (is_off, _OFF), otherwise=_MIXED)
    return (
        vix.sort("session")
        .with_columns(vix_percentile=(pl.col("vix").rolling_rank(n, method="average") - 0.5) / n)
        .with_columns(vix_regime=pl.when(percentile.is_not_null()).then(state))
        .drop("vix")
    )


def _has_held(condition: pl.Expr, sessions: int) -> pl.Expr:
    """Whether it was so on each of the last sessions."""
    return (condition.cast(pl.Int32).rolling_sum(sessions) == sessions).fill_null(value=False)


def _latch(enters: pl.Expr, leaves: pl.Expr) -> pl.Expr:
    """True from where it is entered to where it is left: each event stands until the next one."""
    event = pl.when(enters).then(True).when(leaves).then(False)
    return event.forward_fill().fill_null(value=False)


def _ratio_scores(flows: pl.LazyFrame, ratio_pairs: Iterable[tuple[str, str]]) -> pl.LazyFrame:
    """Session, ratio_score, ratio_pairs_known, where any pair has both closes."""
    pairs = pl.LazyFrame(
        [(place, *pair) for place, pair in enumerate(ratio_pairs)],
        schema={"pair": pl.Int32(), "above": pl.String(), "below": pl.String()},
        orient="row",
    )
    closes = flows.select("symbol", "session", "close_usd")
    ratio, average = pl.col("ratio"), pl.col("average")
    change = average - average.shift(1).over("pair")
    signal = (
        pl.when((ratio > average) & (change > 0)).then(1).when((ratio < average) & (change < 0)).then(-1).otherwise(0)
    )
    return (
        pairs.join(closes, left_on="above", right_on="symbol")
        .join(closes, left_on=["below", "session"], right_on=["symbol", "session"], suffix="_below")
        .sort("pair", "session")
        .with_columns(ratio=pl.col("close_usd") / pl.col("close_usd_below"))
        .with_columns(average=ratio.rolling_mean(AVERAGE_SESSIONS).over("pair"))
        .with_columns(signal=pl.when(change.is_not_null()).then(signal))
        .group_by("session")
        .agg(
            ratio_pairs_known=pl.col("signal").count().cast(pl.Int32),
            ratio_score=sum_of_known(pl.col("signal")).cast(pl.Int32),
        )
    )


def _confirmed(rows: pl.LazyFrame, sessions: int) -> pl.LazyFrame:
    """Add ``regime``: the ``reading`` that last held for so many sessions in a row, of rows in order."""
    reading = pl.col("reading")
    return (
        # Where too many sessions in a row had no reading, a stretch begins that knows nothing of the one before.
        rows.with_columns(stretch=_has_held(reading.is_null(), sessions).cum_sum())
        .with_columns(standing=reading.forward_fill().over("stretch"))
        .with_columns(run=pl.struct("stretch", "standing").rle_id())
        .with_columns(n_alike=reading.is_not_null().cum_sum().over("run"))
        .with_columns(regime=pl.when(pl.col("n_alike") >= sessions).then("standing").forward_fill().over("stretch"))
    )
