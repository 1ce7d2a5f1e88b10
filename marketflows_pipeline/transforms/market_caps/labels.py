"""Label series for people, and order them for display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import polars as pl

from marketflows_pipeline.transforms.categories import NARRATIVES, PORTFOLIOS, RANGES
from marketflows_pipeline.transforms.market_caps.ranges import range_series

_SCHEMA = {"category": pl.String, "series": pl.String, "label": pl.String, "sort_order": pl.Int32}
_WORDS = """
    AI BRC20 BTC DAO DeFi DeSci DEX DePIN ETF ETH EU EVM GameFi IoT L1 L2 NFT PoS PoW RWA SocialFi SOL TradFi UK US USA
    USD ZK
"""
_SPELLINGS = {word.lower(): word for word in _WORDS.split()}
_SMALL_WORDS = frozenset({"and", "by", "for", "in", "of", "on", "the", "to"})
_MAGNITUDES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


def series_labels(
    coins: pl.DataFrame,
    narratives: Sequence[str],
    asset_groups: Mapping[str, Sequence[str]],
    limits: Sequence[float],
) -> pl.DataFrame:
    """Name and place of every series of every category (``core.series``).

    Narratives and portfolios keep the order of the settings, ranges ascend, the coins of a portfolio keep its order.
    A coin goes by its symbol in capitals; where two of a portfolio share one, the coin id is added.

    Args:
        coins: coin_id, symbol; a coin that is missing goes by its id.
        narratives: slugs, empty where not requested.
        asset_groups: portfolio name to coin ids, empty where not requested.
        limits: lower limits of the ranges in USD, empty where not requested.

    Returns:
        category, series, label, sort_order (from 1) by (category, series).
    """
    named = [
        *((NARRATIVES, slug, narrative_label(slug)) for slug in narratives),
        *((PORTFOLIOS, name, name) for name in asset_groups),
        *zip(
            [RANGES] * len(limits),
            [range_series(limit) for limit in sorted(limits)],
            range_labels(limits),
            strict=True,
        ),
        *((name, coin_id, None) for name, coin_ids in asset_groups.items() for coin_id in coin_ids),
    ]
    symbol = pl.col("symbol").str.to_uppercase()
    is_shared = pl.len().over("category", "label") > 1
    return (
        pl.DataFrame(named, schema={name: _SCHEMA[name] for name in ("category", "series", "label")}, orient="row")
        .lazy()
        .unique(("category", "series"), keep="first", maintain_order=True)
        .join(coins.lazy().select(series="coin_id", symbol=symbol), on="series", how="left", maintain_order="left")
        .with_columns(label=pl.coalesce("label", "symbol", "series"))
        .with_columns(
            label=pl.when(is_shared).then(pl.format("{} ({})", "label", "series")).otherwise("label"),
            sort_order=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("category"),
        )
        .select(*_SCHEMA)
        .sort("category", "series")
        .collect()
    )


def narrative_label(slug: str) -> str:
    """A narrative's slug as plain words: ``made-in-usa`` is ``Made in USA``."""
    words = slug.replace("-", " ").split()
    return " ".join(
        _SPELLINGS.get(word.lower()) or (word if place and word in _SMALL_WORDS else word.capitalize())
        for place, word in enumerate(words)
    )


def range_labels(limits: Sequence[float]) -> list[str]:
    """Words for each range, ascending: ``$1B to $10B``, and ``above $10B`` for the highest."""
    amounts = [dollars(limit) for limit in sorted(limits)]
    return [*(f"{low} to {high}" for low, high in pairwise(amounts)), *(f"above {top}" for top in amounts[-1:])]


def dollars(amount: float) -> str:
    """A round amount in few letters: ``$1B``."""
    for size, letter in _MAGNITUDES:
        if amount >= size:
            return f"${amount / size:.4g}{letter}"
    return f"${amount:.4g}"
