"""Market cap of funds and its change, session by session, split into price and shares.

What belongs here: the comparison of a fund's session with the one before. What does not: coins (coin_flows), and what
compares assets with one another or with their own past (asset_flows).
"""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.as_traded import later_splits
from marketflows_pipeline.transforms.shares import comparable_shares

_ROUNDING = 1e-12
_Q0, _Q1 = pl.col("present_shares_before"), pl.col("present_shares")
_A0, _A1 = pl.col("net_assets_usd_before"), pl.col("net_assets_usd")
_P0, _P1 = pl.col("p0"), pl.col("p1")
_IS_NAVS = pl.col("present_nav_usd").is_not_null() & pl.col("present_nav_usd_before").is_not_null()


def fund_flows(bars: pl.DataFrame, shares: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
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
    it spans, that end included. Shares on a date without a bar are passed over.

    Args:
        bars: symbol, session, asset_class, close_usd, notional_usd, by (symbol, session).
        shares: as in ``raw.shares_outstanding``.
        actions: as in ``raw.corporate_actions``; of its splits both shares and the close as it was traded are made.

    Returns:
        `bars` with previous_session, price_usd, shares, market_cap_usd, market_cap_before_usd (what the change is
        against), market_cap_change_usd, price_effect_usd, share_effect_usd, flow_usd, flow_method, gap_flow_usd,
        gap_price_effect_usd, gap_sessions, is_supply_revision, price_return, published_at (of both sides).
    """
    return (
        _with_last_figures(bars, shares, actions)
        .with_columns(
            is_adjacent=pl.col("row") - pl.col("row_before") == 1,
            price_usd=pl.coalesce("nav_usd", pl.col("close_usd") * pl.col("to_present")),
            p0=pl.when(_IS_NAVS).then("present_nav_usd_before").otherwise("close_usd_before"),
            p1=pl.when(_IS_NAVS).then("present_nav_usd").otherwise("close_usd"),
            method=_method(),
            is_supply_revision=pl.lit(value=False),
            published_at=pl.when(pl.col("published_at").is_not_null()).then(
                pl.max_horizontal("published_at", "published_at_before")
            ),
        )
        .with_columns(
            before=_by_method(_Q0 * _P0, _A0),
            change=_by_method(_Q1 * _P1 - _Q0 * _P0, _A1 - _A0),
            price_effect=_by_method(_Q0 * (_P1 - _P0), _A0 * (_P1 / _P0 - 1)),
            share_effect=_by_method(_P1 * _created(), _A1 - _A0 * (_P1 / _P0)),
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
            gap_sessions=pl.when(_of_gap("share_effect").is_not_null()).then(
                (pl.col("row") - pl.col("row_before")).cast(pl.Int32)
            ),
            is_supply_revision="is_supply_revision",
            price_return="price_return",
            published_at="published_at",
        )
    )


def _with_last_figures(bars: pl.DataFrame, shares: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """The bars with the figures of each session, and those of the last session before it that has any (``_before``)."""
    compared = ("present_shares", "present_nav_usd", "net_assets_usd", "close_usd", "published_at")
    is_figured = pl.col("present_shares").is_not_null() | pl.col("net_assets_usd").is_not_null()
    return (
        bars.with_columns(to_present=later_splits(bars, actions, on="session"))
        .join(comparable_shares(shares, actions), on=["symbol", "session"], how="left", maintain_order="left")
        .with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
        .with_columns(
            row_before=pl.when(is_figured).then("row").forward_fill().shift(1).over("symbol"),
            previous_session=pl.col("session").shift(1).over("symbol"),
            price_return=pl.col("close_usd") / pl.col("close_usd").shift(1).over("symbol") - 1,
        )
        .with_columns(pl.col(compared).gather(pl.col("row_before")).name.suffix("_before"))
    )


def _of_session(name: str) -> pl.Expr:
    return pl.when("is_adjacent").then(name)


def _of_gap(name: str) -> pl.Expr:
    return pl.when(~pl.col("is_adjacent")).then(name)


def _method() -> pl.Expr:
    return (
        pl.when(_Q0.is_not_null() & _Q1.is_not_null())
        .then(pl.lit("shares"))
        .when(_A0.is_not_null() & _A1.is_not_null())
        .then(pl.lit("aum"))
    )


def _created() -> pl.Expr:
    """Change of shares; what is left of bringing both sides past a split is rounding, and would be a flow."""
    change = _Q1 - _Q0
    return pl.when(change.abs() > _ROUNDING * _Q0.abs()).then(change).otherwise(change * 0)


def _by_method(shares: pl.Expr, aum: pl.Expr) -> pl.Expr:
    return pl.when(method="shares").then(shares).when(method="aum").then(aum)
