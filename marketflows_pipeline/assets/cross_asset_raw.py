"""Prices, shares and volatility as the services give them."""

from collections.abc import Iterator

import dagster as dg

from marketflows_pipeline.assets.fetching import healed, retry_once
from marketflows_pipeline.assets.io_manager import table_name
from marketflows_pipeline.assets.tables import table_spec
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
    context: dg.AssetExecutionContext, run: dg.ResourceParam[RunContext]
) -> Iterator[dg.MaterializeResult[None]]:
    """Bring bars, shares and volatility up to the last session; a day that is answered already is not asked again."""
    from marketflows_pipeline.ingest.cross_asset.daily import refresh_cross_asset  # noqa: PLC0415 (other runs need not load it)

    settings = run.settings.cross_asset
    if settings is None:
        context.log.info("no [cross_asset] in the settings: nothing is asked")
        return
    begin_part(run.warehouse, "cross_asset", run.run_id, run.started_at)
    with healed(run, "cross_asset"), retry_once(context, run):
        refresh_cross_asset(run, run.open_market(), settings)
    counts = run.warehouse.row_counts()
    for key in context.selected_asset_keys:
        name = table_name(key)
        newest = run.warehouse.query(f"select max({table(name).as_of}) as at from {accepted_name(name)}")  # noqa: S608
        yield dg.MaterializeResult(
            asset_key=key, metadata={"dagster/row_count": counts.get(name, 0), "as_of": str(newest.item())}
        )
