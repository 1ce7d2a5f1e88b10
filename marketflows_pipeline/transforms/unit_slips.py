"""Find slips of unit: a figure 100, 1,000 or 1,000,000 times what it was, without another figure that agrees.

**Rule.** Rows of a series are compared in the order of time, each with the last accepted one. A figure is doubted
where its ratio to that lies within 5 % of 10^±2, 10^±3 or 10^±6 and the other figures of the row don't agree with it.
So it is where figures contradict each other by such a factor, as they do when the price moved beside the slip; then
the one that moved most is at fault. The next row confirms a doubted one where it stays within a factor of two of it and
is not doubted against it; from then on both are accepted. Otherwise the doubted row stays in quarantine.

The verdict on a row thus depends on rows up to its release alone, and never changes after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.share_sources import is_derived
from marketflows_pipeline.transforms.cross_asset.shares import comparable_shares, newest_vintages
from marketflows_pipeline.transforms.doubted_rows import doubted_rows, ratio, size
from marketflows_pipeline.transforms.moments import end_of_utc_day
from marketflows_pipeline.transforms.ratios import ROUNDING, is_within

FACTORS = (1e2, 1e3, 1e6)
TOLERANCE = 0.05
# The least range of a series in which a figure can have slipped.
LEAST_RANGE = FACTORS[0] * (1 - TOLERANCE - ROUNDING)

_ASSET = ("symbol", "session")


def cap_slips(observations: pl.DataFrame) -> pl.DataFrame:
    """Doubted observations of coins: cap and price agree where the supply, cap over price, stays within 5 %.

    Args:
        observations: coin_id, ts, market_cap_usd, price_usd.

    Returns:
        coin_id, ts, column_name, reason and ``released_at``, the time of the observation that confirms it; null where
        none does.
    """
    cap, price = ratio("market_cap_usd"), ratio("price_usd")
    supply = cap / price
    return doubted_rows(
        observations.select("coin_id", "ts", "market_cap_usd", "price_usd"),
        key=("coin_id", "ts"),
        figures={"market_cap_usd": cap, "price_usd": price},
        is_doubted=_any(_is_slip(each) for each in (cap, price, supply)) & ~_is_same(supply),
    )


def share_slips(shares: pl.DataFrame, actions: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Doubted vintages of funds' figures, all compared in present shares, so that a listed split moves nothing.

    Shares and net asset value agree where their product stays within 5 % (a change of basis: an unlisted
    split), shares and net assets where those are their product, and a net asset value with the close that moved
    likewise. Of each session the newest vintage is compared, and where that is left out the one before it.

    Args:
        shares: as in ``raw.shares_outstanding``, all vintages.
        actions: as in ``raw.corporate_actions``.
        bars: symbol, session, close_usd.

    Returns:
        symbol, session, vintage, column_name, reason, released_at (a session).
    """
    held, nav, assets, close = map(ratio, ("present_shares", "present_nav_usd", "net_assets_usd", "close_usd"))
    price = pl.coalesce(nav, close, pl.lit(1.0))
    product = assets / (held * price)
    of_nav = _any((_is_same(held * nav), _is_same(assets / (held.fill_null(1.0) * nav)), _is_same(close / nav)))
    is_doubted = _any(
        (
            _is_slip(held) & ~_is_same(held * nav) & ~_is_same(product),
            _is_slip(nav) & ~of_nav,
            _is_slip(assets) & ~_is_same(product),
            _is_slip(assets / (held * nav)),
        )
    )
    key = list(table("raw.shares_outstanding").key)
    found, standing = [], shares
    while True:
        slips = doubted_rows(
            _fund_figures(standing, actions, bars),
            key=_ASSET,
            figures={"present_shares": held, "present_nav_usd": nav, "net_assets_usd": assets},
            is_doubted=is_doubted,
            names={"present_shares": "shares", "present_nav_usd": "nav_usd"},
        )
        slips = newest_vintages(standing).select(key).join(slips, on=_ASSET, maintain_order="right").select(
            *key, "column_name", "reason", "released_at"
        )  # fmt: skip
        left_out = slips.filter(pl.col("released_at").is_null())
        found.append(left_out)
        if left_out.is_empty():
            return pl.concat([*found, slips.drop_nulls("released_at")]).sort(key)
        standing = standing.join(left_out, on=key, how="anti", maintain_order="left")


def close_slips(bars: pl.DataFrame, shares: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Doubted bars: a close agrees with a net asset value that moved likewise, or with shares that moved inversely.

    The adjusted close comes from the same answer, so it confirms no close; it must move as the close does itself.

    Args:
        bars: symbol, session, close_usd, adjusted_close_usd.
        shares: as in ``raw.shares_outstanding``, all vintages.
        actions: as in ``raw.corporate_actions``.

    Returns:
        symbol, session, column_name, reason, released_at (a session).
    """
    held = comparable_shares(shares, actions).select(*_ASSET, "present_shares", "present_nav_usd")
    rows = bars.select(*_ASSET, "close_usd", "adjusted_close_usd")
    names = ("close_usd", "adjusted_close_usd", "present_nav_usd", "present_shares")
    close, adjusted, nav, number = map(ratio, names)
    is_doubted = _any(
        (
            _is_slip(close) & ~_is_same(close / nav) & ~_is_same(close * number),
            _is_slip(close / nav) & (size(close) > size(nav)),
            _is_slip(adjusted) & ~_is_same(adjusted / close),
            _is_slip(adjusted / close) & (size(adjusted) > size(close)),
        )
    )
    return doubted_rows(
        rows.join(held, on=_ASSET, how="left", maintain_order="left"),
        key=_ASSET,
        figures={"close_usd": close, "adjusted_close_usd": adjusted},
        is_doubted=is_doubted,
    )


def index_slips(values: pl.DataFrame) -> pl.DataFrame:
    """Doubted values of volatility indices; no other figure can confirm them.

    Args:
        values: index_name, session, close.

    Returns:
        index_name, session, column_name, reason, released_at (a session).
    """
    return _slips_of(values.select("index_name", "session", "close"))


def bitcoin_slips(prices: pl.DataFrame) -> pl.DataFrame:
    """Doubted prices of bitcoin, by which volumes are converted to USD; no other figure can confirm them.

    Args:
        prices: observed_at, price_usd.

    Returns:
        observed_at, column_name, reason, released_at (a time).
    """
    return _slips_of(prices.select(pl.lit("bitcoin").alias("coin_id"), "observed_at", "price_usd")).drop("coin_id")


def known_once_released(flows: pl.DataFrame, released: pl.DataFrame) -> pl.DataFrame:
    """Flows of figures that were doubted at first are known when the figures that confirmed them are.

    Args:
        flows: as in ``core.asset_flows``.
        released: symbol, session, released_at (a date); a session may stand more than once.

    Returns:
        `flows` with a later ``known_at`` where it is one.
    """
    if released.is_empty():
        return flows
    known = flows.select("symbol", released_at="session", released_known_at="known_at").sort("released_at")
    later = (
        released.sort("released_at")
        .join_asof(known.drop_nulls(), on="released_at", by="symbol", strategy="forward", check_sortedness=False)
        .group_by(_ASSET)
        .agg(pl.max_horizontal("released_known_at", end_of_utc_day("released_at")).max().alias("released_known_at"))
    )
    at = pl.when(pl.col("known_at").is_not_null()).then(pl.max_horizontal("known_at", "released_known_at"))
    return (
        flows.join(later, on=_ASSET, how="left", maintain_order="left")
        .with_columns(known_at=at)
        .select(flows.columns)
    )  # fmt: skip


def _slips_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Of rows of a series, a time and one figure, which stands alone."""
    series, time, figure = rows.columns
    by = ratio(figure)
    return doubted_rows(rows, key=(series, time), figures={figure: by}, is_doubted=_is_slip(by))


def _fund_figures(shares: pl.DataFrame, actions: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    figures = ("present_shares", "present_nav_usd", "net_assets_usd", "close_usd")
    rows = (
        comparable_shares(shares, actions)
        .join(newest_vintages(shares).select(*_ASSET, "source"), on=_ASSET, maintain_order="left")
        .join(bars.select(*_ASSET, "close_usd"), on=_ASSET, how="left", maintain_order="left")
    )
    assets = pl.when(~is_derived().fill_null(value=False)).then("net_assets_usd")
    return rows.with_columns(net_assets_usd=assets).select(*_ASSET, *figures)


def _is_slip(by: pl.Expr) -> pl.Expr:
    return _any(is_within(TOLERANCE, each) for factor in FACTORS for each in (by / factor, by * factor))


def _is_same(by: pl.Expr) -> pl.Expr:
    return is_within(TOLERANCE, by).fill_null(value=False)


def _any(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(or_, (each.fill_null(value=False) for each in conditions))
