"""The daily snapshot of all categories: a figure nobody serves for a past day, so each day without it is lost."""

from __future__ import annotations

import logging

import polars as pl

from marketflows_pipeline.ingest.fetch_log import FetchLog, Request, fetch_of_the_day
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider

log = logging.getLogger(__name__)

CATEGORIES = Request("categories")


def snapshot_categories(provider: MarketCapProvider, writer: RawWriter, waits: WaitBudget) -> None:
    """Store all categories as of now, once a UTC day. A failure is a warning: nothing else needs them.

    Raises:
        CreditsExhaustedError: if the month's credits are used up.
    """

    def store(fetches: FetchLog, rows: pl.DataFrame) -> None:
        with writer.warehouse.transaction():
            merged = writer.store("raw.category_snapshots", rows)
            fetches.record_served(CATEGORIES, rows.height, merged)
        log.debug("%d categories", rows.height)

    if_failed = "the day's categories are not stored yet"
    fetch_of_the_day(CATEGORIES, writer, waits, provider.categories, store, if_failed=if_failed)
