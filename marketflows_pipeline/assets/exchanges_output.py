"""What people see of exchanges: the published file, and the pictures."""

import dagster as dg

from marketflows_pipeline import tutorial
from marketflows_pipeline.assets.publishing import SOURCE_CREDIT, draw_part, publish_part
from marketflows_pipeline.assets.tables import OWNERS, asset_key
from marketflows_pipeline.charts.exchanges.catalog import ExchangePictureContext, exchange_pictures
from marketflows_pipeline.queries.exchanges import exchange_settings
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import tables_of

RESERVES_CREDIT = "Data provided by DefiLlama"
SHOWN_SMALL = ("Exchanges_HHI_", "Exchanges_TVL_ranking_", "Exchanges_whale_signals")

DRAWN = (
    "mart.exchange_netflow",
    "mart.exchange_shares",
    "mart.exchange_members",
    "mart.exchange_dominance",
    "mart.whale_signals",
    "mart.exchange_tvl",
    "mart.exchange_coverage",
)


@dg.asset(
    key=["published", "exchanges"],
    deps=[asset_key(entry.name) for entry in tables_of("exchanges")],
    group_name="exchanges_output",
    kinds={"duckdb"},
    owners=OWNERS,
)
def published_exchanges(run: dg.ResourceParam[RunContext]) -> dg.MaterializeResult[None]:
    """The exchange tables in the DuckDB file for ad-hoc SQL, once every blocking check has passed."""
    return publish_part(run, "exchanges")


@dg.asset(
    key=["pictures", "exchanges"],
    deps=[asset_key(name) for name in DRAWN],
    group_name="exchanges_output",
    kinds={"altair", "png"},
    owners=OWNERS,
)
def exchange_pictures_drawn(run: dg.ResourceParam[RunContext]) -> dg.MaterializeResult[None]:
    """Reserves and flows, market shares, concentration, whale signals and rankings as PNG files."""
    netflow, shares, members, dominance, whales, tvl, coverage = map(run.warehouse.read, DRAWN)
    jobs = exchange_pictures(
        netflow=netflow,
        shares=shares,
        members=members,
        dominance=dominance,
        whale_signals=whales,
        tvl=tvl,
        coverage=coverage,
        context=_context(run),
    )
    return draw_part(run, "exchanges", jobs, [job for job in jobs if job.file_name.startswith(SHOWN_SMALL)])


def _context(run: RunContext) -> ExchangePictureContext:
    credit = tutorial.exchange_data_credit() if run.options.tutorial else None
    return ExchangePictureContext(
        hhi_thresholds=exchange_settings(run.settings).hhi_thresholds,
        coingecko=credit or SOURCE_CREDIT,
        defillama=credit or RESERVES_CREDIT,
    )
