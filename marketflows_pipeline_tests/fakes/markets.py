"""Funds, coins and volatility indices of our own, coherent in time: what is true of them on any day, as of any day.

A price is a pure function of asset and time. What depends on the day of asking is what a service makes of it: a split
divides all prices before it, a dividend lowers all adjusted closes before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

import numpy as np

from marketflows_pipeline_tests.fakes.price_paths import Floats, chance, price_path
from marketflows_pipeline_tests.fakes.us_calendar import closes_at, is_half_day, sessions

A_DAY = timedelta(days=1)
EX_MONTHS = (3, 6, 9, 12)
EX_DAY = 15

Kind = Literal["ETF", "CRYPTOCURRENCY"]


@dataclass(frozen=True)
class Split:
    """New shares for old ones, from the open of a session on."""

    session: date
    numerator: int
    denominator: int = 1

    @property
    def ratio(self) -> float:
        """New shares for each old one."""
        return self.numerator / self.denominator


@dataclass(frozen=True)
class Asset:
    """A fund or a coin.

    Attributes:
        symbol: at the price service.
        level_usd: price that the path moves around, in shares as they are after all of its splits.
        yearly_yield: what it pays out, a quarter of it each quarter.
        turnover: shares after all splits, or coins, that change hands in a day.
        has_gaps: some sessions come without any figure, and some without volume.
    """

    symbol: str
    name: str
    kind: Kind
    level_usd: float
    seed: int
    volatility: float = 0.5
    yearly_yield: float = 0.0
    turnover: float = 1e7
    listed: date = date(2020, 1, 2)
    splits: tuple[Split, ...] = ()
    has_gaps: bool = False

    @property
    def is_coin(self) -> bool:
        """Whether it trades every day of the week, around the clock, and is counted in dollars."""
        return self.kind == "CRYPTOCURRENCY"

    def days(self, last: date) -> list[date]:
        """Its sessions from the first to last."""
        if self.is_coin:
            return [self.listed + at * A_DAY for at in range((last - self.listed).days + 1)]
        return sessions(self.listed, last)

    def ends_at(self, session: date) -> datetime:
        """When a session's close is made."""
        return datetime.combine(session + A_DAY, time(), UTC) if self.is_coin else closes_at(session)


ASSETS = (
    Asset("SPY", "State Street SPDR S&P 500 ETF Trust", "ETF", 560.0, 11, 0.4, yearly_yield=0.012, turnover=7e7),
    Asset(
        "QQQ",
        "Invesco QQQ Trust",
        "ETF",
        48.0,
        12,
        yearly_yield=0.006,
        turnover=4e8,
        splits=(Split(date(2026, 9, 21), 10),),
    ),
    Asset("IWM", "iShares Russell 2000 ETF", "ETF", 220.0, 13, yearly_yield=0.011, turnover=3e7, has_gaps=True),
    Asset("DIA", "State Street SPDR Dow Jones ETF Trust", "ETF", 430.0, 20, 0.35, yearly_yield=0.016, turnover=4e6),
    Asset("GLD", "SPDR Gold Shares", "ETF", 240.0, 14, 0.3, turnover=8e6),
    Asset(
        "SLV",
        "iShares Silver Trust",
        "ETF",
        27.0,
        15,
        turnover=2e7,
        splits=(Split(date(2022, 5, 16), 1, 4), Split(date(2024, 6, 10), 3, 2)),
    ),
    Asset("TLT", "iShares 20+ Year Treasury Bond ETF", "ETF", 95.0, 16, 0.2, yearly_yield=0.036, turnover=4e7),
    Asset(
        "HYG", "iShares iBoxx $ High Yield Corporate Bond ETF", "ETF", 78.0, 21, 0.15, yearly_yield=0.058, turnover=3e7
    ),
    Asset("IBIT", "iShares Bitcoin Trust ETF", "ETF", 52.0, 17, 1.0, turnover=4e7, listed=date(2024, 1, 11)),
    Asset("BTC-USD", "Bitcoin USD", "CRYPTOCURRENCY", 70_000.0, 18, 1.0, turnover=6e5),
    Asset("ETH-USD", "Ethereum USD", "CRYPTOCURRENCY", 3_200.0, 19, 1.2, turnover=8e6, has_gaps=True),
)


@dataclass(frozen=True)
class Bars:
    """Figures of sessions, as they are told on a day; NaN where there is none."""

    days: list[date]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    adjusted: Floats
    volume: Floats


def as_traded(asset: Asset, days: list[date], at: list[datetime]) -> Floats:
    """Prices at moments of sessions as they were on the tape, funds in whole cents."""
    prices = _path(asset, at) * _splits_after(asset, days)
    return prices if asset.is_coin else np.round(prices, 2)


def told_bars(asset: Asset, now: datetime, today: date) -> Bars:
    """All sessions up to today as a service tells them now, the open one so far.

    Prices are adjusted for the splits until today, in the figures that services keep, of seven digits.
    """
    days = asset.days(today)
    ends = [min(asset.ends_at(day), now) for day in days]
    close = as_traded(asset, days, ends) / _splits_after(asset, days) * _splits_after(asset, [today])
    before = np.concatenate([close[:1], close[:-1]])
    cell = np.array([day.toordinal() for day in days], dtype=np.int64)
    seed = np.full_like(cell, asset.seed)
    first = before * (1 + 0.004 * (chance(seed + 101, cell) - 0.5))
    high = np.maximum(first, close) * (1 + 0.006 * chance(seed + 102, cell))
    low = np.minimum(first, close) * (1 - 0.006 * chance(seed + 103, cell))
    traded = asset.turnover * (0.5 + chance(seed + 104, cell)) / _splits_after(asset, [today])
    traded *= np.array([_day_share(asset, day, now) for day in days])
    bars = Bars(
        days,
        open=_digits(first),
        high=_digits(high),
        low=_digits(low),
        close=_digits(close),
        adjusted=_digits(_adjusted(asset, days, close)),
        volume=np.round(traded * close if asset.is_coin else traded),
    )
    return _with_gaps(bars, chance(seed + 105, cell), asset.ends_at(today) <= now) if asset.has_gaps else bars


def dividends(asset: Asset, today: date) -> list[tuple[date, float]]:
    """What was paid per share until today, by ex-date, adjusted for the splits until today."""
    days = asset.days(today)
    ex = ex_dates(asset, days)
    paid = as_traded(asset, ex, [asset.ends_at(day) for day in ex]) * asset.yearly_yield / 4
    told = np.round(paid, 3) / _splits_after(asset, ex) * _splits_after(asset, [today])
    return list(zip(ex, told.tolist(), strict=True))


def ex_dates(asset: Asset, days: list[date]) -> list[date]:
    """The first session from the 15th of each quarter's last month on."""
    if not asset.yearly_yield:
        return []
    found: dict[tuple[int, int], date] = {}
    for day in days:
        if day.month in EX_MONTHS and day.day >= EX_DAY:
            found.setdefault((day.year, day.month), day)
    return list(found.values())


def index_bars(name: str, last: date) -> Bars:
    """A volatility index up to a session, to the cent: high where prices are low, the shorter one more so."""
    seed, volatility = {"VIX": (31, -1.7), "VIX3M": (31, -1.2)}[name]
    index = Asset(name, name, "ETF", {"VIX": 17.5, "VIX3M": 20.0}[name], seed, volatility)
    days = index.days(last)
    close = np.round(_path(index, [closes_at(day) for day in days]), 2)
    first = np.round(np.concatenate([close[:1], close[:-1]]) * 1.01, 2)
    high, low = np.maximum(first, close) + 0.25, np.minimum(first, close) - 0.25
    return Bars(days, first, high, low, close, close, np.zeros_like(close))


def _path(asset: Asset, at: list[datetime]) -> Floats:
    stamps = np.array([round(moment.timestamp() * 1000) for moment in at], dtype=np.int64)

    def filled(value: float) -> Floats:
        return np.full(stamps.shape, value)

    return price_path(filled(asset.level_usd), np.full_like(stamps, asset.seed), filled(asset.volatility), stamps)


def _splits_after(asset: Asset, days: list[date]) -> Floats:
    """New shares for each old one, over all splits that come after each of these days."""
    ratios = np.ones(len(days))
    for split in asset.splits:
        ratios *= np.array([split.ratio if day < split.session else 1.0 for day in days])
    return ratios


def _adjusted(asset: Asset, days: list[date], close: Floats) -> Floats:
    """Closes lowered for each later dividend by its share of the close before it."""
    factors = np.ones(len(days))
    place = {day: at for at, day in enumerate(days)}
    for day, paid in dividends(asset, days[-1]) if days else []:
        if at := place[day]:
            factors[:at] *= 1 - paid / close[at - 1]
    return close * factors


def _day_share(asset: Asset, day: date, now: datetime) -> float:
    """Part of a usual day's trading that was done on a day, until now."""
    whole = 1.0 if asset.is_coin or not is_half_day(day) else 0.45
    left = (asset.ends_at(day) - now) / timedelta(hours=24 if asset.is_coin else 6.5)
    return whole * min(1.0, max(0.01, 1 - left))


def _digits(prices: Floats) -> Floats:
    """Prices in single precision, such as 220.69000244140625."""
    return prices.astype(np.float32).astype(np.float64)


def _with_gaps(bars: Bars, luck: Floats, is_complete: bool) -> Bars:
    lost, unknown = luck < 0.01, (luck >= 0.01) & (luck < 0.02)
    if not is_complete:
        lost[-1:] = unknown[-1:] = False

    def gapped(figures: Floats, where: np.typing.NDArray[np.bool_]) -> Floats:
        return np.where(where, np.nan, figures)

    return Bars(
        bars.days,
        open=gapped(bars.open, lost),
        high=gapped(bars.high, lost),
        low=gapped(bars.low, lost),
        close=gapped(bars.close, lost),
        adjusted=gapped(bars.adjusted, lost),
        volume=gapped(bars.volume, lost | unknown),
    )


def to_s(moment: datetime) -> int:
    """Seconds since 1970."""
    return int(moment.timestamp())
