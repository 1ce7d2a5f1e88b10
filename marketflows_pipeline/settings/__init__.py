"""What the user decides: ``config.toml`` and ``secrets.toml`` as frozen, validated models.

Nothing here reads the environment by itself; the caller passes it.
"""

from __future__ import annotations

from marketflows_pipeline.settings.coingecko import CoinGecko
from marketflows_pipeline.settings.cross_asset import CrossAsset
from marketflows_pipeline.settings.exchanges import Exchanges
from marketflows_pipeline.settings.loading import (
    API_KEY_FILE_VARIABLE,
    API_KEY_VARIABLE,
    load_config,
    load_settings,
    warn_of_exposure,
)
from marketflows_pipeline.settings.market_caps import FLOW_TYPES, US_DOLLAR, FlowType, MarketCapSource
from marketflows_pipeline.settings.models import (
    Analysis,
    ConfigFile,
    DefiLlama,
    Providers,
    Report,
    Secrets,
    Settings,
    WarehousePaths,
)
from marketflows_pipeline.settings.plots import Plots
from marketflows_pipeline.settings.universe import Asset

__all__ = [
    "API_KEY_FILE_VARIABLE",
    "API_KEY_VARIABLE",
    "FLOW_TYPES",
    "US_DOLLAR",
    "Analysis",
    "Asset",
    "CoinGecko",
    "ConfigFile",
    "CrossAsset",
    "DefiLlama",
    "Exchanges",
    "FlowType",
    "MarketCapSource",
    "Plots",
    "Providers",
    "Report",
    "Secrets",
    "Settings",
    "WarehousePaths",
    "load_config",
    "load_settings",
    "warn_of_exposure",
]
