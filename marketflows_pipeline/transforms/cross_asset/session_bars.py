"""Merge several answers for a session into one bar, and find bars that no session can have."""

from __future__ import annotations

from datetime import date

import polars as pl

# Prices that were divided by a split ratio and rounded miss each other by less.
ROUNDING = 1e-4
# New York traded on Saturdays until then.
NO_SATURDAYS_SINCE = date(1952, 9, 29)
_SATURDAY, _SUNDAY = 6, 7


def one_bar_a_session(rows: pl.DataFrame) -> pl.DataFrame:
    """Merge the rows of a session that arrived one after the other while it was open.

    The first open, the highest high, the lowest low, the last close, and the largest volume, as what was traded is not
    undone: a later row often is a mere quote, with volume 0. Rows must be on one split basis.

    Args:
        rows: symbol, session, open_usd, high_usd, low_usd, close_usd, adjusted_close_usd, volume and other columns, in
            the order in which they arrived.

    Returns:
        The columns of `rows` by (symbol, session), one row each; of other columns the last value.
    """
    rule = {"open_usd": "first", "high_usd": "max", "low_usd": "min", "volume": "max"}
    values = {name: pl.col(name).drop_nulls() for name in rows.columns if name not in {"symbol", "session"}}
    return (
        rows.group_by("symbol", "session", maintain_order=True)
        .agg(getattr(value, rule.get(name, "last"))() for name, value in values.items())
        .select(rows.columns)
        .sort("symbol", "session")
    )


def with_open_sessions(bars: pl.DataFrame, stored: pl.DataFrame, *, last_complete: date) -> pl.DataFrame:
    """Merge bars of sessions that are still open with those stored before.

    After its close a session's bar replaces the stored one. So it does where a split came between, which shows in
    another ratio of the close as traded to the close.

    Args:
        bars: of the answer, as in ``raw.daily_bars``.
        stored: bars stored before, with the same columns.
        last_complete: the newest session that is over.

    Returns:
        `bars`, by (symbol, session).
    """
    is_open = pl.col("session") > last_complete
    basis = (pl.col("as_traded_close_usd") / pl.col("close_usd")).round_sig_figs(6)
    key = ["symbol", "session", "volume_unit", "basis"]
    before = (
        stored.filter(is_open)
        .with_columns(basis=basis)
        .join(bars.filter(is_open).with_columns(basis=basis).select(key), on=key, how="semi", nulls_equal=True)
        .select(bars.columns)
    )
    return one_bar_a_session(pl.concat([before, bars]))


def is_outside(name: str) -> pl.Expr:
    """Whether a price lies outside its bar's low and high; false where either is not known."""
    price = pl.col(name)
    above = price > pl.col("high_usd") * (1 + ROUNDING)
    below = price < pl.col("low_usd") * (1 - ROUNDING)
    return above.fill_null(value=False) | below.fill_null(value=False)


def is_no_new_york_day(session: pl.Expr) -> pl.Expr:
    """Whether nothing traded in New York: a Sunday, or a Saturday since 29 September 1952."""
    weekday = session.dt.weekday()
    return (weekday == _SUNDAY) | ((weekday == _SATURDAY) & (session >= NO_SATURDAYS_SINCE))
