"""What the user decides: ``config.toml`` and ``secrets.toml`` as frozen, validated models.

Nothing here reads the environment by itself; the caller passes it.
"""

from __future__ import annotations

from marketflows_pipeline.settings.analysis import Analysis
from marketflows_pipeline.settings.cross_asset import CrossAsset
from marketflows_pipeline.settings.exchanges import Exchanges
from marketflows_pipeline.settings.keys import warn_of_exposure
from marketflows_pipeline.settings.loading import load_config, load_settings, why_no_exchanges
from marketflows_pipeline.settings.market_caps import FLOW_TYPES, US_DOLLAR, FlowType, MarketCaps, MarketCapSource
from marketflows_pipeline.settings.models import (
    EXCHANGE_PROVIDER,
    SOURCES,
    ConfigFile,
    DefiLlama,
    Providers,
    Report,
    Secrets,
    Settings,
    WarehousePaths,
    source_of,
)
from marketflows_pipeline.settings.plots import Plots
from marketflows_pipeline.settings.providers import CoinGecko, CoinPaprika, Folder
from marketflows_pipeline.settings.universe import Asset

__all__ = [
    "EXCHANGE_PROVIDER",
    "FLOW_TYPES",
    "SOURCES",
    "US_DOLLAR",
    "Analysis",
    "Asset",
    "CoinGecko",
    "CoinPaprika",
    "ConfigFile",
    "CrossAsset",
    "DefiLlama",
    "Exchanges",
    "FlowType",
    "Folder",
    "MarketCapSource",
    "MarketCaps",
    "Plots",
    "Providers",
    "Report",
    "Secrets",
    "Settings",
    "WarehousePaths",
    "load_config",
    "load_settings",
    "source_of",
    "warn_of_exposure",
    "why_no_exchanges",
]
