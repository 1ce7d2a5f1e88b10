"""Split the change of a fund's market cap into price and shares, session by session."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.cross_asset.share_splits import with_last_figures

# A flow beyond this part of the assets before it is flagged. It is real until shown otherwise: new funds start so.
LARGE_CREATION = 0.35
SUSPECTED_SPLIT = "suspected_split"
_ROUNDING = 1e-12
_Q0, _Q1 = pl.col("present_shares_before"), pl.col("present_shares")
# Of an inferred split both sides are in the new shares.
_Q0B = pl.col("q0")
_A0, _A1 = pl.col("net_assets_usd_before"), pl.col("net_assets_usd")
_P0, _P1 = pl.col("p0"), pl.col("p1")
_IS_NAVS = pl.col("present_nav_usd").is_not_null() & pl.col("present_nav_usd_before").is_not_null()
_IS_INFERRED = (pl.col("split_status") == "inferred").fill_null(value=False)


def fund_flows(bars: pl.DataFrame, shares: pl.DataFrame, actions: pl.DataFrame, lags: pl.DataFrame) -> pl.DataFrame:
    """Each session of each fund against the session before it.

    With Q present shares and P the price, both adjusted for splits, A net assets, now (1) and before (0)::

        shares:  price effect = Q0 (P1 - P0)     share effect = P1 (Q1 - Q0)        together Q1 P1 - Q0 P0
        aum:     price effect = A0 (P1/P0 - 1)   share effect = A1 - A0 P1/P0       together A1 - A0

    P is the net asset value where it is known on both sides, else the close: never one against the other, whose
    difference would be the premium. So the change is one of like with like, and differs from that of
    ``market_cap_usd`` on the session on which net asset values begin or end. The second form serves funds whose net
    assets alone are known.

    A session is compared with the one immediately before it in the fund's own bars. Where shares and net assets are
    missing in between, what came over the gap belongs to no one session of it: the flow is null on all of them, and the
    flow of the whole gap stands on the later end, ``gap_flow_usd``, by the same forms, with the number of sessions that
    it spans, that end included. Shares on a date without a bar are ignored.

    Where the figures show an unlisted split (`share_splits`), the change of basis is no flow: 0 where it is
    inferred, Q0 and P0 being taken in the new shares; unknown, with the reason, where it is suspected.

    A count may hold the orders of earlier sessions. With its lag of n sessions the trade session is the n-th before it
    in the fund's own bars, and the flow is valued there too: ``trade flow = (Q1 - Q0) P(trade session)``, P being the
    net asset value where it is known, else the close. Without a lag it is the share effect.

    Args:
        bars: symbol, session, asset_class, close_usd, notional_usd, by (symbol, session).
        shares: as in ``raw.shares_outstanding``.
        actions: as in ``raw.corporate_actions``; of its splits both shares and the close as it was traded are made.
        lags: symbol, share_lag_sessions, lag_basis, as `share_sources.share_lags` returns them.

    Returns:
        `bars` with previous_session, price_usd, shares, market_cap_usd, market_cap_before_usd (what the change is
        against), market_cap_change_usd, price_effect_usd, share_effect_usd, flow_usd, flow_method, gap_flow_usd,
        gap_price_effect_usd, gap_sessions, flow_unknown_reason, is_large_creation, is_supply_revision, price_return,
        share_lag_sessions, lag_basis, trade_session, trade_flow_usd, trade_gap_flow_usd, published_at (of both sides),
        known_session (whose next session's open is the earliest to know the flow).
    """
    return (
        with_last_figures(bars, shares, actions)
        .join(lags, on="symbol", how="left", maintain_order="left")
        .with_columns(
            row_traded=_row_traded(),
            is_adjacent=pl.col("row") - pl.col("row_before") == 1,
            price_usd=pl.coalesce("nav_usd", pl.col("close_usd") * pl.col("to_present")),
            p0=pl.when(_IS_NAVS).then(pl.col("present_nav_usd_before") / _basis()).otherwise("close_usd_before"),
            q0=_Q0 * _basis(),
            p1=pl.when(_IS_NAVS).then("present_nav_usd").otherwise("close_usd"),
            method=_method(),
            is_supply_revision=pl.lit(value=False),
            published_at=pl.when(pl.col("published_at").is_not_null()).then(
                pl.max_horizontal("published_at", "published_at_before")
            ),
        )
        .with_columns(
            before=_by_method(_Q0B * _P0, _A0),
            change=_by_method(_Q1 * _P1 - _Q0B * _P0, _A1 - _A0),
            price_effect=_by_method(_Q0B * (_P1 - _P0), _A0 * (_P1 / _P0 - 1)),
            share_effect=pl.when(_IS_INFERRED)
            .then(0.0)
            .otherwise(_by_method(_P1 * _created(), _A1 - _A0 * (_P1 / _P0))),
        )
        .select(
            *bars.columns,
            "previous_session",
            "price_usd",
            "shares",
            market_cap_usd=pl.coalesce(pl.col("shares") * pl.col("price_usd"), _A1),
            market_cap_before_usd=_of_session("before"),
            market_cap_change_usd=_of_session("change"),
            price_effect_usd=_of_session("price_effect"),
            share_effect_usd=_of_session("share_effect"),
            flow_usd=_of_session("share_effect"),
            flow_method=_of_session("method").fill_null("price_only"),
            gap_flow_usd=_of_gap("share_effect"),
            gap_price_effect_usd=_of_gap("price_effect"),
            flow_unknown_reason=pl.when(split_status="suspected").then(pl.lit(SUSPECTED_SPLIT)),
            is_large_creation=(pl.col("share_effect").abs() > LARGE_CREATION * pl.col("before")).fill_null(value=False),
            gap_sessions=pl.when(_of_gap("share_effect").is_not_null()).then(
                (pl.col("row") - pl.col("row_before")).cast(pl.Int32)
            ),
            is_supply_revision="is_supply_revision",
            share_lag_sessions="share_lag_sessions",
            lag_basis="lag_basis",
            trade_session=pl.col("session").gather(pl.col("row_traded")),
            trade_flow_usd=_of_session("share_effect") * _trade_price(),
            trade_gap_flow_usd=_of_gap("share_effect") * _trade_price(),
            price_return="price_return",
            published_at="published_at",
            known_session="known_session",
        )
    )


def _of_session(name: str) -> pl.Expr:
    return pl.when("is_adjacent").then(name)


def _of_gap(name: str) -> pl.Expr:
    return pl.when(~pl.col("is_adjacent")).then(name)


def _row_traded() -> pl.Expr:
    """Row of the session whose orders a count holds, null before the fund's first."""
    row = pl.col("row") - pl.col("share_lag_sessions").fill_null(0)
    return pl.when(row >= pl.col("row").min().over("symbol")).then(row)


def _trade_price() -> pl.Expr:
    """The price of the trade session in terms of that of the count's, which the share effect is valued at."""
    traded = pl.coalesce("present_nav_usd", "close_usd").gather(pl.col("row_traded"))
    is_same = pl.col("share_lag_sessions").fill_null(0) == 0
    return pl.when(is_same).then(1.0).otherwise(traded / _P1)


def _basis() -> pl.Expr:
    """New shares for each old one at an inferred split, else 1."""
    return pl.when(_IS_INFERRED).then("share_ratio").otherwise(1.0)


def _method() -> pl.Expr:
    return first_that_holds(
        (pl.col("split_status") == "suspected", None),
        (_Q0.is_not_null() & _Q1.is_not_null(), "shares"),
        (_A0.is_not_null() & _A1.is_not_null(), "aum"),
    )


def _created() -> pl.Expr:
    """Change of shares; what is left of bringing both sides past a split is rounding, and would be a flow."""
    change = _Q1 - _Q0B
    return pl.when(change.abs() > _ROUNDING * _Q0B.abs()).then(change).otherwise(change * 0)


def _by_method(shares: pl.Expr, aum: pl.Expr) -> pl.Expr:
    return pl.when(method="shares").then(shares).when(method="aum").then(aum)
