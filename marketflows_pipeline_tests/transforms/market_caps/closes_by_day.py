"""Small frames of daily closes and of members, written down the way one thinks of them: coin, day, price, cap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

START = datetime(2026, 1, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")


def day(number: int) -> datetime:
    """The close that many days after `START`."""
    return START + timedelta(days=number)


def closes_of(
    prices: Mapping[str, Sequence[float | None]], caps: Mapping[str, Sequence[float]] | None = None
) -> pl.DataFrame:
    """Coin to price at day 0, 1, 2, …; a cap is 10 times the price unless given. None is a close that is missing."""
    rows = [
        (coin, day(number), caps[coin][number] if caps and coin in caps else 10.0 * price, float(price))
        for coin, of_coin in sorted(prices.items())
        for number, price in enumerate(of_coin)
        if price is not None
    ]
    schema: dict[str, Any] = {"coin_id": pl.String, "ts": TIME, "market_cap_usd": pl.Float64, "price_usd": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def universe_of(coins: Iterable[str], n_days: int, series: str = "ai", *, is_backfilled: bool = False) -> pl.DataFrame:
    """The same coins as members of a narrative at each of the days 0 to `n_days` - 1."""
    rows = [("Narratives", series, coin, day(number), is_backfilled) for coin in coins for number in range(n_days)]
    schema: dict[str, Any] = dict.fromkeys(("category", "series", "coin_id"), pl.String)
    schema |= {"ts": TIME, "is_backfilled": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")
