"""Select vintages of shares outstanding, find restatements, and bring figures to present shares."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.share_sources import whole_baskets
from marketflows_pipeline.transforms.cross_asset.split_sessions import figures_in_new_shares, matched_splits
from marketflows_pipeline.transforms.cross_asset.unadjusted_prices import later_splits
from marketflows_pipeline.transforms.moments import NEW_YORK
from marketflows_pipeline.transforms.ordering import in_order, is_superseded

_KEY = ("symbol", "session")
_FIGURES = ("shares", "nav_usd", "net_assets_usd")
# An issuer that rounds differently has restated nothing.
_SAME = 1e-9
# Issuers' counts take a split up to so many of their sessions before or after the listed one.
MAX_SESSIONS_OFF = 5


def newest_vintages(shares: pl.DataFrame) -> pl.DataFrame:
    """The latest vintage of each fund's session.

    Args:
        shares: as in ``raw.shares_outstanding``.

    Returns:
        Its columns, one row a fund and session, by (symbol, session).
    """
    return in_order(shares, *_KEY, "vintage").filter(~is_superseded(*_KEY))


def new_vintages(stored: pl.DataFrame, fetched: pl.DataFrame) -> pl.DataFrame:
    """What an answer adds to the stored history: sessions that are new, and restatements.

    A session is restated if shares, net asset value or net assets differ from its newest stored vintage by more than a
    billionth, or are known for the first time, or are given in the other convention. A figure that the answer lacks
    restates nothing, a session it lacks stays as it is, so a shorter or emptier answer never takes anything away.

    Args:
        stored: as in ``raw.shares_outstanding``; all vintages or the newest.
        fetched: symbol, session, shares, nav_usd, net_assets_usd, convention and other columns the provider gives,
            one row a fund and session.

    Returns:
        The rows to append by (symbol, session): the columns of `fetched` and ``vintage``, in the order of the table.
    """
    known = newest_vintages(stored).lazy().select(*_KEY, "vintage", "convention", *_FIGURES)
    is_other_convention = pl.col("convention") != pl.col("convention_stored")
    is_new = pl.col("vintage").is_null()
    columns = [name for name in table("raw.shares_outstanding").column_names if name in {*fetched.columns, "vintage"}]
    return (
        fetched.lazy()
        .join(known, on=_KEY, how="left", suffix="_stored")
        .filter(pl.any_horizontal(is_new, is_other_convention, *(_is_restated(figure) for figure in _FIGURES)))
        .with_columns(vintage=pl.col("vintage").fill_null(0).cast(pl.Int32) + 1)
        .sort(_KEY)
        .select(columns)
        .collect()
    )


def restatements(stored: pl.DataFrame, added: pl.DataFrame) -> pl.DataFrame:
    """Which figures new vintages state otherwise than the vintage before.

    Figures of another convention are in other shares: no restatement, and no number to compare.

    Args:
        stored: as for `new_vintages`.
        added: what that returned.

    Returns:
        symbol, session, vintage (the new one), column_name, old, new: one row a figure that both vintages have.
    """
    before = newest_vintages(stored).select(*_KEY, "convention", *_FIGURES)
    both = added.filter(pl.col("vintage") > 1).join(before, on=[*_KEY, "convention"], suffix="_before")
    each = [
        both.select(
            *_KEY,
            "vintage",
            pl.lit(figure).alias("column_name"),
            pl.col(f"{figure}_before").cast(pl.Float64).alias("old"),
            pl.col(figure).cast(pl.Float64).alias("new"),
        )
        for figure in _FIGURES
        if figure in added.columns
    ]
    return pl.concat(each).filter(pl.col("old").is_not_null(), pl.col("new").is_not_null())


def _is_restated(figure: str) -> pl.Expr:
    now, before = pl.col(figure), pl.col(f"{figure}_stored")
    differs = (now - before).abs() > _SAME * before.abs()
    return now.is_not_null() & (before.is_null() | differs)


def comparable_shares(shares: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Shares and net asset value both as of their day and in present shares, whichever way the issuer gives them.

    With S(d) what the splits after date d multiply to::

        as_traded:       present shares = shares x S(session)
        split_adjusted:  present shares = shares x S(fetched on)    shares of that day = present shares / S(session)

    A figure as traded may take a split some sessions before or after the listed one: to bring it to present shares S
    counts each split from the session on which that figure takes it (`split_sessions`). Shares of the day are those of
    the listed session.

    Counts that are quotients are whole baskets first. Net asset values take the inverse. A split between two sessions
    moves only the shares of the day; differences are taken of present shares. What was split-adjusted when it was
    fetched knows no later split, so that a row which no later answer repeats stays right. Net assets know no splits.

    Args:
        shares: as in ``raw.shares_outstanding``, all vintages; the newest of each session counts.
        actions: symbol, session, action, value as in ``raw.corporate_actions``.

    Returns:
        symbol, session, shares, nav_usd (both of that day), present_shares, present_nav_usd (both split-adjusted to
        the present), net_assets_usd, published_at, by (symbol, session).
    """
    newest = whole_baskets(newest_vintages(shares)).with_columns(
        fetched_on=pl.col("fetched_at").dt.convert_time_zone(NEW_YORK).dt.date()
    )
    is_adjusted = pl.col("convention") == "split_adjusted"
    as_taken = {
        name: later_splits(
            newest,
            figures_in_new_shares(matched_splits(newest, actions, name, within=MAX_SESSIONS_OFF)),
            on="session",
        )
        for name in ("shares", "nav_usd")
    }
    return (
        newest.with_columns(
            since_session=later_splits(newest, actions, on="session"),
            since_fetched=later_splits(newest, actions, on="fetched_on"),
        )
        .with_columns(
            present_shares=pl.col("shares") * pl.when(is_adjusted).then("since_fetched").otherwise(as_taken["shares"]),
            present_nav_usd=pl.col("nav_usd")
            / pl.when(is_adjusted).then("since_fetched").otherwise(as_taken["nav_usd"]),
        )
        .select(
            *_KEY,
            shares=pl.col("present_shares") / pl.col("since_session"),
            nav_usd=pl.col("present_nav_usd") * pl.col("since_session"),
            present_shares="present_shares",
            present_nav_usd="present_nav_usd",
            net_assets_usd="net_assets_usd",
            published_at="published_at",
        )
    )
