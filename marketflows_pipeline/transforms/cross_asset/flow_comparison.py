"""Compare our flows with those that somebody else reports: do they move alike, and on the same sessions?"""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table

# A count of shares that is dated a session off is the usual fault; two catch a weekend's.
LAGS = (-2, -1, 0, 1, 2)
LEAST_PAIRS = 20
# With so many pairs another lag than 0 is no accident of a few large flows.
WARNED_PAIRS = 40


def flow_comparison(flows: pl.DataFrame, reported: pl.DataFrame) -> pl.DataFrame:
    """Correlation and agreement of signs at lags of -2 to 2 sessions (``mart.flow_comparison``).

    With F our flow and G the reported one, by the fund's own sessions t, the pairs of a lag k are ``F[t], G[t-k]``:
    at 1 our flow of a session is beside the reported one of the session before, so ours are a session late, or theirs a
    session early. Ours go by the trade session. Pairs with an unknown side are left out; a 0 counts in the correlation
    and has no sign. Reported flows of days on which the fund has no session are ignored.

    Args:
        flows: as in ``core.asset_flows``.
        reported: symbol, session, flow_usd as in ``raw.reported_flows``.

    Returns:
        The columns of ``mart.flow_comparison`` by (symbol, lag_sessions): each lag of each fund with reported flows.
    """
    sessions = (
        flows.lazy()
        .join(reported.lazy().select("symbol").unique(), on="symbol", how="semi")
        .select("symbol", "session", "share_lag_sessions")
        .sort("symbol", "session")
        .with_columns(place=pl.int_range(pl.len()).over("symbol"))
    )
    ours = flows.lazy().select("symbol", session="trade_session", ours="trade_flow_usd").drop_nulls()
    theirs = sessions.join(reported.lazy(), on=["symbol", "session"]).select("symbol", "place", theirs="flow_usd")
    lags = pl.LazyFrame({"lag_sessions": LAGS}, schema={"lag_sessions": pl.Int32})
    pairs = (
        sessions.join(ours, on=["symbol", "session"])
        .join(lags, how="cross")
        .with_columns(place=pl.col("place") - pl.col("lag_sessions"))
        .join(theirs, on=["symbol", "place"])
        .sort("symbol", "lag_sessions", "session")
    )
    lag_of = sessions.group_by("symbol").agg(pl.col("share_lag_sessions").drop_nulls().last())
    compared = lag_of.join(lags, how="cross").join(_figures(pairs), on=["symbol", "lag_sessions"], how="left")
    return table("mart.flow_comparison").stored_form(
        compared.with_columns(pl.col("n", "n_signed").fill_null(0)).with_columns(is_best=_is_best())
    )


def _figures(pairs: pl.LazyFrame) -> pl.LazyFrame:
    ours, theirs = pl.col("ours"), pl.col("theirs")
    signed = (ours != 0) & (theirs != 0)
    varies = (pl.len() >= LEAST_PAIRS) & (ours.n_unique() > 1) & (theirs.n_unique() > 1)
    return pairs.group_by("symbol", "lag_sessions", maintain_order=True).agg(
        correlation=pl.when(varies).then(pl.corr(ours, theirs)),
        sign_agreement_pct=100 * (ours * theirs > 0).filter(signed).mean(),
        n=pl.len(),
        n_signed=signed.sum(),
        first_session=pl.col("session").min(),
        last_session=pl.col("session").max(),
        our_flow_usd=ours.sum(),
        reported_flow_usd=theirs.sum(),
    )


def _is_best() -> pl.Expr:
    """Whether a lag has the highest correlation of its fund; of equal ones the nearest to 0, then the later."""
    lag, correlation = pl.col("lag_sessions"), pl.col("correlation")
    best = lag.sort_by(-correlation, lag.abs(), -lag, nulls_last=True).first().over("symbol")
    return (lag == best) & correlation.is_not_null()
