"""Raw tables of exchanges, as the services send them."""

from collections.abc import Iterator
from functools import cache

import dagster as dg

from marketflows_pipeline.assets.fetching import ingesting, source_spec, stored_tables
from marketflows_pipeline.assets.market_caps_raw import SOURCE
from marketflows_pipeline.assets.tables import Run, asset_key, table_spec
from marketflows_pipeline.clients import Clients
from marketflows_pipeline.ingest.credits import Credits
from marketflows_pipeline.ingest.exchanges.daily import refresh_day
from marketflows_pipeline.ingest.exchanges.hourly import refresh_hour
from marketflows_pipeline.ingest.exchanges.reserve_quarantine import quarantine_price_jumps
from marketflows_pipeline.queries.tracked_coins import tracked_coins

RESERVES_SOURCE = source_spec(
    "defillama",
    "api",
    description="The DefiLlama API: what the known wallets of exchanges hold, and the TVL of protocols. No key.",
    url="https://api-docs.defillama.com",
)

HOURLY_TABLES = {
    "raw.exchanges": SOURCE,
    "raw.trending_coins": SOURCE,
    "raw.bitcoin_prices": SOURCE,
    "raw.cex_snapshots": RESERVES_SOURCE,
    "raw.centralised_exchanges": RESERVES_SOURCE,
}
DAILY_TABLES = {
    "raw.exchange_volumes": SOURCE,
    "raw.excluded_coins": SOURCE,
    "raw.exchange_kinds": SOURCE,
    "raw.protocols": RESERVES_SOURCE,
    "raw.cex_tvl": RESERVES_SOURCE,
    "raw.cex_token_balances": RESERVES_SOURCE,
}


@dg.multi_asset(
    name="ingest_exchanges",
    specs=[
        # Nothing is yielded, and all that follows is skipped, where the settings have no [exchanges].
        table_spec(name, deps=(source.key,)).replace_attributes(skippable=True)
        for name, source in (HOURLY_TABLES | DAILY_TABLES).items()
    ],
    can_subset=True,
    # After the market caps, whose prices and volumes it uses as they are stored. It must not depend on them: a
    # failure of one part leaves the others alone.
    op_tags={"dagster/priority": "-1"},
)
def ingest_exchanges(
    context: dg.AssetExecutionContext, run: Run, clients: dg.ResourceParam[Clients]
) -> Iterator[dg.MaterializeResult[None]]:
    """Bring the raw tables of exchanges up to now: cheap requests each hour, costly ones once a day."""
    settings = run.settings
    if settings.exchanges is None:
        context.log.info("no [exchanges] in the settings: nothing is fetched")
        return
    warehouse = run.warehouse
    with ingesting(context, run, clients, "exchanges") as writer:
        volumes, reserves = clients.exchange_volumes, clients.reserves
        refresh_hour(volumes, reserves, writer, service=run.volume_service)
        if context.selected_asset_keys & set(map(asset_key, DAILY_TABLES)):
            account = Credits(settings, warehouse, clients.ledger, run.clock)
            n_coins = cache(lambda: tracked_coins(warehouse, settings, run.started_at).height)
            refresh_day(
                volumes,
                reserves,
                writer,
                settings,
                budget_now=lambda: account.exchange_budget(n_coins),
                reporter=run.reporter,
                refetch=run.options.asks_again,
            )
    quarantine_price_jumps(warehouse, run.started_at, run.clock.now())
    yield from stored_tables(context, warehouse)
