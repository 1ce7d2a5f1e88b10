"""Compute buying and selling pressure from price and volume: proxies, not flows."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.session_bars import is_outside
from marketflows_pipeline.transforms.ordering import in_order, sort_curves
from marketflows_pipeline.transforms.ratios import part_of

CMF_SESSIONS = 20
MFI_SESSIONS = 14
RELATIVE_SESSIONS = 20

_KEY = ("symbol", "session")
_BAR = (*_KEY, "high_usd", "low_usd", "close_usd", "volume")
_OF_FLOWS = ("notional_usd", "price_return")
_HIGH, _LOW, _CLOSE, _VOLUME = (pl.col(name) for name in ("high_usd", "low_usd", "close_usd", "volume"))
_TYPICAL, _RISE = pl.col("typical"), pl.col("rise")
_NOTIONAL, _RETURN = pl.col("notional_usd"), pl.col("price_return")


def pressure(bars: pl.DataFrame, flows: pl.DataFrame) -> pl.DataFrame:
    """Chaikin money flow, money flow index, on-balance volume and two measures of notional (``mart.pressure``).

    With H, L, C high, low and close, V volume, N notional, r return, T = (H + L + C) / 3, and
    M = ((C - L) - (H - C)) / (H - L), 0 where H = L::

        cmf_20                = Σ M V / Σ V over 20 sessions
        mfi_14                = 100 - 100 / (1 + U / D) with U, D = Σ T V over those of 14 sessions on which T rose
                                or fell; 100 where D is 0, null where both are
        obv                   = Σ sign(C[t] - C[t-1]) V[t] since the first session
        relative_volume       = N / median of N over the 20 sessions before
        signed_notional_ratio = Σ sign(r) N / Σ N over 20 sessions

    A window counts only whole: one unknown figure in it makes it null, as does a sum of 0 below the line. On-balance
    volume is null on a session without a volume and goes on after it without it. The days of a coin between two
    sessions make one bar: the highest high, the lowest low, the last close, all the volume.

    Args:
        bars: symbol, session, high_usd, low_usd, close_usd, volume as in ``raw.daily_bars``.
        flows: symbol, session, previous_session, notional_usd, price_return as in ``core.asset_flows``; its rows are
            those of the result. Where a session's notional is unknown, so is its volume.

    Returns:
        The columns of ``mart.pressure`` by (symbol, session).
    """
    return (
        _session_bars(bars, flows)
        .with_columns(
            typical=(_HIGH + _LOW + _CLOSE) / 3,
            money=_VOLUME * _position(),
            signed=_RETURN.sign() * _NOTIONAL,
            obv=_on_balance_volume(),
        )
        .with_columns(rise=(_TYPICAL - _TYPICAL.shift(1)).over("symbol"))
        .with_columns(rising=_where(_RISE > 0), falling=_where(_RISE < 0))
        .with_columns(
            *_sums(CMF_SESSIONS, "money", "volume"),
            *_sums(MFI_SESSIONS, "rising", "falling"),
            *_sums(RELATIVE_SESSIONS, "signed", "notional_usd"),
            usual=_NOTIONAL.shift(1).rolling_median(RELATIVE_SESSIONS).over("symbol"),
        )
        .with_columns(
            cmf_20=part_of(_sum_of("money"), _sum_of("volume")),
            # The same as 100 - 100 / (1 + U / D), which has no value where D is 0.
            mfi_14=100 * part_of(_sum_of("rising"), _sum_of("rising") + _sum_of("falling")),
            relative_volume=part_of(_NOTIONAL, pl.col("usual")),
            signed_notional_ratio=part_of(_sum_of("signed"), _sum_of("notional_usd")),
        )
        .select(table("mart.pressure").column_names)
    )


def _session_bars(bars: pl.DataFrame, flows: pl.DataFrame) -> pl.DataFrame:
    """One bar a session of `flows`, by (symbol, session), with that session's notional and return."""
    rows = flows.select(*_KEY, "previous_session", "notional_usd", "price_return", end="session")
    is_between = pl.col("end").is_null()
    daily = (
        in_order(bars.select(_BAR), *_KEY)
        .join(rows, on=_KEY, how="left", maintain_order="left")
        .with_columns(is_gathered=is_between.any().over("symbol"))
    )
    gathered = daily.filter("is_gathered")
    single = daily.filter(~pl.col("is_gathered"))
    both = pl.concat([single.select(*_BAR, *_OF_FLOWS), _gathered(gathered).select(*_BAR, *_OF_FLOWS)])
    return sort_curves(both, ["symbol"]).with_columns(volume=pl.when(_NOTIONAL.is_not_null()).then(_VOLUME))


def _gathered(daily: pl.DataFrame) -> pl.DataFrame:
    """The days of each asset up to each of its sessions as one."""
    own_day = pl.col("session") == pl.col("end")
    return (
        daily.with_columns(pl.col("end", "previous_session").backward_fill().over("symbol"))
        # What came before an asset's first session is no part of it.
        .filter(own_day | (pl.col("session") > pl.col("previous_session")))
        .group_by("symbol", "end", maintain_order=True)
        .agg(
            high_usd=pl.when(_HIGH.null_count() == 0).then(_HIGH.max()),
            low_usd=pl.when(_LOW.null_count() == 0).then(_LOW.min()),
            close_usd=_CLOSE.last(),
            volume=pl.when(_VOLUME.null_count() == 0).then(_VOLUME.sum()),
            notional_usd=_NOTIONAL.last(),
            price_return=_RETURN.last(),
        )
        .rename({"end": "session"})
    )


def _position() -> pl.Expr:
    """Where in its range the close is: 1 at the high, -1 at the low; null for one that lies outside."""
    position = pl.when(_HIGH == _LOW).then(0.0).otherwise((2 * _CLOSE - _LOW - _HIGH) / (_HIGH - _LOW))
    return pl.when(~is_outside("close_usd")).then(position.clip(-1, 1))


def _on_balance_volume() -> pl.Expr:
    change = (_CLOSE - _CLOSE.shift(1)).sign() * _VOLUME
    return pl.when(_CLOSE.shift(1).is_null()).then(0.0).otherwise(change).cum_sum().over("symbol")


def _where(condition: pl.Expr) -> pl.Expr:
    """Typical price times volume where it holds, 0 where it does not, null where either is unknown."""
    return condition.cast(pl.Float64) * _TYPICAL * _VOLUME


def _sums(sessions: int, *columns: str) -> tuple[pl.Expr, ...]:
    return tuple(pl.col(name).rolling_sum(sessions).over("symbol").alias(f"{name}_sum") for name in columns)


def _sum_of(column: str) -> pl.Expr:
    return pl.col(f"{column}_sum")
