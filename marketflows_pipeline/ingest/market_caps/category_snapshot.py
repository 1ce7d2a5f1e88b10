"""The daily snapshot of all categories: a figure nobody serves for a past day, so each day without it is lost."""

from __future__ import annotations

import logging
from datetime import timedelta

from marketflows_pipeline.errors import ProviderError
from marketflows_pipeline.ingest.fetch_log import FetchLog, Request, failed_lately
from marketflows_pipeline.ingest.first_seen import day_of
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider

log = logging.getLogger(__name__)

CATEGORIES = Request("categories")
# What nothing else needs leaves most of the time that the service may be waited for to what the run is for.
LONGEST_WAIT_S = 30.0


def snapshot_categories(provider: MarketCapProvider, writer: RawWriter, waits: WaitBudget) -> None:
    """Store all categories as of now, once a UTC day. A failure is a warning: nothing else needs them.

    Raises:
        CreditsExhaustedError: if the month's credits are used up.
    """
    fetches = FetchLog(writer, timedelta(0))
    last = fetches.last_success(CATEGORIES)
    # Not `is_due`, which --refresh overrides: a second snapshot of a day would spend a credit that nobody reserved.
    if (last is not None and last >= day_of(writer.moment)) or failed_lately(
        writer.warehouse, CATEGORIES, writer.moment
    ):
        return
    with fetches.counting():
        try:
            with waits.at_most(LONGEST_WAIT_S):
                rows = provider.categories()
        except ProviderError as error:
            log.warning("the day's categories are not stored yet: %s", error)
            fetches.record(CATEGORIES, "failed", note=str(error))
            return
        with writer.warehouse.transaction():
            merged = writer.store("raw.category_snapshots", rows)
            fetches.record(CATEGORIES, "complete" if rows.height else "empty", served=rows.height, new=merged.inserted)
    log.debug("%d categories", rows.height)
