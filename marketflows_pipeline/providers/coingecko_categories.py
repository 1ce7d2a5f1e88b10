"""CoinGecko's snapshot of its categories as a frame: GET /coins/categories.

The official description promises every figure; figures of categories without coins were seen null.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import polars as pl

from marketflows_pipeline.providers.faults import ShapeError
from marketflows_pipeline.providers.json_fields import Row, kind, numbers_or_none, texts
from marketflows_pipeline.providers.protocol import CATEGORY_SCHEMA

FIGURES = {
    "market_cap": "market_cap_usd",
    "market_cap_change_24h": "market_cap_change_24h_pct",
    "volume_24h": "volume_24h_usd",
}
SEPARATOR = ","
# More than that is no odd row but another shape.
MOST_REJECTED_SHARE = 0.05


class CategorySnapshot(NamedTuple):
    """Categories in CATEGORY_SCHEMA, each once, and why others were left out."""

    rows: pl.DataFrame
    rejected: list[str]


def read_category_snapshot(body: object) -> CategorySnapshot:
    """The categories of an answer.

    Raises:
        ShapeError: not a list, an empty one, or more than 5 % of its rows can't be read.
    """
    if not isinstance(body, list) or not body:
        raise ShapeError(f"expected categories, found {kind(body) if body != [] else 'an empty list'}")
    read: dict[str, tuple[object, ...]] = {}
    rejected = []
    for at, row in enumerate(body):
        try:
            category = _read(row)
        except ShapeError as fault:
            rejected.append(f"row {at}: {fault}")
        else:
            read.setdefault(str(category[0]), category)
    if len(rejected) > MOST_REJECTED_SHARE * len(body):
        raise ShapeError(f"{len(rejected)} of {len(body)} categories can't be read, such as {rejected[0]}")
    return CategorySnapshot(pl.DataFrame(list(read.values()), schema=CATEGORY_SCHEMA, orient="row"), rejected)


def _read(row: object) -> tuple[object, ...]:
    if not isinstance(row, dict):
        raise ShapeError(f"should be an object, found {kind(row)}")
    (category_id,), (name,) = texts([row], "id"), texts([row], "name")
    if not category_id:
        raise ShapeError("`id` is blank")
    figures = [_finite(row, key) for key in FIGURES]
    return (category_id, name, *figures, _largest(row))


def _finite(row: Row, key: str) -> float | None:
    (value,) = numbers_or_none([row], key)
    if value is not None and not math.isfinite(value):
        raise ShapeError(f"`{key}` of {row['id']} is not finite")
    return value


def _largest(row: Row) -> str | None:
    coins = row.get("top_3_coins_id") or []
    if not isinstance(coins, list) or not all(isinstance(coin, str) for coin in coins):
        raise ShapeError(f"`top_3_coins_id` of {row['id']} should be a list of ids, found {kind(coins)}")
    return SEPARATOR.join(coins) or None
