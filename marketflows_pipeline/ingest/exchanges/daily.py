"""Daily ingest of the exchange part: the full list, volume charts, protocols, reserves of tracked exchanges."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from marketflows_pipeline.errors import (
    CreditsExhaustedError,
    UserInputError,
)
from marketflows_pipeline.ingest.budget import PAGE_SIZE
from marketflows_pipeline.ingest.exchanges.hourly import store_listing
from marketflows_pipeline.ingest.exchanges.kinds import refresh_kinds
from marketflows_pipeline.ingest.fetch_log import DayReport, FetchLog, Request
from marketflows_pipeline.ingest.first_seen import BALANCES, VOLUMES, day_of, with_first_seen
from marketflows_pipeline.ingest.one_by_one import ask_one_by_one
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.protocols.exchanges import ReservesHistory, ReservesProvider
from marketflows_pipeline.queries.categories import stored_categories
from marketflows_pipeline.queries.exchanges import exchange_settings, known_exchanges
from marketflows_pipeline.queries.market_caps import members_of_today
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.settings.faults import fault_line
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches
from marketflows_pipeline.transforms.exchanges.id_map import unknown_tracked
from marketflows_pipeline.warehouse.revisions import Provenance

log = logging.getLogger(__name__)

# The record of the day that just ended is in by then.
DAY_BEGINS_AT = timedelta(hours=1)
CHART_DAYS = 90
MAX_LISTING_PAGES = 40

_TIME = pl.Datetime("us", "UTC")


def refresh_day(run: RunContext, reserves: ReservesProvider) -> DayReport:
    """Bring what is dear up to this day: what is answered already is not asked again before the next one.

    Raises:
        UserInputError: if a tracked exchange of the settings is known to neither service.
        ProviderError: if a service fails for good. Everything fetched before stays.
    """
    asked = FetchLog(run, DAY_BEGINS_AT)
    try:
        _refresh_listing(run, asked)
        _refresh_excluded(run, asked)
    except CreditsExhaustedError as error:
        log.warning("%s. The full list of exchanges stays as of its last answer", str(error).rstrip("."))
    _refresh_protocols(run, reserves, asked)
    exchanges = known_exchanges(run)
    _refuse_unknown(run, exchanges)
    tracked = exchanges.filter("is_tracked")
    # Ids that the list never held are of derivatives exchanges, whose charts are not spot volume.
    listed = run.warehouse.query("select distinct exchange_id from accepted.exchanges")
    spot = tracked.join(listed, on="exchange_id", how="semi")
    _refresh_charts(run, spot["exchange_id"].sort().to_list(), asked)
    _refresh_reserves(run, reserves, tracked["defillama_slug"].drop_nulls().sort().to_list(), asked)
    refresh_kinds(run, asked)
    return asked.report


def _refresh_listing(run: RunContext, asked: FetchLog) -> None:
    request = Request("listing")
    if not asked.is_due(request):
        return
    pages: list[pl.DataFrame] = []
    is_full = True
    with asked.counting():
        # All pages or none: half a list would look like a market half the size.
        while is_full and len(pages) < MAX_LISTING_PAGES:
            with counting_left_out() as left_out:
                pages.append(run.volumes.exchanges_page(len(pages) + 1))
            is_full = pages[-1].height + left_out.total() >= PAGE_SIZE
        listing = pl.concat(pages)
        store_listing(run, listing, is_full=True)
        asked.record(request, "complete", served=listing.height)
    asked.report.answered += 1
    log.info("%d exchanges in the full list", listing["exchange_id"].n_unique())


def _refresh_excluded(run: RunContext, asked: FetchLog) -> None:
    for slug in exchange_settings(run).whale_exclude_categories:
        request = Request("excluded_category", slug)
        if not asked.is_due(request):
            continue
        with asked.answer(request):
            coins = members_of_today(run, slug)
            if coins is None:
                coins = run.volumes.category_members(stored_categories(run).today(slug))["coin_id"].unique().sort()
            if asked.has_left_out:
                # A malformed row does not say that its coin has left the category.
                coins = pl.concat([coins, _last_excluded(run, slug)]).unique().sort()
            rows = pl.DataFrame({"coin_id": coins}).with_columns(
                _now(run).alias("observed_at"), pl.lit(slug).alias("category"), _fetched(run)
            )
            merged = run.warehouse.merge("raw.excluded_coins", rows.select(table("raw.excluded_coins").column_names))
            asked.record(request, "complete" if len(coins) else "empty", served=len(coins), new=merged.inserted)


def _last_excluded(run: RunContext, slug: str) -> pl.Series:
    return run.warehouse.query(
        "select coin_id from accepted.excluded_coins where category = ? qualify observed_at = max(observed_at) over ()",
        [slug],
    )["coin_id"]


def _refresh_protocols(run: RunContext, reserves: ReservesProvider, asked: FetchLog) -> None:
    request = Request("protocols")
    if not asked.is_due(request):
        return
    with asked.answer(request):
        rows = reserves.exchange_protocols()
        stamped = rows.with_columns(_now(run).alias("observed_at"), _fetched(run))
        merged = run.warehouse.merge("raw.protocols", stamped.select(table("raw.protocols").column_names))
        asked.record(request, "complete" if rows.height else "empty", served=rows.height, new=merged.inserted)
        log.info("%d protocols of exchanges", rows.height)


def _refuse_unknown(run: RunContext, exchanges: pl.DataFrame) -> None:
    """A misspelt id is told once both services have said all that they know."""
    settings = exchange_settings(run)
    unknown = unknown_tracked(exchanges, settings.tracked)
    listed = run.warehouse.query("select count(*) as n from accepted.exchanges where is_full_listing").item()
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
        lines.append(fault_line(run.config, "exchanges.tracked", name, expected))
    raise UserInputError("\n".join(lines))


def _refresh_charts(run: RunContext, exchange_ids: list[str], asked: FetchLog) -> None:
    requests = [Request("volume_chart", name) for name in exchange_ids]
    due = [request for request in requests if _is_chart_due(run, request, asked)]
    asked.report.waiting = ask_one_by_one(
        run,
        asked,
        due,
        lambda request: _fetch_chart(run, request, asked),
        title="Fetching volume charts",
    )
    if asked.report.waiting:
        log.warning("%d volume charts wait for credits", asked.report.waiting)


def _is_chart_due(run: RunContext, request: Request, asked: FetchLog) -> bool:
    """Whether a chart was never had, or days are missing that the last one could not hold yet."""
    if not asked.is_due(request):
        return False
    last = asked.last_served(request)
    if last is None or asked.is_refused(request):
        return True
    since = max(run.started_at - timedelta(days=CHART_DAYS - 1), last - timedelta(days=1)).date()
    days = run.warehouse.query(
        "select distinct day from (select exchange_id, cast(ts as date) as day from accepted.exchange_volumes union all"
        " select exchange_id, cast(observed_at as date) from accepted.exchanges where volume_24h_btc is not null)"
        " where exchange_id = ? and day between ? and ?",
        [request.target, since, run.started_at.date() - timedelta(days=1)],
    )
    return days.height < (run.started_at.date() - since).days


def _fetch_chart(run: RunContext, request: Request, asked: FetchLog) -> None:
    chart = run.volumes.volume_chart(request.target, CHART_DAYS)
    rows = chart.unique(["exchange_id", "ts"], keep="last").with_columns(_fetched(run))
    rows = with_first_seen(rows, VOLUMES)
    with run.warehouse.transaction():
        merged = run.warehouse.merge(
            "raw.exchange_volumes",
            rows.select(table("raw.exchange_volumes").column_names),
            provenance=_provenance(run, "volume_chart", asked.last_served(request)),
        )
        asked.record(
            request,
            "complete" if rows.height else "empty",
            served=chart.height,
            new=merged.inserted,
            revised=merged.revised,
        )


def _refresh_reserves(run: RunContext, reserves: ReservesProvider, slugs: list[str], asked: FetchLog) -> None:
    due = [slug for slug in slugs if asked.is_due(Request("protocol", slug))]
    if not due:
        return
    failed_before = len(asked.report.failed)
    with (
        run.reporter.track("Fetching reserves", len(due)) as advance,
        TemporaryDirectory(prefix="marketflows-", dir=run.warehouse.path.parent) as folder,
    ):
        for slug in due:
            request = Request("protocol", slug)
            with asked.one_of_many(request, len(due)):
                history = reserves.reserves_history(slug, Path(folder))
                served, new, revised = _store_reserves(run, history, asked.last_served(request))
                outcome = "complete" if served else "empty"
                note = None if history.balances.height else "no breakdown by token"
                asked.record(request, outcome, served=served, new=new, revised=revised, note=note)
            advance(1)
    log.info("reserves of %d exchanges are up to date", len(due) - len(asked.report.failed) + failed_before)


def _store_reserves(run: RunContext, history: ReservesHistory, asked_before: datetime | None) -> tuple[int, int, int]:
    """Both tables of one answer in one transaction: rows served, new, revised."""
    tvl = history.tvl.with_columns(_fetched(run))
    balances = with_first_seen(history.balances.with_columns(_fetched(run)), BALANCES)
    provenance = _provenance(run, "reserves", asked_before)
    merged = []
    with run.warehouse.transaction():
        for name, rows in (("raw.cex_tvl", tvl), ("raw.cex_token_balances", balances)):
            merged.append(run.warehouse.merge(name, rows.select(table(name).column_names), provenance=provenance))
    served = history.tvl.height + history.balances.height
    return served, sum(each.inserted for each in merged), sum(each.revised for each in merged)


def _provenance(run: RunContext, cause: str, asked_before: datetime | None) -> Provenance:
    """Days that were over when the same was asked for the last time are closed."""
    closed = None if asked_before is None else day_of(asked_before)
    return Provenance(cause, run.clock.now(), closed)


def _now(run: RunContext) -> pl.Expr:
    return pl.lit(run.started_at).cast(_TIME)


def _fetched(run: RunContext) -> pl.Expr:
    return pl.lit(run.clock.now()).cast(_TIME).alias("fetched_at")
