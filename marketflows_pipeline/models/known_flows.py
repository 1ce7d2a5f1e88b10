"""Flows of funds, at the session at whose close they could first be known."""

from __future__ import annotations

import polars as pl

FLOW_FEATURES = (
    "flow_zscore",
    "flow_pct_1",
    "flow_pct_5",
    "flow_pct_20",
    "gross_flow_share",
    "risky_flow_pct_5",
)
# Issuance of a coin is nobody's decision to buy, and price_only means that no flow is known.
_INVESTORS = ("shares", "aum")
_RISKY = ("equity", "crypto")
_CLOSE_HOUR = 16
_CLOSE_ZONE = "America/New_York"
# The longest look back of any figure below: a z-score's 60 sessions and its own.
_LOOK_BACK = 61
_NOTHING = 1e-12


def session_close(session: pl.Expr) -> pl.Expr:
    """The moment of 16:00 in New York on a session's date, in UTC; also on days that close early."""
    return (
        (session.cast(pl.Datetime("us")) + pl.duration(hours=_CLOSE_HOUR))
        .dt.replace_time_zone(_CLOSE_ZONE)
        .dt.convert_time_zone("UTC")
    )


def known_flows(flows: pl.DataFrame) -> pl.DataFrame:
    """The flow features of each asset and session (`FLOW_FEATURES`), from flows known at that session's close.

    A flow of session s enters at the first session whose close is at or after the moment it was known, and at that one
    alone: where an issuer names no time that is the session after s. A figure that looks back enters when the last of
    the flows behind it was known. Nothing is carried on: where no flow enters, the features are null. Of several that
    enter together the newest counts.

    - ``flow_zscore``: as in ``core.asset_flows``;
    - ``flow_pct_n``: flows of n sessions over the market cap before them, in %; null where one of them is unknown;
    - ``gross_flow_share``: the asset's flow over the sum of absolute flows that enter at the same session;
    - ``risky_flow_pct_5``: the same as ``flow_pct_5`` for all funds of equities and coins that enter together, given to
      every asset of the session, those without a flow of their own too.

    Args:
        flows: the columns of ``core.asset_flows``, unique by (symbol, session).

    Returns:
        symbol, session and `FLOW_FEATURES`, one row for each of ``flows``, by (symbol, session).
    """
    entered = _entered(flows.lazy())
    rows = flows.lazy().select("symbol", "session", "asset_class").join(entered, on=["symbol", "session"], how="left")
    return (
        # In one order, so that sums over a session are the same to the last bit.
        rows.sort("session", "symbol")
        .with_columns(_share_of_all(), _risky_flow())
        .select("symbol", "session", *(pl.col(name).cast(pl.Float64) for name in FLOW_FEATURES))
        .sort("symbol", "session")
        .collect()
    )


def _entered(flows: pl.LazyFrame) -> pl.LazyFrame:
    """symbol, session of entering, and what entered."""
    sessions = flows.select(enters="session").unique().with_columns(close_at=session_close(pl.col("enters")))
    known = pl.col("known_at").dt.cast_time_unit("us").dt.convert_time_zone("UTC")
    newest = known.dt.timestamp("us").rolling_max(_LOOK_BACK, min_samples=1).over("symbol")
    flow, cap = pl.col("investors_flow_usd"), pl.col("market_cap_usd")
    return (
        flows.sort("symbol", "session")
        .with_columns(
            investors_flow_usd=pl.when(pl.col("flow_method").is_in(_INVESTORS)).then(pl.col("flow_usd").fill_nan(None)),
            usable_at=pl.when(known.is_not_null()).then(newest).cast(pl.Datetime("us", "UTC")),
        )
        .with_columns(
            flow_5_usd=flow.rolling_sum(5).over("symbol"),
            cap_before_5_usd=cap.shift(5).over("symbol"),
            flow_zscore=pl.when(flow.is_not_null()).then(pl.col("flow_zscore")),
            flow_pct_1=_percent(1),
            flow_pct_5=_percent(5),
            flow_pct_20=_percent(20),
        )
        .filter(flow.is_not_null() & pl.col("usable_at").is_not_null())
        .sort("usable_at")
        .join_asof(sessions.sort("close_at"), left_on="usable_at", right_on="close_at", strategy="forward")
        .filter(pl.col("enters").is_not_null())
        # Whatever a file says, nothing of a session is known before its own close.
        .with_columns(enters=pl.max_horizontal("enters", "session"))
        .sort("symbol", "session")
        .unique(["symbol", "enters"], keep="last", maintain_order=True)
        .select(
            "symbol",
            "investors_flow_usd",
            "flow_5_usd",
            "cap_before_5_usd",
            "flow_zscore",
            "flow_pct_1",
            "flow_pct_5",
            "flow_pct_20",
            session="enters",
        )
    )


def _percent(sessions: int) -> pl.Expr:
    flow = pl.col("investors_flow_usd").rolling_sum(sessions)
    before = pl.col("market_cap_usd").shift(sessions)
    return pl.when(before > 0).then(100 * flow / before).over("symbol")


def _total(value: pl.Expr) -> pl.Expr:
    # Added up one by one: a plain sum takes the order it likes, and its last bit with it.
    return value.fill_null(0.0).cum_sum().last().over("session")


def _share_of_all() -> pl.Expr:
    flow = pl.col("investors_flow_usd")
    total = _total(flow.abs())
    return pl.when(total > _NOTHING).then(flow / total).alias("gross_flow_share")


def _risky_flow() -> pl.Expr:
    counts = (
        pl.col("asset_class").is_in(_RISKY)
        & pl.col("flow_5_usd").is_not_null()
        & (pl.col("cap_before_5_usd") > 0).fill_null(value=False)
    )
    flow = _total(pl.when(counts).then(pl.col("flow_5_usd")))
    cap = _total(pl.when(counts).then(pl.col("cap_before_5_usd")))
    return pl.when(cap > 0).then(100 * flow / cap).alias("risky_flow_pct_5")
