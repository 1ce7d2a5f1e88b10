"""What the exchange part asks for every hour: the list of exchanges, trending coins, the overview of reserves."""

from __future__ import annotations

import logging

import polars as pl

from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.providers.protocols.exchanges import ReservesProvider
from marketflows_pipeline.queries.exchanges import source_prefix
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table

log = logging.getLogger(__name__)

BITCOIN = "bitcoin"
_TIME = pl.Datetime("us", "UTC")
_MARKET_FIGURES = ("market_cap_usd", "volume_24h_usd", "price_usd", "price_change_24h_pct")


def refresh_hour(run: RunContext, reserves: ReservesProvider) -> None:
    """Bring what is cheap up to now: three CoinGecko calls, one DefiLlama call.

    When the month's credits are used up, the rest goes on and the volumes stay as of their last answer.

    Raises:
        ProviderError: if a service fails for good. Everything fetched before stays.
    """
    try:
        listing = run.volumes.exchanges_page(1)
        store_listing(run, listing, is_full=False)
        n_trending = _refresh_trending(run)
        log.info("%d exchanges listed, %d coins trending", listing.height, n_trending)
    except CreditsExhaustedError as error:
        log.warning("%s. Exchange volumes stay as of their last answer", str(error).rstrip("."))
    overview = reserves.cexs()
    measured = overview.exchanges["current_tvl_usd"].count()
    with run.warehouse.transaction():
        _merge(run, "raw.cex_snapshots", overview.exchanges.with_columns(_now(run, "observed_at")))
        _store_centralised(run, overview.centralised_ids)
    log.info("%d centralised exchanges, %d of them with known reserves", overview.exchanges.height, measured)


def store_listing(run: RunContext, listing: pl.DataFrame, *, is_full: bool) -> None:
    """Keep a list of exchanges as observed now."""
    rows = listing.unique("exchange_id", keep="first", maintain_order=True)
    _merge(
        run,
        "raw.exchanges",
        rows.with_columns(
            _now(run, "observed_at"),
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("position"),
            pl.lit(is_full).alias("is_full_listing"),
        ),
    )


def _refresh_trending(run: RunContext) -> int:
    trending = run.volumes.trending().unique("coin_id", keep="first", maintain_order=True)
    markets = run.volumes.markets_by_ids([*trending["coin_id"], BITCOIN]).rename({"volume_usd": "volume_24h_usd"})
    _store_bitcoin_price(run, markets)
    figures = markets.select(
        "coin_id", "last_updated", "source", *(pl.col(name).alias(f"{name}_of_markets") for name in _MARKET_FIGURES)
    )
    joined = trending.join(figures, on="coin_id", how="left", maintain_order="left")
    has_market = pl.col("source").is_not_null()
    _merge(
        run,
        "raw.trending_coins",
        joined.with_columns(
            _now(run, "observed_at"),
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("position"),
            pl.col("source").fill_null(f"{source_prefix(run)}:trending"),
            # One source for all figures of a row: a cap of one answer over a volume of another is no ratio.
            *(pl.when(has_market).then(f"{name}_of_markets").otherwise(name).alias(name) for name in _MARKET_FIGURES),
        ),
    )
    return trending.height


def _store_bitcoin_price(run: RunContext, markets: pl.DataFrame) -> None:
    """Keep bitcoin's own price; where the answer has none, the last one known may do."""
    own = markets.filter(pl.col("coin_id") == BITCOIN, pl.col("price_usd") > 0)
    if own.is_empty():
        log.warning("no price of bitcoin in the answer: volumes in dollars go by the last of 26 hours, if any")
        return
    _merge(run, "raw.bitcoin_prices", own.with_columns(_now(run, "observed_at")))


def _store_centralised(run: RunContext, ids: tuple[str, ...]) -> None:
    if not ids:
        return
    known = run.warehouse.read("raw.centralised_exchanges", columns=["exchange_id", "first_seen_at"])
    seen = pl.DataFrame({"exchange_id": sorted(set(ids))}).join(known, on="exchange_id", how="left")
    moment = pl.lit(run.started_at).cast(_TIME)
    run.warehouse.merge(
        "raw.centralised_exchanges",
        seen.select("exchange_id", pl.col("first_seen_at").fill_null(moment), moment.alias("last_seen_at")),
    )


def _now(run: RunContext, name: str) -> pl.Expr:
    return pl.lit(run.started_at).cast(_TIME).alias(name)


def _merge(run: RunContext, name: str, rows: pl.DataFrame) -> None:
    stamped = rows.with_columns(pl.lit(run.clock.now()).cast(_TIME).alias("fetched_at"))
    run.warehouse.merge(name, stamped.select(table(name).column_names))
