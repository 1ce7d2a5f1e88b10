"""What people see of exchanges: the published file, and the pictures."""

import dagster as dg

from marketflows_pipeline.assets.publishing import Pictures, drawn, output_asset, published_tables
from marketflows_pipeline.assets.tables import Run
from marketflows_pipeline.charts.exchanges.catalog import ExchangeChartContext, exchange_charts
from marketflows_pipeline.charts.rendering.plan import RenderJob
from marketflows_pipeline.providers.attribution import attribution
from marketflows_pipeline.queries.exchanges import exchange_settings
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.settings import EXCHANGE_PROVIDER
from marketflows_pipeline.tutorial.exchange_provider import exchange_data_credit

RESERVES_CREDIT = "Data provided by DefiLlama"
SHOWN_SMALL = ("Exchanges_HHI_", "Exchanges_TVL_ranking_", "Exchanges_netflow_league", "Exchanges_whale_signals")

DRAWN = {
    "netflow": "mart.exchange_netflow",
    "shares": "mart.exchange_shares",
    "members": "mart.exchange_members",
    "dominance": "mart.exchange_dominance",
    "whale_signals": "mart.whale_signals",
    "tvl": "mart.exchange_tvl",
    "coverage": "mart.exchange_coverage",
    "league": "mart.exchange_league",
}


def _jobs(run: RunContext) -> list[RenderJob]:
    credit = exchange_data_credit() if run.options.tutorial else None
    context = ExchangeChartContext(
        hhi_thresholds=exchange_settings(run.settings).hhi_thresholds,
        # Dollars are by the price of bitcoin, and whale signals of coins, that the market-cap part has.
        coingecko=credit or attribution(EXCHANGE_PROVIDER, run.settings.provider),
        defillama=credit or RESERVES_CREDIT,
    )
    return exchange_charts(**{name: run.warehouse.read(table) for name, table in DRAWN.items()}, context=context)


EXCHANGE_PICTURES = Pictures("exchanges", _jobs, lambda job: job.file_name.startswith(SHOWN_SMALL))

published_exchanges = published_tables(EXCHANGE_PICTURES)


@output_asset("pictures", "exchanges", deps=DRAWN.values(), kinds={"altair", "png"})
def exchange_charts_drawn(run: Run) -> dg.MaterializeResult[None]:
    """Reserves and flows, market shares, concentration, whale signals and rankings as PNG files."""
    return drawn(run, EXCHANGE_PICTURES)
