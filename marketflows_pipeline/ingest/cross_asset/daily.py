"""Daily ingest of the cross-asset part: bars, shares outstanding, volatility indices."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import TypeVar

import polars as pl

from marketflows_pipeline.errors import TransientProviderError, UnexpectedResponseError
from marketflows_pipeline.ingest.fetch_log import FetchLog, Request
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.ingest.reject_truncated import reject_truncated
from marketflows_pipeline.progress import Reporter
from marketflows_pipeline.providers.complete_sessions import last_complete_session, last_complete_utc_day
from marketflows_pipeline.providers.fallback import first_that_answers
from marketflows_pipeline.providers.protocols.cross_asset import (
    CrossAssetClients,
    OwnFigures,
    PriceHistory,
    PriceProvider,
    ReferenceProvider,
    VolatilityProvider,
)
from marketflows_pipeline.schema import table
from marketflows_pipeline.settings import Asset, CrossAsset
from marketflows_pipeline.transforms.cross_asset.repeated_actions import repeated_actions
from marketflows_pipeline.transforms.cross_asset.session_bars import with_open_sessions
from marketflows_pipeline.transforms.cross_asset.share_sources import SHARE_SOURCES
from marketflows_pipeline.transforms.cross_asset.shares import new_vintages, restatements
from marketflows_pipeline.transforms.cross_asset.unadjusted_prices import rebase_to_current_splits, unadjusted_close
from marketflows_pipeline.warehouse.revisions import record_corrections
from marketflows_pipeline.warehouse.store import Warehouse

P = TypeVar("P", VolatilityProvider, ReferenceProvider)

log = logging.getLogger(__name__)

# New York's bars and closing values are published by then, summer and winter.
DAY_BEGINS_AT = timedelta(hours=22, minutes=30)
# Services revise the last days; what is older changes by splits alone.
REFETCH_DAYS = 10
INDICES = ("VIX", "VIX3M")
# A series of which only the last years are served loses its oldest sessions day by day; fewer than a year is a fault.
LEAST_SERVED = 250


def refresh_cross_asset(
    clients: CrossAssetClients,
    writer: RawWriter,
    settings: CrossAsset,
    reporter: Reporter,
    *,
    refetch: bool = False,
) -> None:
    """Fetch bars, shares, volatility and reference series: a request that succeeded is not due before the next day.

    One asset whose request failed is warned about and stays as it is stored; so do reference series, which nothing but
    context depends on, where their service fails. With ``refetch`` everything is due.

    Raises:
        ProviderError: if a service fails for good. Everything fetched before stays.
    """
    fetches = FetchLog(writer, DAY_BEGINS_AT, refetch=refetch)
    assets = {asset.symbol: asset for asset in settings.universe}

    bars = [request for symbol in assets if fetches.is_due(request := Request("bars", symbol))]
    fetch_bars = partial(_fetch_bars, clients, settings.start, assets, fetches)
    fetches.fetch_each("Fetching daily bars", bars, fetch_bars, reporter)
    if bars:
        log.info("daily bars of %d assets are up to date", len(bars) - len(fetches.failed))
    shares = [Request("shares", symbol) for symbol, asset in assets.items() if asset.share_source in clients.shares]
    fetches.fetch_each(
        "Fetching shares outstanding", shares, partial(_fetch_shares, clients, assets, fetches), reporter
    )
    indices = [Request("volatility", name) for name in INDICES]
    fetches.fetch_each("Fetching volatility indices", indices, partial(_fetch_index, clients, fetches), reporter)
    if (own := clients.own) is not None:
        of_funds = [asset for asset in assets.values() if not asset.is_coin]
        reported = [
            Request("reported_flows", asset.symbol)
            for asset in of_funds
            if own.has_reported_flows(asset.symbol, asset.provider_symbol)
        ]
        fetch_reported = partial(_fetch_reported, own, assets, fetches)
        fetches.fetch_each("Reading reported flows", reported, fetch_reported, reporter)
    series = [Request("reference", series_id) for series_id in settings.reference_series or ()]
    try:
        fetches.fetch_each("Fetching reference series", series, partial(_fetch_series, clients, fetches), reporter)
    except (TransientProviderError, UnexpectedResponseError) as error:
        log.warning("reference series stay as they are stored: %s", error)


def _fetch_bars(
    clients: CrossAssetClients, start: date, assets: Mapping[str, Asset], fetches: FetchLog, request: Request
) -> None:
    """Fetch the last days, or all of it: the first time, after a split, and when the start was moved back."""
    asset = assets[request.target]
    writer, warehouse = fetches.writer, fetches.writer.warehouse
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
    actions = _accepted_actions(warehouse, known, writer.stamped(history.actions))
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
    provenance = fetches.provenance("bars_history" if since == start else "bars", request)
    with warehouse.transaction():
        writer.store("raw.corporate_actions", history.actions, provenance=provenance)
        merged = writer.store("raw.daily_bars", bars, provenance=provenance)
        for each in (request, *((whole,) if since == start else ())):
            fetches.record_served(each, bars.height, merged)


def _fetch_prices(
    clients: CrossAssetClients, asset: Asset, stored: pl.DataFrame, since: date, end: date
) -> PriceHistory:
    def fetch(provider: PriceProvider) -> PriceHistory:
        history = provider.daily_bars(asset.symbol, asset.provider_symbol, since, end)
        reject_truncated(stored, history.bars, what=asset.symbol, provider=provider.name, start=since, end=end)
        return history

    return with_own_splits(first_that_answers(clients.prices, fetch), clients.own, asset)


def with_own_splits(history: PriceHistory, own: OwnFigures | None, asset: Asset) -> PriceHistory:
    """Splits that the user lists, of any session, beside those of the service, and before one of the same session."""
    if own is None:
        return history
    listed = own.listed_splits(asset.symbol, asset.provider_symbol)
    actions = pl.concat([listed, history.actions]).unique(["symbol", "session", "action"], keep="first")
    return PriceHistory(history.bars, actions.sort("session", "action"))


def _accepted_actions(warehouse: Warehouse, known: pl.DataFrame, fetched: pl.DataFrame) -> pl.DataFrame:
    """The stored and the fetched actions of one asset, each once.

    They are without quarantined ones, which the service keeps listing, and with ``fetched_at``.
    """
    key = table("raw.corporate_actions").key
    accepted = warehouse.accepted(
        "raw.corporate_actions", where="list_contains(?, symbol)", params=[known["symbol"].unique().to_list()]
    )
    others = fetched.join(known.join(accepted, on=key, how="anti"), on=key, how="anti")
    actions = pl.concat([accepted.select(fetched.columns), others]).unique(key, keep="last", maintain_order=True)
    # Those among the stored ones were judged by the quarantine: what it accepts was released by hand.
    repeated = repeated_actions(actions).join(repeated_actions(known), on=key, how="anti")
    return actions.join(repeated, on=key, how="anti", maintain_order="left")


def _has_new_split(actions: pl.DataFrame, known: pl.DataFrame) -> bool:
    splits = actions.filter(pl.col("action") == "split")
    return not splits.join(known, on=["symbol", "session", "action", "value"], how="anti").is_empty()


def _fetch_shares(clients: CrossAssetClients, assets: Mapping[str, Asset], fetches: FetchLog, request: Request) -> None:
    asset, warehouse = assets[request.target], fetches.writer.warehouse
    issuer = clients.shares[asset.share_source]
    stored = warehouse.read("raw.shares_outstanding", where="symbol = ?", params=[asset.symbol])
    fetched = issuer.shares_outstanding(asset.symbol, asset.share_id)
    if not SHARE_SOURCES[asset.share_source].is_snapshot:
        reject_truncated(stored, fetched, what=f"shares of {asset.symbol}", provider=issuer.name)
    added = new_vintages(stored, fetched)
    restated = added.filter(pl.col("vintage") > 1).height
    with warehouse.transaction():
        fetches.writer.store("raw.shares_outstanding", added)
        # A new vintage overwrites nothing; that it says otherwise is a revision all the same.
        changes = restatements(stored, added)
        moment = fetches.writer.clock.now()
        record_corrections(warehouse, "raw.shares_outstanding", changes, cause="shares", seen_at=moment)
        outcome, new = "complete" if fetched.height else "empty", added.height - restated
        fetches.record(request, outcome, served=fetched.height, new=new, revised=restated)
    if restated:
        log.info("%s restated %d sessions of its shares", asset.symbol, restated)


def _fetch_index(clients: CrossAssetClients, fetches: FetchLog, request: Request) -> None:
    def ask(provider: VolatilityProvider) -> pl.DataFrame:
        return provider.volatility_index(request.target)

    _fetch_whole("raw.volatility_index", clients.volatility, ask, fetches, request)


def _fetch_series(clients: CrossAssetClients, fetches: FetchLog, request: Request) -> None:
    def ask(provider: ReferenceProvider) -> pl.DataFrame:
        return provider.reference_series(request.target)

    _fetch_whole("raw.reference_series", clients.reference, ask, fetches, request, may_lose_oldest=True)


def _fetch_whole(
    raw_table: str,
    providers: Sequence[P],
    ask: Callable[[P], pl.DataFrame],
    fetches: FetchLog,
    request: Request,
    *,
    may_lose_oldest: bool = False,
) -> None:
    """Fetch and store the rows whose key begins with the request's target: a whole history.

    Where it ``may_lose_oldest``, the service may serve its oldest days no more.
    """
    column, *_ = table(raw_table).key
    stored = fetches.writer.warehouse.accepted(
        raw_table, columns=["session"], where=f"{column} = ?", params=[request.target]
    )

    def fetch(provider: P) -> pl.DataFrame:
        values = ask(provider)
        begins = values["session"].min() if may_lose_oldest and values.height >= LEAST_SERVED else None
        start = begins if isinstance(begins, date) else None
        reject_truncated(stored, values, what=request.target, provider=provider.name, start=start)
        return values

    fetches.store(request, {raw_table: first_that_answers(providers, fetch)})


def _fetch_reported(own: OwnFigures, assets: Mapping[str, Asset], fetches: FetchLog, request: Request) -> None:
    flows = own.reported_flows(request.target, assets[request.target].provider_symbol)
    fetches.store(request, {"raw.reported_flows": flows})
