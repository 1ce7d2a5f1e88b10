"""Tell whether closes are adjusted for the splits that are listed."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from datetime import date
from typing import NamedTuple

import polars as pl

from marketflows_pipeline.transforms.cross_asset.unadjusted_prices import is_ratio_of_1

# Prices that are not adjusted must be so many times as likely to move like that as adjusted ones are.
LIKELIHOOD_RATIO = 20.0
# Daily returns have fat tails: nearer to a t-distribution of so many degrees of freedom than to a normal one.
TAILS = 3
LEAST_RETURNS = 5
# What funds usually move in a day, for those whose own returns are too few to tell.
USUAL_SCALE = 0.02
# Prices that never moved have moved by less than they are printed to.
LEAST_SCALE = 1e-4
# The median of absolute normal deviates, in standard deviations.
_MEDIAN_DEVIATE = 0.6745


class Split(NamedTuple):
    """A listed split that prices are not adjusted for: its session, and new shares for each old one."""

    session: date
    ratio: float


def unadjusted_splits(closes: pl.DataFrame, splits: pl.DataFrame, figures: pl.DataFrame | None = None) -> list[Split]:
    """The listed splits across which closes fall as if they were as traded.

    With m the log return across a split of ratio r: adjusted closes leave ``m`` to the market, closes as traded leave
    ``m + ln r``. Where net asset values of both sides are known, and shares tell that they switch there, the market's
    part is that of the net asset value: the nearer of the two counts, however small the split. Else both are compared
    with the asset's own daily returns, as t-distributed: closes are taken as unadjusted where that makes their move 20
    times as likely, so that no size of ratio or move decides. A split too small to be distinguished from the asset's
    usual moves is taken as accounted for.

    Args:
        closes: session, close_usd of one asset, in any order, without nulls.
        splits: session, value of its splits.
        figures: session, shares, nav_usd of it as of their day, where it has some.

    Returns:
        Those splits, by session.
    """
    ordered = closes.sort("session")
    sessions, prices = ordered["session"].to_list(), ordered["close_usd"].to_list()
    listed = splits.filter(~is_ratio_of_1()).sort("session").select("session", "value")
    # Each split with the place of the first close at or after it, where there is one before it too.
    places = {Split(*row): bisect_left(sessions, row[0]) for row in listed.iter_rows()}
    across = {split: place for split, place in places.items() if 0 < place < len(prices)}
    # The difference of logarithms: the quotient of two prices can be below the smallest number there is.
    logs = [math.log(price) for price in prices]
    returns = [after - before for before, after in itertools.pairwise(logs)]
    usual = [abs(move) for n, move in enumerate(returns, start=1) if n not in across.values()]
    found = []
    for split, place in across.items():
        move, size = returns[place - 1], math.log(split.ratio)
        market = None if figures is None else _market_move(figures, sessions[place - 1], sessions[place], size)
        if market is None:
            is_unadjusted = _is_as_traded(move, size, usual)
        else:
            is_unadjusted = abs(move - market + size) < abs(move - market)
        if is_unadjusted:
            found.append(split)
    return found


def _market_move(figures: pl.DataFrame, before: date, after: date, size: float) -> float | None:
    """The log return of the net asset value without the split, where shares show that figures are as traded there."""
    known = figures.drop_nulls(["shares", "nav_usd"]).filter(pl.col("session").is_in([before, after])).sort("session")
    if known["session"].to_list() != [before, after]:
        return None
    (old_shares, old_nav), (shares, nav) = known.select("shares", "nav_usd").iter_rows()
    created = math.log(shares / old_shares)
    return math.log(nav / old_nav) + size if abs(created - size) < abs(created) else None


def _is_as_traded(move: float, size: float, usual: list[float]) -> bool:
    median = sorted(usual)[len(usual) // 2] if len(usual) >= LEAST_RETURNS else USUAL_SCALE * _MEDIAN_DEVIATE
    scale = max(median / _MEDIAN_DEVIATE, LEAST_SCALE)
    return _log_likelihood(move + size, scale) - _log_likelihood(move, scale) > math.log(LIKELIHOOD_RATIO)


def _log_likelihood(move: float, scale: float) -> float:
    """Of a return under a t-distribution, up to a constant."""
    return -(TAILS + 1) / 2 * math.log1p((move / scale) ** 2 / TAILS)
