"""Hourly ingest of the exchange part: the list of exchanges, trending coins, the overview of reserves."""

from __future__ import annotations

import logging

import polars as pl

from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.providers.protocols.exchanges import ExchangeVolumeProvider, ReservesProvider

log = logging.getLogger(__name__)

# CoinGecko's id: trending coins and their market figures are its own, whatever the market-cap provider.
BITCOIN = "bitcoin"
_MARKET_FIGURES = ("market_cap_usd", "volume_24h_usd", "price_usd", "price_change_24h_pct")


def refresh_hour(
    volumes: ExchangeVolumeProvider, reserves: ReservesProvider, writer: RawWriter, *, service: str
) -> None:
    """Fetch what changes every hour: three calls for volumes, one for reserves.

    When the month's credits are used up, the rest goes on and the volumes stay as of their last fetch. Sources name the
    volumes' service as ``service``.

    Raises:
        ProviderError: if a service fails for good. Everything fetched before stays.
    """
    try:
        listing = volumes.exchanges_page(1)
        store_listing(writer, listing, is_full=False)
        n_trending = _refresh_trending(volumes, writer, service)
        log.info("%d exchanges listed, %d coins trending", listing.height, n_trending)
    except CreditsExhaustedError as error:
        log.warning("%s. Exchange volumes stay as of their last fetch", str(error).rstrip("."))
    overview = reserves.cexs()
    measured = overview.exchanges["current_tvl_usd"].count()
    with writer.warehouse.transaction():
        writer.store("raw.cex_snapshots", overview.exchanges)
        _store_centralised(writer, overview.centralised_ids)
    log.info("%d centralised exchanges, %d of them with known reserves", overview.exchanges.height, measured)


def store_listing(writer: RawWriter, listing: pl.DataFrame, *, is_full: bool) -> None:
    """Store a list of exchanges as observed now."""
    rows = listing.unique("exchange_id", keep="first", maintain_order=True)
    writer.store(
        "raw.exchanges",
        rows.with_columns(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("position"),
            pl.lit(is_full).alias("is_full_listing"),
        ),
    )


def _refresh_trending(volumes: ExchangeVolumeProvider, writer: RawWriter, service: str) -> int:
    trending = volumes.trending().unique("coin_id", keep="first", maintain_order=True)
    markets = volumes.markets_by_ids([*trending["coin_id"], BITCOIN]).rename({"volume_usd": "volume_24h_usd"})
    _store_bitcoin_price(writer, markets)
    figures = markets.select(
        "coin_id", "last_updated", "source", *(pl.col(name).alias(f"{name}_of_markets") for name in _MARKET_FIGURES)
    )
    joined = trending.join(figures, on="coin_id", how="left", maintain_order="left")
    has_market = pl.col("source").is_not_null()
    writer.store(
        "raw.trending_coins",
        joined.with_columns(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("position"),
            pl.col("source").fill_null(f"{service}:trending"),
            # One source for all figures of a row: a cap of one response over a volume of another is no ratio.
            *(pl.when(has_market).then(f"{name}_of_markets").otherwise(name).alias(name) for name in _MARKET_FIGURES),
        ),
    )
    return trending.height


def _store_bitcoin_price(writer: RawWriter, markets: pl.DataFrame) -> None:
    """Store bitcoin's own price; where the response has none, the last known one may do."""
    own = markets.filter(pl.col("coin_id") == BITCOIN, pl.col("price_usd") > 0)
    if own.is_empty():
        log.warning("no price of bitcoin in the response: volumes in dollars use the last one of 26 hours, if any")
        return
    writer.store("raw.bitcoin_prices", own)


def _store_centralised(writer: RawWriter, ids: tuple[str, ...]) -> None:
    if not ids:
        return
    known = writer.warehouse.read("raw.centralised_exchanges", columns=["exchange_id", "first_seen_at"])
    moment = pl.lit(writer.moment).cast(known.schema["first_seen_at"])
    seen = pl.DataFrame({"exchange_id": sorted(set(ids))}).join(known, on="exchange_id", how="left")
    seen = seen.with_columns(pl.col("first_seen_at").fill_null(moment), moment.alias("last_seen_at"))
    writer.store("raw.centralised_exchanges", seen)
