"""Small frames, written down the way one thinks of them: coin, hour, cap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.transforms.market_caps.grid import GridSpec

START = datetime(2026, 1, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")

Value = float | None


def at(hour: float) -> datetime:
    """That many hours after `START`."""
    return START + timedelta(hours=hour)


def hourly(last_hour: int) -> GridSpec:
    """An hourly grid from `START`."""
    return GridSpec(START, at(last_hour), timedelta(hours=1))


def observations(caps: Mapping[str, Mapping[float, Value]]) -> pl.DataFrame:
    """Coin to hour to market cap, as rows in the order given."""
    rows = [(coin, at(hour), cap) for coin, by_hour in caps.items() for hour, cap in by_hour.items()]
    return pl.DataFrame(
        rows, schema={"coin_id": pl.String, "ts": TIME, "market_cap_usd": pl.Float64}, orient="row", strict=False
    )


def grid_of(caps: Mapping[str, Sequence[float]]) -> pl.DataFrame:
    """Coin to market cap at hour 0, 1, 2, …, all observed."""
    rows = [(coin, at(hour), float(cap), "observed") for coin in sorted(caps) for hour, cap in enumerate(caps[coin])]
    schema = {"coin_id": pl.String(), "ts": TIME, "market_cap_usd": pl.Float64(), "fill": pl.String()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def totals_of(caps: Mapping[tuple[str, str], Sequence[Value]]) -> pl.DataFrame:
    """(category, series) to summed market cap at hour 0, 1, 2, …"""
    rows = [(*key, at(hour), cap, 1) for key in sorted(caps) for hour, cap in enumerate(caps[key])]
    schema = {
        "category": pl.String(),
        "series": pl.String(),
        "ts": TIME,
        "market_cap_usd": pl.Float64(),
        "n_assets": pl.Int32(),
    }
    return pl.DataFrame(rows, schema=schema, orient="row", strict=False)


def members_of(members: Mapping[tuple[str, str], Sequence[str]]) -> pl.DataFrame:
    """(category, series) to coin ids."""
    rows = [(*key, coin) for key, coins in members.items() for coin in coins]
    return pl.DataFrame(rows, schema=dict.fromkeys(("category", "series", "coin_id"), pl.String), orient="row")


def pick(frame: pl.DataFrame, column: str, **where: object) -> list[Any]:
    """The values of a column where the other columns equal these, in the frame's order."""
    return frame.filter(**where).get_column(column).to_list()
