"""Kinds of exchanges: which of the largest are centralised, requested once each out of free credits."""

from __future__ import annotations

import logging
from collections.abc import Callable

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.ingest.budget import EXCHANGE_KINDS_ASKED, Budget
from marketflows_pipeline.ingest.fetch_log import FetchLog, Request
from marketflows_pipeline.progress import Reporter
from marketflows_pipeline.providers.protocols.exchanges import ExchangeVolumeProvider

log = logging.getLogger(__name__)

DATASET, TABLE = "exchange", "raw.exchange_kinds"

# The largest of the newest full list.
_LARGEST = """
select exchange_id from accepted.exchanges
where observed_at = (select max(observed_at) from accepted.exchanges where is_full_listing)
  and volume_24h_btc is not null
qualify row_number() over (order by volume_24h_btc desc, exchange_id) <= ?
order by volume_24h_btc desc, exchange_id
"""


def refresh_kinds(
    volumes: ExchangeVolumeProvider, fetches: FetchLog, *, budget_now: Callable[[], Budget], reporter: Reporter
) -> None:
    """Fetch the kinds of the largest exchanges, each once, while nothing else waits for credits."""
    if fetches.waiting:
        return
    warehouse = fetches.writer.warehouse
    known = set(warehouse.accepted(TABLE, columns=["exchange_id"])["exchange_id"])
    largest = warehouse.query(_LARGEST, [EXCHANGE_KINDS_ASKED])["exchange_id"]

    def fetch(request: Request) -> None:
        try:
            kind = volumes.is_centralised(request.target)
        except NotFoundError:
            # Gone since the list was made; a retry would not bring it back.
            kind = None
        row = {"exchange_id": [request.target], "is_centralised": pl.Series([kind], dtype=pl.Boolean)}
        fetches.record_served(request, 1, fetches.writer.store(TABLE, pl.DataFrame(row)))

    requests = [Request(DATASET, name) for name in largest if name not in known]
    title = "Fetching kinds of exchanges"
    if waiting := fetches.fetch_each(title, requests, fetch, reporter, budget_now):
        log.warning("the kinds of %d exchanges wait for credits", waiting)
