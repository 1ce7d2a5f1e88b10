"""Which exchange is which, and what each traded day by day."""

import polars as pl

from marketflows_pipeline.assets.tables import Run, table_asset
from marketflows_pipeline.queries.exchanges import bitcoin_prices, known_exchanges, listed_volumes, volume_charts
from marketflows_pipeline.transforms.exchanges.volumes import daily_volumes


@table_asset(
    "core.exchanges", deps=("raw.exchanges", "raw.cex_snapshots", "raw.centralised_exchanges", "raw.exchange_kinds")
)
def core_exchanges(run: Run) -> pl.DataFrame:
    """CoinGecko's exchanges and DefiLlama's, matched."""
    return known_exchanges(run.warehouse, run.settings)


@table_asset("core.exchange_volumes", deps=("raw.exchanges", "raw.exchange_volumes", "raw.bitcoin_prices"))
def core_exchange_volumes(run: Run) -> pl.DataFrame:
    """One reading of the rolling volume for each exchange and day."""
    return daily_volumes(
        volume_charts(run.warehouse, run.started_at),
        listed_volumes(run.warehouse, run.started_at, service=run.volume_service),
        bitcoin_prices(run.warehouse, run.settings, run.started_at),
    )
