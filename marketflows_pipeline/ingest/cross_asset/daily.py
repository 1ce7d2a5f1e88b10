"""Daily ingest of the cross-asset part: bars, shares outstanding, volatility indices."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta

import polars as pl

from marketflows_pipeline.ingest.fetch_log import FetchLog, FetchReport, Request
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.ingest.reject_truncated import reject_truncated
from marketflows_pipeline.progress import Reporter
from marketflows_pipeline.providers.complete_sessions import last_complete_session, last_complete_utc_day
from marketflows_pipeline.providers.fallback import first_that_answers
from marketflows_pipeline.providers.protocols.cross_asset import (
    CrossAssetClients,
    PriceHistory,
    PriceProvider,
    SharesProvider,
    SplitsProvider,
    VolatilityProvider,
)
from marketflows_pipeline.schema import table
from marketflows_pipeline.settings import Asset, CrossAsset
from marketflows_pipeline.transforms.cross_asset.session_bars import with_open_sessions
from marketflows_pipeline.transforms.cross_asset.shares import new_vintages
from marketflows_pipeline.transforms.cross_asset.unadjusted_prices import rebase_to_current_splits, unadjusted_close
from marketflows_pipeline.warehouse.revisions import Provenance
from marketflows_pipeline.warehouse.store import Warehouse

log = logging.getLogger(__name__)

# New York's bars and closing values are published by then, summer and winter.
DAY_BEGINS_AT = timedelta(hours=22, minutes=30)
# Services revise the last days; what is older changes by splits alone.
REFETCH_DAYS = 10
INDICES = ("VIX", "VIX3M")


def refresh_cross_asset(
    clients: CrossAssetClients,
    writer: RawWriter,
    settings: CrossAsset,
    reporter: Reporter,
    *,
    refetch: bool = False,
) -> FetchReport:
    """Fetch bars, shares and volatility, once a day: a request that succeeded is not due before the next day.

    One asset whose request failed is warned about and stays as it is stored.

    Args:
        clients: the services.
        writer: of the run.
        settings: the universe.
        reporter: shows the progress.
        refetch: whether everything is due.

    Raises:
        ProviderError: if a service fails for good. Everything fetched before stays.
    """
    fetches = FetchLog(writer, DAY_BEGINS_AT, refetch=refetch)
    _refresh_bars(clients, writer, settings, fetches, reporter)
    _refresh_shares(clients, writer, settings, fetches, reporter)
    _refresh_volatility(clients, writer, fetches)
    return fetches.report


def _refresh_bars(
    clients: CrossAssetClients, writer: RawWriter, settings: CrossAsset, fetches: FetchLog, reporter: Reporter
) -> None:
    due = [asset for asset in settings.universe if fetches.is_due(Request("bars", asset.symbol))]
    with reporter.track("Fetching daily bars", len(due)) as advance:
        for asset in due:
            with fetches.tolerate_failure(Request("bars", asset.symbol), len(due)):
                _fetch_bars(clients, writer, settings.start, asset, fetches)
            advance(1)
    if due:
        log.info("daily bars of %d assets are up to date", len(due) - len(fetches.report.failed))


def _fetch_bars(clients: CrossAssetClients, writer: RawWriter, start: date, asset: Asset, fetches: FetchLog) -> None:
    """Fetch the last days, or all of it: the first time, after a split, and when the start was moved back."""
    warehouse = writer.warehouse
    whole = Request("bars_history", f"{asset.symbol} from {start}")
    stored = warehouse.accepted("raw.daily_bars", where="symbol = ?", params=[asset.symbol])
    known = warehouse.read("raw.corporate_actions", where="symbol = ?", params=[asset.symbol])
    newest = stored["session"].max()
    since = start
    if fetches.last_success(whole) is not None and isinstance(newest, date):
        since = max(start, newest - timedelta(days=REFETCH_DAYS))
    end = writer.moment.date()
    history = _fetch_prices(clients, asset, stored, since, end)
    if since > start and _has_new_split(history.actions, known):
        # Every close before it has changed.
        log.info("%s was split: its whole history is fetched again", asset.symbol)
        since = start
        history = _fetch_prices(clients, asset, stored, since, end)
    actions = _accepted_actions(warehouse, known, history.actions)
    now = writer.clock.now()
    bars = with_open_sessions(
        unadjusted_close(history.bars, actions),
        stored,
        last_complete=last_complete_utc_day(now) if asset.is_coin else last_complete_session(now),
    )
    if since == start:
        dropped = warehouse.read("raw.daily_bars", where="symbol = ?", params=[asset.symbol]).join(
            bars, on="session", how="anti"
        )
        bars = pl.concat([bars, rebase_to_current_splits(dropped, actions).select(bars.columns)])
    request = Request("bars", asset.symbol)
    provenance = _provenance("bars_history" if since == start else "bars", writer, fetches.last_success(request))
    with warehouse.transaction():
        writer.store("raw.corporate_actions", history.actions, provenance=provenance)
        merged = writer.store("raw.daily_bars", bars, provenance=provenance)
        for each in (request, *((whole,) if since == start else ())):
            outcome = "complete" if bars.height else "empty"
            fetches.record(each, outcome, served=bars.height, new=merged.inserted, revised=merged.revised)


def _fetch_prices(
    clients: CrossAssetClients, asset: Asset, stored: pl.DataFrame, since: date, end: date
) -> PriceHistory:
    def fetch(provider: PriceProvider) -> PriceHistory:
        history = provider.daily_bars(asset.symbol, asset.provider_symbol, since, end)
        reject_truncated(stored, history.bars, what=asset.symbol, provider=provider.name, start=since, end=end)
        return history

    return with_own_splits(first_that_answers(clients.prices, fetch).result, clients.own_splits, asset)


def with_own_splits(history: PriceHistory, own_splits: SplitsProvider | None, asset: Asset) -> PriceHistory:
    """Splits that the user lists, of any session, beside those of the service, and before one of the same session."""
    if own_splits is None:
        return history
    own = own_splits.listed_splits(asset.symbol, asset.provider_symbol)
    actions = pl.concat([own, history.actions]).unique(["symbol", "session", "action"], keep="first")
    return PriceHistory(history.bars, actions.sort("session", "action"))


def _accepted_actions(warehouse: Warehouse, known: pl.DataFrame, fetched: pl.DataFrame) -> pl.DataFrame:
    """The stored and the fetched actions of one asset, without quarantined ones, which the service keeps listing."""
    key = table("raw.corporate_actions").key
    accepted = warehouse.accepted(
        "raw.corporate_actions", where="list_contains(?, symbol)", params=[known["symbol"].unique().to_list()]
    )
    others = fetched.join(known.join(accepted, on=key, how="anti"), on=key, how="anti")
    return pl.concat([accepted.select(fetched.columns), others]).unique(key, keep="last", maintain_order=True)


def _has_new_split(actions: pl.DataFrame, known: pl.DataFrame) -> bool:
    splits = actions.filter(pl.col("action") == "split")
    return not splits.join(known, on=["symbol", "session", "action", "value"], how="anti").is_empty()


def _refresh_shares(
    clients: CrossAssetClients, writer: RawWriter, settings: CrossAsset, fetches: FetchLog, reporter: Reporter
) -> None:
    with_issuer = [asset for asset in settings.universe if asset.share_source in clients.shares]
    due = [asset for asset in with_issuer if fetches.is_due(Request("shares", asset.symbol))]
    with reporter.track("Fetching shares outstanding", len(due)) as advance:
        for asset in due:
            with fetches.tolerate_failure(Request("shares", asset.symbol), len(due)):
                _fetch_shares(clients.shares[asset.share_source], writer, asset, fetches)
            advance(1)


def _fetch_shares(issuer: SharesProvider, writer: RawWriter, asset: Asset, fetches: FetchLog) -> None:
    request = Request("shares", asset.symbol)
    stored = writer.warehouse.read("raw.shares_outstanding", where="symbol = ?", params=[asset.symbol])
    fetched = issuer.shares_outstanding(asset.symbol, asset.share_id)
    reject_truncated(stored, fetched, what=f"shares of {asset.symbol}", provider=issuer.name)
    added = new_vintages(stored, fetched)
    restated = added.filter(pl.col("vintage") > 1).height
    provenance = _provenance("shares", writer, fetches.last_success(request))
    with writer.warehouse.transaction():
        writer.store("raw.shares_outstanding", added, provenance=provenance)
        fetches.record(
            request,
            "complete" if fetched.height else "empty",
            served=fetched.height,
            new=added.height - restated,
            revised=restated,
        )
    if restated:
        log.info("%s restated %d sessions of its shares", asset.symbol, restated)


def _refresh_volatility(clients: CrossAssetClients, writer: RawWriter, fetches: FetchLog) -> None:
    due = [name for name in INDICES if fetches.is_due(Request("volatility", name))]
    for name in due:
        with fetches.tolerate_failure(Request("volatility", name), len(due)):
            _fetch_index(clients, writer, name, fetches)


def _fetch_index(clients: CrossAssetClients, writer: RawWriter, name: str, fetches: FetchLog) -> None:
    request = Request("volatility", name)
    stored = writer.warehouse.accepted(
        "raw.volatility_index", columns=["session"], where="index_name = ?", params=[name]
    )

    def fetch(provider: VolatilityProvider) -> pl.DataFrame:
        values = provider.volatility_index(name)
        reject_truncated(stored, values, what=name, provider=provider.name)
        return values

    values = first_that_answers(clients.volatility, fetch).result
    provenance = _provenance("volatility", writer, fetches.last_success(request))
    with writer.warehouse.transaction():
        merged = writer.store("raw.volatility_index", values, provenance=provenance)
        fetches.record(request, "complete", served=values.height, new=merged.inserted, revised=merged.revised)


def _provenance(cause: str, writer: RawWriter, last_success: datetime | None) -> Provenance:
    """Sessions before the last success are closed."""
    return Provenance(cause, writer.clock.now(), last_success)
