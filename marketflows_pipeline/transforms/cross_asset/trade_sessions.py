"""Assign flows to the session on which the money moved, up to the last one with enough known flows."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.ratios import ROUNDING

# Columns of core.asset_flows that stay at their session, and those of the count that is about a session.
_OF_SESSION = (
    "symbol", "session", "asset_class", "close_usd", "market_cap_usd", "market_cap_change_usd", "price_effect_usd",
    "share_effect_usd", "gap_price_effect_usd", "share_lag_sessions", "lag_basis", "is_supply_revision",
)  # fmt: skip
_OF_COUNT = ("flow_method", "gap_sessions", "shares", "flow_unknown_reason", "is_large_creation")
# What is needed of core.asset_flows.
FLOW_COLUMNS = (*_OF_SESSION, *_OF_COUNT, "trade_session", "trade_flow_usd", "trade_gap_flow_usd")

# Funds with this part of all assets must be known on the last session.
KNOWN_PART = 0.9
# A fund without figures for longer is not waited for.
WAITED_SESSIONS = 21


def trade_flows(flows: pl.DataFrame) -> pl.DataFrame:
    """``core.asset_flows`` with flows by trade session, up to the last session of which enough is known.

    Prices, market caps and price effects stay at their sessions. The last session is the last one on which funds with
    90 % of the assets of all funds have a known flow, or one that a gap ends with. Assets are a fund's newest market
    cap of the 21 sessions up to it, from its first known flow on: one whose issuer publishes no history, so that its
    first count has no flow yet, is not waited for. Where no fund has assets, it is the newest session.

    Args:
        flows: as in ``core.asset_flows``; a count that is about a session before the fund's first is ignored.

    Returns:
        symbol, session, asset_class, close_usd, market_cap_usd, market_cap_change_usd, price_effect_usd,
        share_effect_usd, gap_price_effect_usd, price_gap_sessions, share_lag_sessions, lag_basis, is_supply_revision,
        and of the count that is about the session flow_usd, flow_method, gap_flow_usd, gap_sessions, shares,
        flow_unknown_reason, is_large_creation, by (symbol, session).
    """
    levels = flows.select(*_OF_SESSION, price_gap_sessions="gap_sessions")
    traded = flows.drop_nulls("trade_session").select(
        "symbol",
        *_OF_COUNT,
        session="trade_session",
        flow_usd="trade_flow_usd",
        gap_flow_usd="trade_gap_flow_usd",
    )
    keyed = levels.join(traded, on=["symbol", "session"], how="left", maintain_order="left").with_columns(
        pl.col("flow_method").fill_null("price_only")
    )
    return keyed.filter(pl.col("session") <= _last_session(keyed)).sort("symbol", "session")


def _last_session(keyed: pl.DataFrame) -> pl.Series | pl.Expr:
    """The last session on which enough is known, as a value to compare with."""
    funds = keyed.filter(pl.col("share_lag_sessions").is_not_null())
    is_known = pl.col("flow_usd").is_not_null() | pl.col("gap_flow_usd").is_not_null()
    of_session = (
        keyed.select(pl.col("session").unique())
        .join(funds.select(pl.col("symbol").unique()), how="cross")
        .join(
            funds.select("symbol", "session", "market_cap_usd", is_known=is_known), on=["symbol", "session"], how="left"
        )
        .sort("symbol", "session")
        .with_columns(
            assets=pl.col("market_cap_usd").forward_fill(limit=WAITED_SESSIONS).over("symbol"),
            has_begun=pl.col("is_known").fill_null(value=False).cum_max().over("symbol"),
        )
        .filter("has_begun")
        .group_by("session")
        .agg(known=pl.col("assets").filter(pl.col("is_known")).sum(), assets=pl.col("assets").sum())
    )
    is_enough = (pl.col("assets") > 0) & (pl.col("known") >= (KNOWN_PART - ROUNDING) * pl.col("assets"))
    last = of_session.filter(is_enough)["session"].max()
    return pl.lit(keyed["session"].max() if last is None else last, pl.Date)
