"""Raw tables of prices, shares and volatility, as the services send them."""

from collections.abc import Iterator

import dagster as dg

from marketflows_pipeline.assets.fetching import faulty_rows_quarantined, retry_once
from marketflows_pipeline.assets.io_manager import table_name
from marketflows_pipeline.assets.tables import table_spec
from marketflows_pipeline.clients import Clients
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.publish import begin_part

PRICE_SOURCE = dg.AssetSpec(
    dg.AssetKey(["yahoo", "api"]),
    description="Yahoo's chart endpoint: daily bars, dividends and splits. Unofficial; for personal use.",
    group_name="sources",
    kinds={"api"},
)
ISSUER_SOURCE = dg.AssetSpec(
    dg.AssetKey(["issuers", "files"]),
    description="Files of the funds' issuers (State Street, BlackRock, SPDR Gold): shares outstanding and NAV.",
    group_name="sources",
    kinds={"api"},
)
VOLATILITY_SOURCE = dg.AssetSpec(
    dg.AssetKey(["cboe", "files"]),
    description="Cboe's files of VIX and VIX3M, FRED's where those fail.",
    group_name="sources",
    kinds={"api"},
)

RAW_SOURCES = {
    "raw.daily_bars": PRICE_SOURCE,
    "raw.corporate_actions": PRICE_SOURCE,
    "raw.shares_outstanding": ISSUER_SOURCE,
    "raw.volatility_index": VOLATILITY_SOURCE,
}


@dg.multi_asset(
    name="ingest_cross_asset",
    # Nothing is yielded, and all that follows is skipped, where the settings have no [cross_asset].
    specs=[
        table_spec(name, deps=(source.key,)).replace_attributes(skippable=True) for name, source in RAW_SOURCES.items()
    ],
    op_tags={"dagster/priority": "-2"},
)
def ingest_cross_asset(
    context: dg.AssetExecutionContext, run: dg.ResourceParam[RunContext], clients: dg.ResourceParam[Clients]
) -> Iterator[dg.MaterializeResult[None]]:
    """Fetch bars, shares and volatility up to the last session, once a day."""
    from marketflows_pipeline.ingest.cross_asset.daily import refresh_cross_asset  # noqa: PLC0415 (other runs need not load it)

    settings = run.settings.cross_asset
    if settings is None:
        context.log.info("no [cross_asset] in the settings: nothing is fetched")
        return
    warehouse = run.warehouse
    begin_part(warehouse, "cross_asset", run.run_id, run.started_at)
    with faulty_rows_quarantined(warehouse, "cross_asset", run.clock), retry_once(context, clients.waits):
        refresh_cross_asset(
            clients.cross_asset,
            RawWriter(warehouse, run.clock, run.started_at),
            settings,
            run.reporter,
            refetch=run.options.asks_again,
        )
    counts = warehouse.row_counts()
    for key in context.selected_asset_keys:
        name = table_name(key)
        newest = warehouse.query(f"select max({table(name).as_of}) as at from {accepted_name(name)}")  # noqa: S608
        yield dg.MaterializeResult(
            asset_key=key, metadata={"dagster/row_count": counts.get(name, 0), "as_of": str(newest.item())}
        )
