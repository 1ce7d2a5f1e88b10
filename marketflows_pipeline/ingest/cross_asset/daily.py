"""What the cross-asset part asks for once a day: bars, shares outstanding, volatility indices."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta

import polars as pl

from marketflows_pipeline.clients import CrossAssetClients
from marketflows_pipeline.ingest.fetch_log import DayReport, FetchLog, Request
from marketflows_pipeline.ingest.reject_truncated import refuse_shorter
from marketflows_pipeline.providers.complete_sessions import last_complete_session, last_complete_utc_day
from marketflows_pipeline.providers.fallback import first_that_answers
from marketflows_pipeline.providers.protocols.cross_asset import PriceHistory, PriceProvider, VolatilityProvider
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.settings import Asset, CrossAsset
from marketflows_pipeline.transforms.cross_asset.session_bars import with_open_sessions
from marketflows_pipeline.transforms.cross_asset.shares import new_vintages
from marketflows_pipeline.transforms.cross_asset.unadjusted_prices import rebase_to_current_splits, unadjusted_close
from marketflows_pipeline.warehouse.revisions import Provenance

log = logging.getLogger(__name__)

# New York's bars and closing values are in by then, summer and winter.
DAY_BEGINS_AT = timedelta(hours=22, minutes=30)
# Services revise the last days; what is older changes by splits alone.
ASK_AGAIN_DAYS = 10
INDICES = ("VIX", "VIX3M")

_TIME = pl.Datetime("us", "UTC")


def refresh_cross_asset(run: RunContext, services: CrossAssetClients, settings: CrossAsset) -> DayReport:
    """Bring bars, shares and volatility up to this day; what is answered already is not asked again before the next.

    One asset that cannot be had is warned about and left as it is stored.

    Raises:
        ProviderError: if a service fails for good. Everything fetched before stays.
    """
    asked = FetchLog(run, DAY_BEGINS_AT)
    _refresh_bars(run, services, settings, asked)
    _refresh_shares(run, services, settings, asked)
    _refresh_volatility(run, services, asked)
    return asked.report


def _refresh_bars(run: RunContext, services: CrossAssetClients, settings: CrossAsset, asked: FetchLog) -> None:
    due = [asset for asset in settings.universe if asked.is_due(Request("bars", asset.symbol))]
    with run.reporter.track("Fetching daily bars", len(due)) as advance:
        for asset in due:
            request = Request("bars", asset.symbol)
            with asked.one_of_many(request, len(due)):
                _fetch_bars(run, services, settings.start, asset, asked)
            advance(1)
    if due:
        log.info("daily bars of %d assets are up to date", len(due) - len(asked.report.failed))


def _fetch_bars(run: RunContext, services: CrossAssetClients, start: date, asset: Asset, asked: FetchLog) -> None:
    """Ask for the last days, or for all of it: the first time, after a split, and when the start was moved back."""
    whole = Request("bars_history", f"{asset.symbol} from {start}")
    stored = run.warehouse.accepted("raw.daily_bars", columns=["session"], where="symbol = ?", params=[asset.symbol])
    known = run.warehouse.read("raw.corporate_actions", where="symbol = ?", params=[asset.symbol])
    newest = stored["session"].max()
    since = start
    if asked.last_served(whole) is not None and isinstance(newest, date):
        since = max(start, newest - timedelta(days=ASK_AGAIN_DAYS))
    history = _ask_for_bars(run, services, asset, stored, since)
    if since > start and _has_new_split(history.actions, known):
        # Every close before it has changed.
        log.info("%s was split: its whole history is asked for anew", asset.symbol)
        since = start
        history = _ask_for_bars(run, services, asset, stored, since)
    actions = _accepted_actions(run, known, history.actions)
    now = run.clock.now()
    bars = with_open_sessions(
        unadjusted_close(history.bars, actions),
        run.warehouse.accepted("raw.daily_bars", where="symbol = ?", params=[asset.symbol]),
        last_complete=last_complete_utc_day(now) if asset.is_coin else last_complete_session(now),
    )
    if since == start:
        dropped = run.warehouse.read("raw.daily_bars", where="symbol = ?", params=[asset.symbol]).join(
            bars, on="session", how="anti"
        )
        bars = pl.concat([bars, rebase_to_current_splits(dropped, actions).select(bars.columns)])
    with run.warehouse.transaction():
        cause = "bars_history" if since == start else "bars"
        before = asked.last_served(Request("bars", asset.symbol))
        _merge(run, "raw.corporate_actions", history.actions, cause, before)
        new, revised = _merge(run, "raw.daily_bars", bars, cause, before)
        for request in (Request("bars", asset.symbol), *((whole,) if since == start else ())):
            outcome = "complete" if bars.height else "empty"
            asked.record(request, outcome, served=bars.height, new=new, revised=revised)


def _ask_for_bars(
    run: RunContext, services: CrossAssetClients, asset: Asset, stored: pl.DataFrame, since: date
) -> PriceHistory:
    end = run.started_at.date()

    def answer(provider: PriceProvider) -> PriceHistory:
        history = provider.daily_bars(asset.symbol, asset.provider_symbol, since, end)
        refuse_shorter(stored, history.bars, what=asset.symbol, provider=provider.name, start=since, end=end)
        return history

    history = first_that_answers(services.prices, answer).result
    return with_own_splits(history, services, asset)


def with_own_splits(history: PriceHistory, services: CrossAssetClients, asset: Asset) -> PriceHistory:
    """Splits that the user lists, of any session, beside those of the service, and before one of the same session."""
    if services.own_splits is None:
        return history
    own = services.own_splits.listed_splits(asset.symbol, asset.provider_symbol)
    actions = pl.concat([own, history.actions]).unique(["symbol", "session", "action"], keep="first")
    return PriceHistory(history.bars, actions.sort("session", "action"))


def _accepted_actions(run: RunContext, known: pl.DataFrame, fetched: pl.DataFrame) -> pl.DataFrame:
    """The stored and the fetched actions of one asset, without quarantined ones, which the service goes on telling."""
    key = table("raw.corporate_actions").key
    accepted = run.warehouse.accepted(
        "raw.corporate_actions", where="list_contains(?, symbol)", params=[known["symbol"].unique().to_list()]
    )
    told = fetched.join(known.join(accepted, on=key, how="anti"), on=key, how="anti")
    return pl.concat([accepted.select(fetched.columns), told]).unique(key, keep="last", maintain_order=True)


def _has_new_split(actions: pl.DataFrame, known: pl.DataFrame) -> bool:
    splits = actions.filter(pl.col("action") == "split")
    return not splits.join(known, on=["symbol", "session", "action", "value"], how="anti").is_empty()


def _refresh_shares(run: RunContext, services: CrossAssetClients, settings: CrossAsset, asked: FetchLog) -> None:
    with_issuer = [asset for asset in settings.universe if asset.share_source in services.shares]
    due = [asset for asset in with_issuer if asked.is_due(Request("shares", asset.symbol))]
    with run.reporter.track("Fetching shares outstanding", len(due)) as advance:
        for asset in due:
            request = Request("shares", asset.symbol)
            with asked.one_of_many(request, len(due)):
                _fetch_shares(run, services, asset, asked)
            advance(1)


def _fetch_shares(run: RunContext, services: CrossAssetClients, asset: Asset, asked: FetchLog) -> None:
    issuer = services.shares[asset.share_source]
    stored = run.warehouse.read("raw.shares_outstanding", where="symbol = ?", params=[asset.symbol])
    fetched = issuer.shares_outstanding(asset.symbol, asset.share_id)
    refuse_shorter(stored, fetched, what=f"shares of {asset.symbol}", provider=issuer.name)
    added = new_vintages(stored, fetched)
    restated = added.filter(pl.col("vintage") > 1).height
    with run.warehouse.transaction():
        _merge(run, "raw.shares_outstanding", added, "shares", asked.last_served(Request("shares", asset.symbol)))
        asked.record(
            Request("shares", asset.symbol),
            "complete" if fetched.height else "empty",
            served=fetched.height,
            new=added.height - restated,
            revised=restated,
        )
    if restated:
        log.info("%s restated %d sessions of its shares", asset.symbol, restated)


def _refresh_volatility(run: RunContext, services: CrossAssetClients, asked: FetchLog) -> None:
    due = [name for name in INDICES if asked.is_due(Request("volatility", name))]
    for name in due:
        request = Request("volatility", name)
        with asked.one_of_many(request, len(due)):
            stored = run.warehouse.accepted(
                "raw.volatility_index", columns=["session"], where="index_name = ?", params=[name]
            )

            def answer(provider: VolatilityProvider, name: str = name, stored: pl.DataFrame = stored) -> pl.DataFrame:
                values = provider.volatility_index(name)
                refuse_shorter(stored, values, what=name, provider=provider.name)
                return values

            values = first_that_answers(services.volatility, answer).result
            with run.warehouse.transaction():
                new, revised = _merge(run, "raw.volatility_index", values, "volatility", asked.last_served(request))
                asked.record(request, "complete", served=values.height, new=new, revised=revised)


def _merge(
    run: RunContext, name: str, rows: pl.DataFrame, cause: str, asked_before: datetime | None
) -> tuple[int, int]:
    """Store an answer's rows; how many were new and how many revised. Sessions before the last answer are closed."""
    now = run.clock.now()
    stamped = rows.with_columns(pl.lit(now).cast(_TIME).alias("fetched_at"))
    merged = run.warehouse.merge(
        name, stamped.select(table(name).column_names), provenance=Provenance(cause, now, asked_before)
    )
    return merged.inserted, merged.revised
