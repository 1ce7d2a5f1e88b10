"""What CoinPaprika shows of a market: rows of /tickers and /coins, ticks of a history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from marketflows_pipeline_tests.fakes.coinpaprika.listing import Shown, paprika_id
from marketflows_pipeline_tests.fakes.market import FIVE_MINUTES_MS, FakeCoin, Market
from marketflows_pipeline_tests.fakes.price_paths import DAY_MS, HOUR_MS, chance

Row = dict[str, Any]

PERIODS_MS = {
    "15m": 3 * FIVE_MINUTES_MS,
    "30m": 6 * FIVE_MINUTES_MS,
    "1h": HOUR_MS,
    "6h": 6 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "24h": DAY_MS,
    "7d": 7 * DAY_MS,
    "30d": 30 * DAY_MS,
    "1y": 365 * DAY_MS,
}
BEGINNING_MS = 1_279_324_800_000
STEPS_MS = {
    "5m": FIVE_MINUTES_MS,
    "1h": HOUR_MS,
    "6h": 6 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
    "24h": DAY_MS,
    "7d": 7 * DAY_MS,
}
# Written as empty texts of a coin of which little is known, and keys that are then missing.
EMPTIED = ("volume_24h", "percent_change_30d", "percent_change_1y")
MISSING = ("ath_price", "ath_date", "percent_from_price_ath")


def tickers(shown: Sequence[Shown], *, has_supply: bool) -> list[Row]:
    """Rows of /tickers, all of coins of their markets at the same moment."""
    changes = {
        id(market): _changes([each for each in shown if each.market is market], market) for market in _markets(shown)
    }
    return [_ticker(each, changes[id(each.market)][each.quote.coin.id], has_supply=has_supply) for each in shown]


def coin_row(coin_id: str, coin: FakeCoin, rank: int, now_ms: int, *, is_active: bool) -> Row:
    """A row of /coins."""
    return {
        "id": coin_id,
        "name": coin.name,
        "symbol": coin.symbol.upper(),
        "rank": rank if is_active else 0,
        "is_new": now_ms - coin.listed_at_ms < 5 * DAY_MS,
        "is_active": is_active,
        "type": "token" if coin.is_rehypothecated else "coin",
    }


def ticks(market: Market, position: int, *, start_ms: int, end_ms: int, step_ms: int) -> list[Row]:
    """Ticks of a history on the grid, the end excluded; none of the present."""
    coin = market.coins[position]
    stamps = step_ms * np.arange(-(-start_ms // step_ms), -(-end_ms // step_ms), dtype=np.int64)
    stamps = stamps[stamps >= coin.listed_at_ms]
    if coin.loses_points:
        stamps = stamps[chance(np.full_like(stamps, coin.seed) + 11, stamps // step_ms) >= 1 / 150]
    prices, caps, volumes = market.figures(np.full_like(stamps, position), stamps)
    return [
        {
            "timestamp": iso(stamp),
            "price": round(price, 2 if price >= 1 else 6),
            "volume_24h": round(volume),
            "market_cap": _cap(cap),
        }
        for stamp, price, cap, volume in zip(stamps.tolist(), prices, caps, volumes, strict=True)
    ]


def iso(ts_ms: int) -> str:
    """A time as the service writes it, in whole seconds."""
    return f"{datetime.fromtimestamp(ts_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _markets(shown: Sequence[Shown]) -> list[Market]:
    return list({id(each.market): each.market for each in shown}.values())


def _changes(shown: Sequence[Shown], market: Market) -> dict[str, dict[str, float]]:
    """Changes of the price in percent by coin and period; 0 of a coin that is younger."""
    position = {coin.id: at for at, coin in enumerate(market.coins)}
    at = np.array([position[each.quote.coin.id] for each in shown], dtype=np.int64)
    seen = np.array([each.quote.refreshed_ms for each in shown], dtype=np.int64)
    listed = np.array([each.quote.coin.listed_at_ms for each in shown], dtype=np.int64)
    prices = market.prices(at, seen)
    columns = {
        name: np.where(listed > seen - period, 0.0, np.round(100 * (prices / market.prices(at, seen - period) - 1), 2))
        for name, period in PERIODS_MS.items()
    }
    return {
        each.quote.coin.id: {name: float(column[row]) for name, column in columns.items()}
        for row, each in enumerate(shown)
    }


def _ticker(shown: Shown, changes: dict[str, float], *, has_supply: bool) -> Row:
    quote, coin = shown.quote, shown.quote.coin
    supply = {"circulating_supply": round(coin.supply)} if has_supply else {}
    usd = {
        "price": quote.price,
        "volume_24h": quote.volume,
        "volume_24h_change_24h": -95.51000213623047,
        "market_cap": _cap(quote.cap),
        "market_cap_change_24h": changes["24h"] if _cap(quote.cap) else 0,
        **{f"percent_change_{name}": change for name, change in changes.items()},
        "ath_price": coin.level_usd * 4,
        "ath_date": "2025-01-20T07:10:36Z",
        "percent_from_price_ath": round(100 * (quote.price / (coin.level_usd * 4) - 1), 2),
    }
    if coin.is_sparse:
        usd = {key: value for key, value in (usd | dict.fromkeys(EMPTIED, "")).items() if key not in MISSING}
    return {
        "id": paprika_id(coin),
        "name": coin.name,
        "symbol": coin.symbol.upper(),
        "rank": shown.rank,
        **supply,
        "total_supply": round(coin.supply * 1.1),
        "max_supply": round(coin.supply * 1.2) if coin.seed % 2 else 0,
        "beta_value": "" if coin.is_sparse else 0.909039,
        "first_data_at": iso(coin.listed_at_ms or BEGINNING_MS),
        "last_updated": iso(quote.refreshed_ms),
        "quotes": {"USD": usd},
    }


def _cap(cap: float | None) -> int:
    """Whole dollars; where there is none, 0 beside the price."""
    return round(max(cap or 0, 0))
