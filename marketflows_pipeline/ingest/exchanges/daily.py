"""Daily ingest of the exchange part: the full list, volume charts, protocols, reserves of tracked exchanges."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from marketflows_pipeline.errors import (
    CreditsExhaustedError,
    UserInputError,
)
from marketflows_pipeline.ingest.budget import PAGE_SIZE, Budget
from marketflows_pipeline.ingest.exchanges.hourly import store_listing
from marketflows_pipeline.ingest.exchanges.kinds import refresh_kinds
from marketflows_pipeline.ingest.fetch_each import fetch_each
from marketflows_pipeline.ingest.fetch_log import FetchLog, FetchReport, Request
from marketflows_pipeline.ingest.first_seen import BALANCES, VOLUMES, day_of, with_first_seen
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
from marketflows_pipeline.transforms.exchanges.id_map import unknown_tracked
from marketflows_pipeline.warehouse.revisions import Provenance
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
) -> FetchReport:
    """Fetch what costs most, once a day: a request that succeeded is not due before the next day.

    Args:
        volumes: the service of exchange volumes.
        reserves: the service of reserves.
        writer: of the run.
        settings: which exchanges are tracked.
        budget_now: the month's credits at present.
        reporter: shows the progress.
        refetch: whether everything is due.

    Raises:
        UserInputError: if a tracked exchange of the settings is known to neither service.
        ProviderError: if a service fails for good. Everything fetched before stays.
    """
    fetches = FetchLog(writer, DAY_BEGINS_AT, refetch=refetch)
    try:
        _refresh_listing(volumes, writer, fetches)
        _refresh_excluded(volumes, writer, settings, fetches)
    except CreditsExhaustedError as error:
        log.warning("%s. The full list of exchanges stays as of its last fetch", str(error).rstrip("."))
    _refresh_protocols(reserves, writer, fetches)
    exchanges = known_exchanges(writer.warehouse, settings)
    _refuse_unknown(writer.warehouse, settings, exchanges)
    tracked = exchanges.filter("is_tracked")
    # Ids that the list never held are of derivatives exchanges, whose charts are not spot volume.
    listed = writer.warehouse.query("select distinct exchange_id from accepted.exchanges")
    spot = tracked.join(listed, on="exchange_id", how="semi")["exchange_id"].sort().to_list()
    _refresh_charts(volumes, writer, fetches, spot, budget_now=budget_now, reporter=reporter)
    slugs = tracked["defillama_slug"].drop_nulls().sort().to_list()
    _refresh_reserves(reserves, writer, fetches, slugs, reporter)
    refresh_kinds(volumes, writer, fetches, budget_now=budget_now, reporter=reporter)
    return fetches.report


def _refresh_listing(volumes: ExchangeVolumeProvider, writer: RawWriter, fetches: FetchLog) -> None:
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
        store_listing(writer, listing, is_full=True)
        fetches.record(request, "complete", served=listing.height)
    fetches.report.answered += 1
    log.info("%d exchanges in the full list", listing["exchange_id"].n_unique())


def _refresh_excluded(
    volumes: ExchangeVolumeProvider, writer: RawWriter, settings: Settings, fetches: FetchLog
) -> None:
    for slug in exchange_settings(settings).whale_exclude_categories:
        request = Request("excluded_category", slug)
        if not fetches.is_due(request):
            continue
        with fetches.tolerate_refusal(request):
            coins = members_of_today(writer.warehouse, settings, slug, writer.moment)
            if coins is None:
                today = stored_categories(writer.warehouse).today(slug)
                coins = volumes.category_members(today)["coin_id"].unique().sort()
            if fetches.has_left_out:
                # A malformed row does not say that its coin has left the category.
                coins = pl.concat([coins, _last_excluded(writer.warehouse, slug)]).unique().sort()
            rows = pl.DataFrame({"coin_id": coins}).with_columns(pl.lit(slug).alias("category"))
            merged = writer.store("raw.excluded_coins", rows)
            fetches.record(request, "complete" if len(coins) else "empty", served=len(coins), new=merged.inserted)


def _last_excluded(warehouse: Warehouse, slug: str) -> pl.Series:
    return warehouse.query(
        "select coin_id from accepted.excluded_coins where category = ? qualify observed_at = max(observed_at) over ()",
        [slug],
    )["coin_id"]


def _refresh_protocols(reserves: ReservesProvider, writer: RawWriter, fetches: FetchLog) -> None:
    request = Request("protocols")
    if not fetches.is_due(request):
        return
    with fetches.tolerate_refusal(request):
        rows = reserves.exchange_protocols()
        merged = writer.store("raw.protocols", rows)
        fetches.record(request, "complete" if rows.height else "empty", served=rows.height, new=merged.inserted)
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


def _refresh_charts(
    volumes: ExchangeVolumeProvider,
    writer: RawWriter,
    fetches: FetchLog,
    exchange_ids: list[str],
    *,
    budget_now: Callable[[], Budget],
    reporter: Reporter,
) -> None:
    requests = [Request("volume_chart", name) for name in exchange_ids]
    fetches.report.waiting = fetch_each(
        [request for request in requests if _is_chart_due(writer, fetches, request)],
        lambda request: _fetch_chart(volumes, writer, fetches, request),
        fetches=fetches,
        budget_now=budget_now,
        reporter=reporter,
        title="Fetching volume charts",
    )
    if fetches.report.waiting:
        log.warning("%d volume charts wait for credits", fetches.report.waiting)


def _is_chart_due(writer: RawWriter, fetches: FetchLog, request: Request) -> bool:
    """Whether a chart was never fetched, or days are missing that the last one could not hold yet."""
    if not fetches.is_due(request):
        return False
    last = fetches.last_success(request)
    if last is None or fetches.is_refused(request):
        return True
    since = max(writer.moment - timedelta(days=CHART_DAYS - 1), last - timedelta(days=1)).date()
    days = writer.warehouse.query(
        "select distinct day from (select exchange_id, cast(ts as date) as day from accepted.exchange_volumes union all"
        " select exchange_id, cast(observed_at as date) from accepted.exchanges where volume_24h_btc is not null)"
        " where exchange_id = ? and day between ? and ?",
        [request.target, since, writer.moment.date() - timedelta(days=1)],
    )
    return days.height < (writer.moment.date() - since).days


def _fetch_chart(volumes: ExchangeVolumeProvider, writer: RawWriter, fetches: FetchLog, request: Request) -> None:
    chart = volumes.volume_chart(request.target, CHART_DAYS)
    rows = chart.unique(["exchange_id", "ts"], keep="last")
    with writer.warehouse.transaction():
        merged = writer.store(
            "raw.exchange_volumes",
            with_first_seen(writer.stamped(rows), VOLUMES),
            provenance=_provenance("volume_chart", writer, fetches.last_success(request)),
        )
        fetches.record(
            request,
            "complete" if rows.height else "empty",
            served=chart.height,
            new=merged.inserted,
            revised=merged.revised,
        )


def _refresh_reserves(
    reserves: ReservesProvider, writer: RawWriter, fetches: FetchLog, slugs: list[str], reporter: Reporter
) -> None:
    due = [request for slug in slugs if fetches.is_due(request := Request("protocol", slug))]
    if not due:
        return
    failed_before = len(fetches.report.failed)
    with (
        reporter.track("Fetching reserves", len(due)) as advance,
        TemporaryDirectory(prefix="marketflows-", dir=writer.warehouse.path.parent) as folder,
    ):
        for request in due:
            with fetches.tolerate_failure(request, len(due)):
                history = reserves.reserves_history(request.target, Path(folder))
                served, new, revised = _store_reserves(writer, history, fetches.last_success(request))
                outcome = "complete" if served else "empty"
                note = None if history.balances.height else "no breakdown by token"
                fetches.record(request, outcome, served=served, new=new, revised=revised, note=note)
            advance(1)
    log.info("reserves of %d exchanges are up to date", len(due) - len(fetches.report.failed) + failed_before)


def _store_reserves(writer: RawWriter, history: ReservesHistory, last_success: datetime | None) -> tuple[int, int, int]:
    """Both tables of one response in one transaction: rows served, new, revised."""
    balances = with_first_seen(writer.stamped(history.balances), BALANCES)
    provenance = _provenance("reserves", writer, last_success)
    with writer.warehouse.transaction():
        merged = [
            writer.store(name, rows, provenance=provenance)
            for name, rows in (("raw.cex_tvl", history.tvl), ("raw.cex_token_balances", balances))
        ]
    served = history.tvl.height + history.balances.height
    return served, sum(each.inserted for each in merged), sum(each.revised for each in merged)


def _provenance(cause: str, writer: RawWriter, last_success: datetime | None) -> Provenance:
    """Days that were over at the last success are closed."""
    closed = None if last_success is None else day_of(last_success)
    return Provenance(cause, writer.clock.now(), closed)
