"""The daily snapshot of all categories: a figure nobody serves for a past day, so each day without it is lost."""

from __future__ import annotations

import logging
from datetime import timedelta

import polars as pl

from marketflows_pipeline.errors import ProviderError
from marketflows_pipeline.ingest.fetch_log import FetchLog, Request
from marketflows_pipeline.ingest.first_seen import day_of
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table

log = logging.getLogger(__name__)

CATEGORIES = Request("categories")
# A service that fails every hour is not waited for every hour.
RETRY_FAILED_AFTER = timedelta(hours=3)
# What nothing else needs leaves most of the time that the service may be waited for to what the run is for.
LONGEST_WAIT_S = 30.0


def record_categories(run: RunContext) -> None:
    """Store all categories as of now, once a UTC day. A failure is a warning: nothing else needs them.

    Raises:
        CreditsExhaustedError: if the month's credits are used up.
    """
    asked = FetchLog(run, timedelta(0))
    last = asked.last_served(CATEGORIES)
    # Not `is_due`, which --refresh overrides: a second snapshot of a day would spend a credit that nobody reserved.
    if (last is not None and last >= day_of(run.started_at)) or _failed_lately(run):
        return
    with asked.counting():
        try:
            with run.waits.of(run.provider.name).at_most(LONGEST_WAIT_S):
                rows = run.provider.categories()
        except ProviderError as error:
            log.warning("the day's categories are not stored yet: %s", error)
            asked.record(CATEGORIES, "failed", note=str(error))
            return
        entry = table("raw.category_snapshots")
        moment = pl.lit(run.started_at).cast(entry.polars_schema["observed_at"])
        with run.warehouse.transaction():
            merged = run.warehouse.merge(
                entry.name, rows.with_columns(moment.alias("observed_at")).select(entry.column_names)
            )
            asked.record(CATEGORIES, "complete" if rows.height else "empty", served=rows.height, new=merged.inserted)
    log.debug("%d categories", rows.height)


def _failed_lately(run: RunContext) -> bool:
    failed = run.warehouse.read(
        "meta.fetches",
        columns=["attempted_at"],
        where="dataset = ? and outcome = 'failed' and attempted_at > ?",
        params=[CATEGORIES.dataset, run.started_at - RETRY_FAILED_AFTER],
    )
    return not failed.is_empty()
