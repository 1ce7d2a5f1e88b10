"""``[providers.coingecko]``: the keys of every market-cap provider, with CoinGecko's plans, ids and slugs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydantic import Field

from marketflows_pipeline.providers.coingecko.plans import COSTS, PLANS, PlanName
from marketflows_pipeline.settings.fields import Coins, FileSafe, PortfolioName, Slugs
from marketflows_pipeline.settings.market_caps import (
    BASES,
    EXCLUSIONS,
    NARRATIVES,
    PORTFOLIOS,
    US_DOLLAR,
    MarketCapSource,
)

# Funds, loans and metals as tokens, at the price of what they stand for, by CoinGecko's ids as of this day: none is in
# one of the default categories.
PEGGED_AS_OF = date(2026, 11, 28)
PEGGED_COINS = (
    "bfusd", "blackrock-usd-institutional-digital-liquidity-fund", "ethena-staked-usde", "figure-heloc",
    "hashnote-usyc", "janus-henderson-anemoy-treasury-fund", "ondo-us-dollar-yield", "ousg", "pax-gold",
    "superstate-short-duration-us-government-securities-fund-ustb", "tether-gold",
)  # fmt: skip
DEFAULT_EXCLUDED = ("stablecoins", "wrapped-tokens", "liquid-staking-tokens")


class CoinGecko(MarketCapSource):
    """``[providers.coingecko]``."""

    table = "providers.coingecko"
    service = "CoinGecko"
    plans = PLANS
    costs = COSTS
    categories_at = "A slug is the last part of a category's address under https://www.coingecko.com/en/categories"
    bitcoin_id = "bitcoin"
    ether_id = "ethereum"
    stablecoin_category = "stablecoins"
    pegged_coins = PEGGED_COINS

    base_assets: tuple[FileSafe, ...] = Field((US_DOLLAR, "bitcoin"), description=BASES)
    narratives: tuple[FileSafe, ...] = Field(("made-in-usa", "ai"), description=NARRATIVES)
    asset_groups: Mapping[PortfolioName, Coins] = Field(
        {"MyPortfolio": ("bitcoin", "ethereum"), "AltBag": ("solana", "ripple")}, description=PORTFOLIOS
    )
    plan: PlanName = Field("demo", description="demo, pro (any paid plan) or keyless")
    exclude_categories: Slugs = Field(DEFAULT_EXCLUDED, description=EXCLUSIONS)
