"""Daily ingest of the exchange part: the full list, volume charts, protocols, reserves of tracked exchanges."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import polars as pl

from marketflows_pipeline.errors import CreditsExhaustedError, UserInputError
from marketflows_pipeline.ingest.budget import PAGE_SIZE, Budget
from marketflows_pipeline.ingest.exchanges.hourly import store_listing
from marketflows_pipeline.ingest.exchanges.kinds import refresh_kinds
from marketflows_pipeline.ingest.fetch_log import FetchLog, Request
from marketflows_pipeline.ingest.first_seen import BALANCES, VOLUMES, with_first_seen
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.progress import Reporter
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.protocols.exchanges import (
    ExchangeVolumeProvider,
    ReservesHistory,
    ReservesProvider,
)
from marketflows_pipeline.queries.categories import stored_categories
from marketflows_pipeline.queries.exchanges import exchange_settings, known_exchanges
from marketflows_pipeline.queries.members import members_of_today
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches
from marketflows_pipeline.system.safe_files import scratch_folder
from marketflows_pipeline.transforms.exchanges.id_map import unknown_tracked
from marketflows_pipeline.warehouse.store import Warehouse

log = logging.getLogger(__name__)

# The record of the day that just ended is published by then.
DAY_BEGINS_AT = timedelta(hours=1)
CHART_DAYS = 90
MAX_LISTING_PAGES = 40


def refresh_day(
    volumes: ExchangeVolumeProvider,
    reserves: ReservesProvider,
    writer: RawWriter,
    settings: Settings,
    *,
    budget_now: Callable[[], Budget],
    reporter: Reporter,
    refetch: bool = False,
) -> None:
    """Fetch what costs most, once a day: a request that succeeded is not due before the next day.

    With ``refetch`` everything is due.

    Raises:
        UserInputError: if a tracked exchange of the settings is known to neither service.
        ProviderError: if a service fails for good. Everything fetched before stays.
    """
    warehouse, fetches = writer.warehouse, FetchLog(writer, DAY_BEGINS_AT, refetch=refetch)
    try:
        _refresh_listing(volumes, fetches)
        _refresh_excluded(volumes, fetches, settings)
    except CreditsExhaustedError as error:
        log.warning("%s. The full list of exchanges stays as of its last fetch", str(error).rstrip("."))
    _refresh_protocols(reserves, fetches)
    exchanges = known_exchanges(warehouse, settings)
    _refuse_unknown(warehouse, settings, exchanges)
    tracked = exchanges.filter("is_tracked")
    # Ids that the list never held are of derivatives exchanges, whose charts are not spot volume.
    listed = warehouse.query("select distinct exchange_id from accepted.exchanges")
    spot = tracked.join(listed, on="exchange_id", how="semi")["exchange_id"].sort()
    charts = [request for name in spot if _is_chart_due(fetches, request := Request("volume_chart", name))]
    fetches.waiting = fetches.fetch_each(
        "Fetching volume charts", charts, partial(_fetch_chart, volumes, fetches), reporter, budget_now
    )
    if fetches.waiting:
        log.warning("%d volume charts wait for credits", fetches.waiting)
    _refresh_reserves(reserves, fetches, tracked["defillama_slug"].drop_nulls().sort(), reporter)
    refresh_kinds(volumes, fetches, budget_now=budget_now, reporter=reporter)


def _refresh_listing(volumes: ExchangeVolumeProvider, fetches: FetchLog) -> None:
    request = Request("listing")
    if not fetches.is_due(request):
        return
    pages: list[pl.DataFrame] = []
    is_full = True
    with fetches.counting():
        # All pages or none: half a list would look like a market half the size.
        while is_full and len(pages) < MAX_LISTING_PAGES:
            with counting_left_out() as left_out:
                pages.append(volumes.exchanges_page(len(pages) + 1))
            is_full = pages[-1].height + left_out.total() >= PAGE_SIZE
        listing = pl.concat(pages)
        store_listing(fetches.writer, listing, is_full=True)
        fetches.record(request, "complete", served=listing.height)
    log.info("%d exchanges in the full list", listing["exchange_id"].n_unique())


def _refresh_excluded(volumes: ExchangeVolumeProvider, fetches: FetchLog, settings: Settings) -> None:
    writer, warehouse = fetches.writer, fetches.writer.warehouse
    for slug in exchange_settings(settings).whale_exclude_categories:
        request = Request("excluded_category", slug)
        if not fetches.is_due(request):
            continue
        with fetches.tolerate_refusal(request):
            # Another provider's categories go by other slugs, and their members by other ids.
            is_shared = settings.is_one_account
            coins = members_of_today(warehouse, settings, slug, writer.moment) if is_shared else None
            if coins is None:
                today = stored_categories(warehouse).today(slug) if is_shared else slug
                coins = volumes.category_members(today)["coin_id"].unique().sort()
            if fetches.has_left_out:
                # A malformed row does not say that its coin has left the category.
                coins = pl.concat([coins, _last_excluded(warehouse, slug)]).unique().sort()
            merged = writer.store(
                "raw.excluded_coins", pl.DataFrame({"coin_id": coins}).with_columns(category=pl.lit(slug))
            )
            fetches.record_served(request, len(coins), merged)


def _last_excluded(warehouse: Warehouse, slug: str) -> pl.Series:
    return warehouse.query(
        "select coin_id from accepted.excluded_coins where category = ? qualify observed_at = max(observed_at) over ()",
        [slug],
    )["coin_id"]


def _refresh_protocols(reserves: ReservesProvider, fetches: FetchLog) -> None:
    request = Request("protocols")
    if not fetches.is_due(request):
        return
    with fetches.tolerate_refusal(request):
        rows = reserves.exchange_protocols()
        fetches.record_served(request, rows.height, fetches.writer.store("raw.protocols", rows))
        log.info("%d protocols of exchanges", rows.height)


def _refuse_unknown(warehouse: Warehouse, settings: Settings, exchanges: pl.DataFrame) -> None:
    """A misspelt id is an error once both services have listed all that they know."""
    unknown = unknown_tracked(exchanges, exchange_settings(settings).tracked)
    listed = warehouse.query("select count(*) as n from accepted.exchanges where is_full_listing").item()
    if not unknown or not listed:
        return
    known = {
        key: names
        for key, *names in exchanges.select("exchange_key", pl.col("name", "defillama_slug").fill_null("")).iter_rows()
    }
    lines = []
    for name in unknown:
        hint = did_you_mean(near_matches(name, known))
        expected = f"expected an exchange id of CoinGecko or a slug of DefiLlama{hint}"
        lines.append(settings.fault_line("exchanges.tracked", name, expected))
    raise UserInputError("\n".join(lines))


def _is_chart_due(fetches: FetchLog, request: Request) -> bool:
    """Whether a chart was never fetched, or days are missing that the last one could not hold yet."""
    if not fetches.is_due(request):
        return False
    last, moment = fetches.last_success(request), fetches.writer.moment
    if last is None or fetches.is_refused(request):
        return True
    since = max(moment - timedelta(days=CHART_DAYS - 1), last - timedelta(days=1)).date()
    days = fetches.writer.warehouse.query(
        "select distinct day from (select exchange_id, cast(ts as date) as day from accepted.exchange_volumes union all"
        " select exchange_id, cast(observed_at as date) from accepted.exchanges where volume_24h_btc is not null)"
        " where exchange_id = ? and day between ? and ?",
        [request.target, since, moment.date() - timedelta(days=1)],
    )
    return days.height < (moment.date() - since).days


def _fetch_chart(volumes: ExchangeVolumeProvider, fetches: FetchLog, request: Request) -> None:
    chart = volumes.volume_chart(request.target, CHART_DAYS)
    rows = fetches.writer.stamped(chart.unique(["exchange_id", "ts"], keep="last"))
    fetches.store(request, {"raw.exchange_volumes": with_first_seen(rows, VOLUMES)}, by_day=True)


def _refresh_reserves(reserves: ReservesProvider, fetches: FetchLog, slugs: pl.Series, reporter: Reporter) -> None:
    due = [request for slug in slugs if fetches.is_due(request := Request("protocol", slug))]
    if not due:
        return
    failed_before = len(fetches.failed)
    with scratch_folder(fetches.writer.warehouse.path) as folder:
        fetch = partial(_fetch_reserves, reserves, fetches, folder)
        fetches.fetch_each("Fetching reserves", due, fetch, reporter)
    log.info("reserves of %d exchanges are up to date", len(due) - len(fetches.failed) + failed_before)


def _fetch_reserves(reserves: ReservesProvider, fetches: FetchLog, folder: Path, request: Request) -> None:
    history = reserves.reserves_history(request.target, folder)
    revised = fetches.writer.stamped(_beside_stored(fetches.writer.warehouse, request.target, history))
    balances = with_first_seen(revised, BALANCES)
    note = None if history.balances.height else "no breakdown by token"
    rows = {"raw.cex_tvl": history.tvl, "raw.cex_token_balances": balances}
    fetches.store(request, rows, cause="reserves", by_day=True, note=note)


def _beside_stored(warehouse: Warehouse, slug: str, history: ReservesHistory) -> pl.DataFrame:
    """The balances of a response, and what they say of stored ones.

    A token that a record of the response no longer names, as after a new label, loses its figures there: it would be
    counted beside what it is called now. Where something malformed was left out, what is absent stays as it is stored.
    """
    balances = history.balances
    stored = warehouse.read("raw.cex_token_balances", columns=balances.columns, where="slug = ?", params=[slug])
    stored = stored.filter(pl.any_horizontal(pl.col(*BALANCES).is_not_null()))
    if history.is_whole:
        gone = stored.join(balances, on=["ts"], how="semi").join(balances, on=["ts", "token"], how="anti")
        return pl.concat([balances, gone.with_columns(pl.lit(None, pl.Float64).alias(name) for name in BALANCES)])
    both = balances.join(stored, on=["ts", "token"], how="left", suffix="_stored", maintain_order="left")
    return both.select(
        pl.coalesce(name, f"{name}_stored").alias(name) if name in BALANCES else pl.col(name)
        for name in balances.columns
    )
