"""Which of the largest exchanges are centralised: asked for once each, after everything else, out of what is free."""

from __future__ import annotations

import logging

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.ingest.budget import EXCHANGE_KINDS_ASKED
from marketflows_pipeline.ingest.fetch_log import FetchLog, Request
from marketflows_pipeline.ingest.one_by_one import ask_one_by_one
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table

log = logging.getLogger(__name__)

DATASET, TABLE = "exchange", "raw.exchange_kinds"
_TIME = pl.Datetime("us", "UTC")

# The largest of the newest full list, those that were never answered.
_DUE = """
select exchange_id from accepted.exchanges
where observed_at = (select max(observed_at) from accepted.exchanges where is_full_listing)
  and volume_24h_btc is not null
qualify row_number() over (order by volume_24h_btc desc, exchange_id) <= ?
order by volume_24h_btc desc, exchange_id
"""


def refresh_kinds(run: RunContext, asked: FetchLog) -> None:
    """Ask what kind the largest exchanges are, each once, while nothing else waits for credits."""
    if asked.report.waiting:
        return
    known = set(run.warehouse.accepted(TABLE, columns=["exchange_id"])["exchange_id"])
    largest = run.warehouse.query(_DUE, [EXCHANGE_KINDS_ASKED])["exchange_id"].to_list()
    requests = [Request(DATASET, name) for name in largest if name not in known]
    due = [request for request in requests if asked.is_due(request)]
    waiting = ask_one_by_one(
        run,
        asked,
        due,
        lambda request: _fetch(run, request, asked),
        title="Fetching kinds of exchanges",
    )
    if waiting:
        log.warning("the kinds of %d exchanges wait for credits", waiting)


def _fetch(run: RunContext, request: Request, asked: FetchLog) -> None:
    exchange_id = request.target
    try:
        kind = run.volumes.is_centralised(exchange_id)
    except NotFoundError:
        # Gone since the list was made; asking again would not bring it back.
        kind = None
    fetched_at = pl.lit(run.clock.now()).cast(_TIME)
    row = pl.DataFrame({"exchange_id": [exchange_id], "is_centralised": pl.Series([kind], dtype=pl.Boolean)})
    run.warehouse.merge(TABLE, row.with_columns(fetched_at=fetched_at).select(table(TABLE).column_names))
    asked.record(request, "complete", served=1, new=1)
