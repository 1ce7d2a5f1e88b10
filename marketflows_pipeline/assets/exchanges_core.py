"""Which exchange is which, and what each traded day by day."""

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.tables import table_asset
from marketflows_pipeline.queries.exchanges import bitcoin_prices, known_exchanges, listed_volumes, volume_charts
from marketflows_pipeline.run_context import Session
from marketflows_pipeline.transforms.exchanges.volumes import daily_volumes


@table_asset(
    "core.exchanges", deps=("raw.exchanges", "raw.cex_snapshots", "raw.centralised_exchanges", "raw.exchange_kinds")
)
def core_exchanges(session: dg.ResourceParam[Session]) -> pl.DataFrame:
    """CoinGecko's exchanges and DefiLlama's, matched."""
    return known_exchanges(session)


@table_asset("core.exchange_volumes", deps=("raw.exchanges", "raw.exchange_volumes", "raw.bitcoin_prices"))
def core_exchange_volumes(session: dg.ResourceParam[Session]) -> pl.DataFrame:
    """One reading of the rolling volume for each exchange and day."""
    return daily_volumes(volume_charts(session), listed_volumes(session), bitcoin_prices(session))
