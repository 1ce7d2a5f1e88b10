"""Exchanges as the services give them."""

from collections.abc import Iterator

import dagster as dg

from marketflows_pipeline.assets.fetching import healed, retry_once
from marketflows_pipeline.assets.io_manager import table_name
from marketflows_pipeline.assets.market_caps_raw import SOURCE
from marketflows_pipeline.assets.tables import table_spec
from marketflows_pipeline.ingest.exchanges.daily import refresh_day
from marketflows_pipeline.ingest.exchanges.hourly import refresh_hour
from marketflows_pipeline.ingest.exchanges.reserve_quarantine import quarantine_price_jumps
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.publish import begin_part

RESERVES_SOURCE = dg.AssetSpec(
    dg.AssetKey(["defillama", "api"]),
    description="The DefiLlama API: what the known wallets of exchanges hold, and the TVL of protocols. No key.",
    group_name="sources",
    kinds={"api"},
    metadata={"url": dg.MetadataValue.url("https://api-docs.defillama.com")},
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
    context: dg.AssetExecutionContext, run: dg.ResourceParam[RunContext]
) -> Iterator[dg.MaterializeResult[None]]:
    """Bring the raw tables of exchanges up to now: what is cheap each hour, what is dear once a day."""
    if run.reserves is None:
        context.log.info("no [exchanges] in the settings: nothing is asked")
        return
    asked = {table_name(key) for key in context.selected_asset_keys}
    begin_part(run.warehouse, "exchanges", run.run_id, run.started_at)
    with healed(run, "exchanges"), retry_once(context, run):
        refresh_hour(run, run.reserves)
        if asked & DAILY_TABLES.keys():
            refresh_day(run, run.reserves)
    quarantine_price_jumps(run)
    counts = run.warehouse.row_counts()
    for name in (*HOURLY_TABLES, *DAILY_TABLES):
        if name in asked:
            newest = run.warehouse.query(f"select max({table(name).as_of}) as at from {accepted_name(name)}")  # noqa: S608
            yield dg.MaterializeResult(
                asset_key=dg.AssetKey(name.split(".")),
                metadata={"dagster/row_count": counts.get(name, 0), "as_of": str(newest.item())},
            )
