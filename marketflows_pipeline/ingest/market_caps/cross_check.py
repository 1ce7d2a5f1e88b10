"""The daily check of market caps against a second provider: one request, of which followed coins are stored."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import polars as pl

from marketflows_pipeline.errors import CreditsExhaustedError, ProviderError
from marketflows_pipeline.ingest.fetch_log import FetchLog, Request, fetch_of_the_day
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.protocols.market_caps import LargestCoins
from marketflows_pipeline.queries.provider_differences import coins_beside, mapped_before
from marketflows_pipeline.transforms.market_caps.provider_differences import checked_coins

log = logging.getLogger(__name__)


def check_against(other: LargestCoins, writer: RawWriter, ids: Mapping[str, str], waits: WaitBudget) -> None:
    """Store the other provider's market caps of followed coins, once a UTC day. A failure is a warning.

    Args:
        other: the second provider; its call counts on its own plan.
        writer: of this run, whose own observations are stored already.
        ids: the other provider's id by coin id, as the settings have them.
        waits: how long that service may be waited for.
    """
    request = Request("cross_check", other.name)

    def store(fetches: FetchLog, page: pl.DataFrame) -> None:
        own = coins_beside(writer.warehouse, writer.moment)
        rows = checked_coins(own, page, chosen=ids, mapped_before=mapped_before(writer.warehouse, other.name))
        with writer.warehouse.transaction():
            merged = writer.store("raw.cross_check_caps", rows.with_columns(provider=pl.lit(other.name)))
            fetches.record_served(request, page.height, merged)
        n_followed = own.drop_nulls("market_cap_usd").height
        log.info("%d of %d coins followed are compared with %s", rows.height, n_followed, other.name)
        for coin in sorted(ids.keys() - set(rows["coin_id"])):
            log.warning("%s: no market cap to compare of %s, or the coin is not followed", other.name, coin)

    if_failed = f"market caps are not compared with those of {other.name} today"
    tolerated = (ProviderError, CreditsExhaustedError)
    fetch_of_the_day(request, writer, waits, other.largest, store, if_failed=if_failed, tolerated=tolerated)
