"""``[providers.coingecko]``: the keys of every market-cap provider, with CoinGecko's plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from marketflows_pipeline.providers.coingecko.plans import PLANS, PlanName
from marketflows_pipeline.settings.market_caps import MarketCapSource, PlanLimits


class CoinGecko(MarketCapSource):
    """``[providers.coingecko]``."""

    table: ClassVar[str] = "providers.coingecko"
    service: ClassVar[str] = "CoinGecko"
    plans: ClassVar[Mapping[str, PlanLimits]] = {str(name): plan for name, plan in PLANS.items()}

    plan: PlanName = Field("demo", description="demo, pro (any paid plan) or keyless")
