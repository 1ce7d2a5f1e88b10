"""Coins by symbol: a symbol stands for many coins, of which the largest is meant."""

from __future__ import annotations

import polars as pl


def with_price(listed: pl.DataFrame) -> pl.DataFrame:
    """The coins of a provider's list that still have a price: ``coin_id, symbol, name``.

    Args:
        listed: these columns, and ``is_active`` where the provider lists others too.
    """
    active = listed.filter("is_active") if "is_active" in listed.columns else listed
    return active.select("coin_id", "symbol", "name")


def coins_called(text: str, listed: pl.DataFrame, markets: pl.DataFrame) -> pl.DataFrame:
    """The coins that a symbol or an id may mean, the largest first.

    Args:
        text: a symbol in any case, or an id as it is written.
        listed: coin_id, symbol, name of all coins.
        markets: coin_id and market_cap_usd of some of them.

    Returns:
        coin_id, name, market_cap_usd by falling market cap, those without one last; of an id its coin alone.
    """
    wanted = text.strip().lower()
    by_symbol = pl.col("symbol").str.to_lowercase() == wanted
    is_id = pl.col("coin_id") == text.strip()
    found = listed.filter(is_id) if listed.filter(is_id).height else listed.filter(by_symbol)
    caps = markets.select("coin_id", "market_cap_usd").unique("coin_id", keep="first")
    return (
        found.unique("coin_id", keep="first")
        .join(caps, on="coin_id", how="left")
        .select("coin_id", "name", "market_cap_usd")
        .sort("market_cap_usd", "coin_id", descending=[True, False], nulls_last=True)
    )
