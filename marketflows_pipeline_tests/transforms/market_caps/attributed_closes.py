"""Small frames of daily closes, written down as one thinks of them: coin, and its caps and prices by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")


def day(number: float) -> datetime:
    """That many days after the first close."""
    return DAY_0 + number * timedelta(days=1)


def closes(coins: Mapping[str, tuple[Sequence[float | None], Sequence[float | None]]]) -> pl.DataFrame:
    """Coin to caps and prices of day 0, 1, 2, …; None where there is no close."""
    rows = [
        (coin, day(number), cap, price)
        for coin, (caps, prices) in coins.items()
        for number, (cap, price) in enumerate(zip(caps, prices, strict=True))
        if cap is not None
    ]
    schema: dict[str, Any] = {"coin_id": pl.String, "ts": TIME, "market_cap_usd": pl.Float64, "price_usd": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row", strict=False)


def supplies(coins: Mapping[str, Mapping[int, float]]) -> pl.DataFrame:
    """Coin to published supply by day."""
    rows = [(coin, day(number), supply) for coin, by_day in coins.items() for number, supply in by_day.items()]
    schema: dict[str, Any] = {"coin_id": pl.String, "ts": TIME, "circulating_supply": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row", strict=False)


def members(series: Mapping[tuple[str, str], Mapping[int, str]]) -> pl.DataFrame:
    """(category, series) to the members of each day, one letter a coin."""
    rows = [
        (*key, coin, day(number))
        for key, by_day in series.items()
        for number, coins in by_day.items()
        for coin in coins
    ]
    schema: dict[str, Any] = {"category": pl.String, "series": pl.String, "coin_id": pl.String, "ts": TIME}
    return pl.DataFrame(rows, schema=schema, orient="row")
