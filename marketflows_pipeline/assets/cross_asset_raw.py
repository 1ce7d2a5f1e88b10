"""Raw tables of prices, shares and volatility, as the services send them."""

from collections.abc import Iterator

import dagster as dg

from marketflows_pipeline.assets.fetching import ingesting, source_spec, stored_tables
from marketflows_pipeline.assets.tables import Run, table_spec
from marketflows_pipeline.clients import Clients

PRICE_SOURCE = source_spec(
    "yahoo",
    "api",
    description="Yahoo's chart endpoint: daily bars, dividends and splits. Unofficial; for personal use.",
)
ISSUER_SOURCE = source_spec(
    "issuers",
    "files",
    description="Figures of the funds' issuers (such as State Street, BlackRock, Invesco): shares outstanding and NAV.",
)
VOLATILITY_SOURCE = source_spec("cboe", "files", description="Cboe's files of VIX and VIX3M, FRED's where those fail.")

REFERENCE_SOURCE = source_spec("fred", "files", description="FRED's files of dollar index, yields and spread.")
REPORTED_SOURCE = source_spec(
    "own_files", "files", description="Tables of flows that somebody else reports, kept by the user."
)

RAW_SOURCES = {
    "raw.daily_bars": PRICE_SOURCE,
    "raw.corporate_actions": PRICE_SOURCE,
    "raw.shares_outstanding": ISSUER_SOURCE,
    "raw.volatility_index": VOLATILITY_SOURCE,
    "raw.reference_series": REFERENCE_SOURCE,
    "raw.reported_flows": REPORTED_SOURCE,
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
    context: dg.AssetExecutionContext, run: Run, clients: dg.ResourceParam[Clients]
) -> Iterator[dg.MaterializeResult[None]]:
    """Fetch bars, shares, volatility and reference series up to the last session, once a day."""
    from marketflows_pipeline.ingest.cross_asset.daily import refresh_cross_asset  # noqa: PLC0415 (other runs need not load it)

    settings = run.settings.cross_asset
    if settings is None:
        context.log.info("no [cross_asset] in the settings: nothing is fetched")
        return
    with ingesting(context, run, clients, "cross_asset") as writer:
        refresh_cross_asset(clients.cross_asset, writer, settings, run.reporter, refetch=run.options.asks_again)
    yield from stored_tables(context, run.warehouse)
