"""Warehouse queries of the cross-asset part: the universe, its rows, supply of coins, released figures."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.settings import CrossAsset, Settings
from marketflows_pipeline.transforms.cross_asset.supply import daily_supply
from marketflows_pipeline.transforms.unit_slips import cap_slips, close_slips, share_slips
from marketflows_pipeline.warehouse.store import Warehouse

# The exchange part's categories are CoinGecko's, whatever the market-cap provider.
_STABLECOINS_OF_EXCHANGES = "stablecoins"


def cross_asset_settings(settings: Settings) -> CrossAsset:
    """The settings of the part, which must have some."""
    assert settings.cross_asset is not None, "the part runs only where the settings have it"
    return settings.cross_asset


def universe(settings: Settings) -> pl.DataFrame:
    """``symbol, name, asset_class, share_source, share_id``, and what the settings say of lags, in their order."""
    columns = ("symbol", "name", "asset_class", "share_source", "share_id", "lag_basis", "share_lag_sessions")
    return pl.DataFrame(
        [[getattr(asset, column) for column in columns] for asset in cross_asset_settings(settings).universe],
        schema=dict.fromkeys(columns, pl.String) | {"share_lag_sessions": pl.Int32},
        orient="row",
    )


def benchmark_symbol(settings: Settings) -> str:
    """The asset that others are measured against: that of the settings, else the first of the universe."""
    part = cross_asset_settings(settings)
    return part.benchmark or part.symbols[0]


def universe_rows(warehouse: Warehouse, settings: Settings, name: str) -> pl.DataFrame:
    """Rows of a table with a symbol, those of the universe; others may be stored from earlier settings."""
    symbols = list(cross_asset_settings(settings).symbols)
    return warehouse.accepted(name, where="list_contains(?, symbol)", params=[symbols])


def coin_supply(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Daily supply of the universe's coins that the market-cap part follows (see `daily_supply`)."""
    coins = universe(settings).filter(pl.col("share_source") == "supply").rename({"share_id": "coin_id"})
    return daily_supply(_observations(warehouse, coins["coin_id"].to_list()), coins)


def stablecoin_observations(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """``coin_id, ts, market_cap_usd, price_usd`` of the stablecoins that the market-cap part follows."""
    return _observations(warehouse, stablecoins(warehouse, settings))


def stablecoins(warehouse: Warehouse, settings: Settings) -> list[str]:
    """Coins that the category of stablecoins has ever listed, in either part, and those that it is known to omit."""
    source = settings.source
    listed = warehouse.query(
        "select coin_id from accepted.narrative_members where narrative = ? and is_reserve is not true"
        " union select coin_id from accepted.excluded_coins where category = ? order by coin_id",
        [source.stablecoin_category, _STABLECOINS_OF_EXCHANGES],
    )["coin_id"].to_list()
    # Where nothing is listed, nothing is known of stablecoins as a whole.
    return sorted({*listed, *source.unlisted_stablecoins}) if listed else []


def released_figures(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Figures that were doubted as slips of unit until later ones bore them out.

    Returns:
        symbol, session, released_at (the day of the later figure), column_name.
    """
    shares, actions, bars = (
        universe_rows(warehouse, settings, name)
        for name in ("raw.shares_outstanding", "raw.corporate_actions", "raw.daily_bars")
    )  # fmt: skip
    coins = universe(settings).filter(pl.col("share_source") == "supply").rename({"share_id": "coin_id"})
    observed = cap_slips(_observations(warehouse, coins["coin_id"].to_list()))
    of_coins = observed.join(coins, on="coin_id").select(
        "symbol", pl.col("ts").dt.date().alias("session"), "column_name", pl.col("released_at").dt.date()
    )
    columns = of_coins.columns
    found = (share_slips(shares, actions, bars), close_slips(bars, shares, actions))
    return pl.concat([of_coins, *(slips.select(columns) for slips in found)]).drop_nulls("released_at")


def _observations(warehouse: Warehouse, coins: list[str]) -> pl.DataFrame:
    return warehouse.accepted(
        "raw.market_caps",
        columns=["coin_id", "ts", "market_cap_usd", "price_usd"],
        where="list_contains(?, coin_id)",
        params=[coins],
    )
