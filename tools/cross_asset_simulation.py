"""Simulate the tutorial's cross-asset market, and compute the best AUC that any model can reach in it.

Every path is drawn at random, and none is taken from a record::

    flow[t]   = shares[t-1] (growth + 0.2 % s[t])              s[t] = 0.8 s[t-1] + noise, mean 0, deviation 1
    return[t] = volatility[t] (drift + k s[t-2] + e[t])        e has mean 0, deviation 1 and is new each session

Flow t-1 is published before the close of t and moves returns from t+1 on. The chance that a price is higher h
sessions after t rises with s[t-1] and with nothing else that is known by then, so ranking sessions by s[t-1] is
ranking them by their true probability, and the AUC of that ranking is the best that any model can reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

DAY = timedelta(days=1)
FIRST = date(2010, 1, 4)
PERSISTENCE, PULL, FLOW_SCALE = 0.8, 0.12, 0.002
HORIZONS = (5, 20)
FEW = 20  # markets are enough where an average goes over dates and pairs
FALL_CHANCE, FALL = 1 / 250, 4.0
LAST_QUARTER = 63  # sessions


@dataclass(frozen=True)
class Asset:
    """How one asset moves: a session's volatility and drift in it, what it shares with others, and where it begins."""

    symbol: str
    first_price: float
    volatility: float
    drift: float
    market: float = 0.0
    metal: float = 0.0
    coin: float = 0.0
    fear: float = 1.0  # exponent of VIX / 18 in its volatility
    traded: float = 0.0  # millions of shares, or of USD for coins
    shares: float = 0.0  # millions, in present shares; none are known where 0
    growth: float = 0.0  # of shares, a session
    quarterly_yield: float = 0.0
    since: date = FIRST


# First prices of coins are such that their paths end near 68,000 and 2,000.
# IBIT has no return of its own: it holds bitcoin, and its flows move bitcoin from its first session on.
ASSETS = (
    Asset("SPY", 100, 0.010, 0.035, 0.95, traded=90, shares=1000, growth=0.0001, quarterly_yield=0.004),
    Asset("QQQ", 50, 0.0125, 0.040, 0.88, traded=50),
    Asset("IWM", 40, 0.0135, 0.025, 0.85, traded=40, shares=200, growth=0.0001, quarterly_yield=0.003),
    Asset("DIA", 100, 0.0095, 0.030, 0.90, traded=6, shares=100, growth=0.0002, quarterly_yield=0.005),
    Asset("GLD", 100, 0.0095, 0.020, 0.05, metal=0.85, fear=0.4, traded=9, shares=300),
    Asset("SLV", 40, 0.017, 0.010, 0.20, metal=0.85, fear=0.4, traded=20, shares=400, growth=0.0001),
    Asset("TLT", 100, 0.009, 0.000, -0.30, fear=0.4, traded=12, shares=60, growth=0.0004, quarterly_yield=0.007),
    Asset("HYG", 90, 0.0045, 0.005, 0.70, fear=0.8, traded=15, shares=80, growth=0.0003, quarterly_yield=0.012),
    Asset("IBIT", 25, 0.0, 0.0, traded=40, shares=1500, growth=0.001, since=date(2024, 1, 11)),
    Asset("BTC", 6860, 0.030, 0.035, 0.25, coin=0.80, fear=0.3, traded=9_000, since=date(2015, 1, 1)),
    Asset("ETH", 40, 0.039, 0.030, 0.30, coin=0.80, fear=0.3, traded=5_000, since=date(2018, 1, 1)),
)
SYMBOLS = [asset.symbol for asset in ASSETS]
FUND_OF_COIN, ITS_COIN = SYMBOLS.index("IBIT"), SYMBOLS.index("BTC")


def sessions_until(last: date) -> list[date]:
    """Weekdays without nine made-up holidays a year, up to a date."""
    days = (FIRST + n * DAY for n in range((last - FIRST).days + 1))
    return [day for day in days if day.isoweekday() < 6 and not _is_holiday(day)]


def _is_holiday(day: date) -> bool:
    week, weekday = (day.day - 1) // 7 + 1, day.isoweekday()
    mondays = {(1, 3), (2, 3), (9, 1), (10, 2)}
    moving = (weekday == 1 and (day.month, week) in mondays) or (day.month, week, weekday) in {(4, 2, 5), (11, 4, 4)}
    return moving or (day.month, day.day) in {(1, 1), (7, 4), (12, 25)}


@dataclass(frozen=True)
class Paths:
    """Simulated markets; arrays are session x market x asset, or session x market."""

    signal: np.ndarray
    log_return: np.ndarray
    surprise: np.ndarray
    log_vix: np.ndarray
    falls: np.ndarray


def simulate(chance: np.random.Generator, sessions: list[date], markets: int, injected: dict[str, float]) -> Paths:
    """Draw markets by the equations above; `injected` is added to the signal of the last quarter."""
    n, shape = len(sessions), (len(sessions), markets, len(ASSETS))
    signal = chance.normal(size=shape) * np.sqrt(1 - PERSISTENCE**2)
    signal[0] /= np.sqrt(1 - PERSISTENCE**2)
    for at in range(1, n):
        signal[at] += PERSISTENCE * signal[at - 1]
    for symbol, shift in injected.items():
        signal[-LAST_QUARTER:, :, SYMBOLS.index(symbol)] += shift

    falls = chance.random((n, markets)) < FALL_CHANCE
    market = (chance.normal(size=(n, markets)) - FALL * (falls - FALL_CHANCE)) / np.sqrt(1 + FALL**2 * FALL_CHANCE)
    loadings = np.array([(asset.market, asset.metal, asset.coin) for asset in ASSETS])
    factors = np.stack([market, *chance.normal(size=(2, n, markets))], axis=-1)
    surprise = factors @ loadings.T + chance.normal(size=shape) * np.sqrt(1 - (loadings**2).sum(axis=1))

    level, noise = np.log(16.5), 0.035 * chance.normal(size=(n, markets))
    log_vix = np.full((n, markets), level)
    for at in range(1, n):
        pushed = 0.3 * falls[at] - 0.055 * market[at] + noise[at]
        log_vix[at] = log_vix[at - 1] + 0.03 * (level - log_vix[at - 1]) + pushed
    log_vix = np.clip(log_vix, np.log(9.0), np.log(80.0))

    gap = np.sqrt([1, *((b - a).days for a, b in pairwise(sessions))])[:, None, None]
    is_coin = np.array([asset.coin > 0 for asset in ASSETS])
    fear = np.array([asset.fear for asset in ASSETS]) * (_before(log_vix, 1) - np.log(18.0))[:, :, None]
    size = np.array([asset.volatility for asset in ASSETS]) * np.exp(fear) * np.where(is_coin, gap, 1.0)
    pull = PULL * _before(signal, 2) * np.array([asset.shares > 0 for asset in ASSETS])
    is_held = np.array([day > ASSETS[FUND_OF_COIN].since for day in sessions])[:, None]
    pull[:, :, ITS_COIN] = np.where(is_held, pull[:, :, FUND_OF_COIN], 0.0)
    log_return = size * (np.array([asset.drift for asset in ASSETS]) + pull + surprise)
    log_return[:, :, FUND_OF_COIN] = log_return[:, :, ITS_COIN]
    return Paths(signal, log_return, surprise, log_vix, falls)


def _before(values: np.ndarray, sessions: int) -> np.ndarray:
    """Values lagged by some sessions; the first ones repeat."""
    return np.concatenate([values[:1]] * sessions + [values[:-sessions]])


def best_auc(paths: Paths, sessions: list[date]) -> dict[str, dict[str, float]]:
    """Horizon to asset to the mean AUC of the signal known at a session's close for the direction that follows."""
    total = np.cumsum(paths.log_return, axis=0)
    result: dict[str, dict[str, float]] = {}
    for horizon in HORIZONS:
        aucs = {}
        for at, asset in enumerate(ASSETS):
            first = max(1, sum(day < asset.since for day in sessions))
            known = paths.signal[first - 1 : -horizon - 1, :, at]
            is_up = total[first + horizon :, :, at] > total[first:-horizon, :, at]
            rank = known.argsort(axis=0).argsort(axis=0) + 1
            ups = is_up.sum(axis=0)
            auc = ((rank * is_up).sum(axis=0) - ups * (ups + 1) / 2) / (ups * (len(is_up) - ups))
            aucs[asset.symbol] = round(float(auc.mean()), 4) if asset.shares else 0.5
        mean = round(float(np.mean(list(aucs.values()))), 4)
        result[str(horizon)] = aucs | {
            "mean of assets": mean,
            "by date": _best_auc_by_date(paths, total, sessions, horizon),
        }
    return result


def _best_auc_by_date(paths: Paths, total: np.ndarray, sessions: list[date], horizon: int) -> float:
    """Mean over dates of the AUC among the assets of one date, ranked by their expected returns."""
    flows = np.array([asset.shares > 0 for asset in ASSETS]) * paths.signal[: -horizon - 1, :FEW]
    lasting = PULL * (1 - PERSISTENCE**horizon) / (1 - PERSISTENCE)
    score = horizon * np.array([asset.drift for asset in ASSETS]) + lasting * flows
    # A fund that holds bitcoin drifts as bitcoin does.
    score[:, :, FUND_OF_COIN] += horizon * ASSETS[ITS_COIN].drift
    is_up = total[1 + horizon :, :FEW] > total[1:-horizon, :FEW]
    is_there = np.array([[day >= asset.since for asset in ASSETS] for day in sessions[1:-horizon]])[:, None, :]
    up, down = is_up & is_there, ~is_up & is_there
    won = sum(
        (up[:, :, one] & down[:, :, other]) * np.heaviside(score[:, :, one] - score[:, :, other], 0.5)
        for one in range(len(ASSETS))
        for other in range(len(ASSETS))
    )
    pairs = up.sum(axis=2) * down.sum(axis=2)
    return round(float((won[pairs > 0] / pairs[pairs > 0]).mean()), 4)
