"""Warehouse queries of the exchange part: newest snapshots, daily records, prices, the map of exchange ids."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.providers.exchange_ids import DEFILLAMA_SLUGS
from marketflows_pipeline.queries.members import excluded_coins
from marketflows_pipeline.settings import Exchanges, Settings
from marketflows_pipeline.transforms.exchanges.id_map import exchange_map
from marketflows_pipeline.warehouse.store import Warehouse

HISTORY = timedelta(days=400)
# The list's first page is fetched every hour, the others once a day, with two hours of grace.
LISTED_WITHIN = timedelta(hours=26)
PRICE_WITHIN = timedelta(hours=26)
WHALE_HISTORY = timedelta(days=62)


def exchange_settings(settings: Settings) -> Exchanges:
    """The settings of the part, which must have some."""
    assert settings.exchanges is not None, "the part runs only where the settings have it"
    return settings.exchanges


def newest_listing(warehouse: Warehouse) -> pl.DataFrame:
    """Rows of raw.exchanges: each exchange at its newest observation within 26 hours of the newest of all."""
    return warehouse.query(
        """
        select * from accepted.exchanges
        where observed_at >= (select max(observed_at) from accepted.exchanges) - to_microseconds(?)
        qualify row_number() over (partition by exchange_id order by observed_at desc) = 1
        """,
        [LISTED_WITHIN // timedelta(microseconds=1)],
    )


def known_exchanges(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """The map of exchange ids (core.exchanges) as of what is stored now."""
    listed = warehouse.query(
        "select exchange_id, arg_max(name, observed_at) as name from accepted.exchanges group by exchange_id"
    )
    return exchange_map(
        listed,
        newest_cexs(warehouse),
        warehouse.query(
            "select exchange_id from accepted.centralised_exchanges"
            " where last_seen_at = (select max(last_seen_at) from accepted.centralised_exchanges)"
        ),
        DEFILLAMA_SLUGS,
        exchange_settings(settings).tracked,
        kinds=warehouse.accepted("raw.exchange_kinds", columns=["exchange_id", "is_centralised"]),
    )


def newest_cexs(warehouse: Warehouse) -> pl.DataFrame:
    """Rows of raw.cex_snapshots of the newest snapshot."""
    return warehouse.accepted(
        "raw.cex_snapshots", where="observed_at = (select max(observed_at) from accepted.cex_snapshots)"
    )


def newest_protocols(warehouse: Warehouse) -> pl.DataFrame:
    """Rows of raw.protocols of the newest snapshot."""
    return warehouse.accepted("raw.protocols", where="observed_at = (select max(observed_at) from accepted.protocols)")


def daily_cexs(warehouse: Warehouse, moment: datetime) -> pl.DataFrame:
    """Rows of raw.cex_snapshots with their ``day``: the last snapshot of each day."""
    return warehouse.query(
        """
        select *, cast(observed_at as date) as day from accepted.cex_snapshots where observed_at >= ?
        qualify observed_at = max(observed_at) over (partition by cast(observed_at as date))
        """,
        [moment - HISTORY],
    )


def volume_charts(warehouse: Warehouse, moment: datetime) -> pl.DataFrame:
    """``exchange_id, ts, volume_24h_btc, source, first_volume_24h_btc, first_seen_at`` of the volume charts."""
    return warehouse.accepted(
        "raw.exchange_volumes",
        columns=["exchange_id", "ts", "volume_24h_btc", "source", "first_volume_24h_btc", "first_seen_at"],
        where="ts >= ?",
        params=[moment - HISTORY],
    )


def listed_volumes(warehouse: Warehouse, moment: datetime, *, service: str) -> pl.DataFrame:
    """``exchange_id, ts, volume_24h_btc, source`` of each exchange's last listing of each day, by `service`."""
    return warehouse.query(
        """
        select exchange_id, observed_at as ts, volume_24h_btc, ? as source
        from accepted.exchanges where observed_at >= ? and volume_24h_btc is not null
        qualify row_number() over (
            partition by exchange_id, cast(observed_at as date) order by observed_at desc
        ) = 1
        """,
        [f"{service}:exchanges", moment - HISTORY],
    )


def full_listings(warehouse: Warehouse, moment: datetime) -> pl.DataFrame:
    """``observed_at, exchange_id, volume_24h_btc`` of the observations that paged to the last exchange."""
    return warehouse.query(
        "select observed_at, exchange_id, volume_24h_btc from accepted.exchanges"
        " where is_full_listing and volume_24h_btc is not null and observed_at >= ?",
        [moment - HISTORY],
    )


def bitcoin_prices(warehouse: Warehouse, settings: Settings, moment: datetime) -> pl.DataFrame:
    """``ts, price_usd`` of a bitcoin by time: its own price as observed, never one inferred from other coins.

    It is as the market-cap provider has it and as the exchange part asked for it. A price that the service dates later
    than the run that fetched it is of that run.
    """
    return warehouse.query(
        """
        select ts, price_usd from accepted.market_caps where coin_id = ? and price_usd is not null and ts >= ?
        union all
        select least(observed_at, last_updated) as ts, price_usd from accepted.bitcoin_prices where observed_at >= ?
        order by ts
        """,
        [settings.source.bitcoin_id, moment - HISTORY, moment - HISTORY],
    )


def bitcoin_price_now(warehouse: Warehouse, settings: Settings, moment: datetime) -> float | None:
    """The newest price of a bitcoin in dollars, or None where none is known of the last 26 hours."""
    recent = bitcoin_prices(warehouse, settings, moment).filter(pl.col("ts") >= moment - PRICE_WITHIN)
    return None if recent.is_empty() else float(recent["price_usd"][-1])


def trending_with_market(warehouse: Warehouse) -> pl.DataFrame:
    """Rows of raw.trending_coins of the newest snapshot, those of coins that the service counts as one of their own.

    It gives no market row for a wrapped, bridged or staked coin, whose volume is that of another.
    """
    newest = "observed_at = (select max(observed_at) from accepted.trending_coins)"
    return warehouse.accepted("raw.trending_coins", where=f"{newest} and not ends_with(source, ':trending')")


def recent_coin_observations(warehouse: Warehouse, moment: datetime) -> pl.DataFrame:
    """``coin_id, ts, market_cap_usd, price_usd, volume_usd`` of the coins that the market-cap part follows."""
    return warehouse.accepted(
        "raw.market_caps",
        columns=["coin_id", "ts", "market_cap_usd", "price_usd", "volume_usd"],
        where="ts >= ?",
        params=[moment - WHALE_HISTORY],
    )


def coins_left_out(warehouse: Warehouse, settings: Settings) -> pl.Series:
    """Coins of the excluded categories, each category as last fetched.

    Those of the market-cap part are among them where it calls coins otherwise than the exchange part does.
    """
    listed = warehouse.query(
        "select coin_id from accepted.excluded_coins where list_contains(?, category)"
        " qualify observed_at = max(observed_at) over (partition by category)",
        [list(exchange_settings(settings).whale_exclude_categories)],
    )["coin_id"]
    own = [] if settings.is_one_account else excluded_coins(warehouse, settings)
    return pl.concat([listed, pl.Series("coin_id", own, pl.String)]).unique()


def slugs_with_balances(warehouse: Warehouse) -> list[str]:
    """Slugs of exchanges whose reserves are known token by token."""
    return warehouse.query("select distinct slug from accepted.cex_token_balances order by slug")["slug"].to_list()
