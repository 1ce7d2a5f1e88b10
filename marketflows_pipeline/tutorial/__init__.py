"""The tutorial: a run on packaged figures, offline, whose result is known."""

from __future__ import annotations

from marketflows_pipeline.tutorial.cross_asset_provider import TutorialMarket, cross_asset_credit, planted_auc
from marketflows_pipeline.tutorial.exchange_provider import (
    TutorialExchanges,
    TutorialReserves,
    exchange_data_credit,
)
from marketflows_pipeline.tutorial.files import (
    data_as_of,
    data_credit,
    forget,
    load_tutorial_settings,
)
from marketflows_pipeline.tutorial.provider import TutorialProvider
from marketflows_pipeline.tutorial.stored import seed_warehouse
from marketflows_pipeline.tutorial.verify import compare_log, compare_tables, compare_with_golden

__all__ = [
    "TutorialExchanges",
    "TutorialMarket",
    "TutorialProvider",
    "TutorialReserves",
    "compare_log",
    "compare_tables",
    "compare_with_golden",
    "cross_asset_credit",
    "data_as_of",
    "data_credit",
    "exchange_data_credit",
    "forget",
    "load_tutorial_settings",
    "planted_auc",
    "seed_warehouse",
]
