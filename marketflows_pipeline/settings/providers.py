"""``[providers.<provider>]`` of each market-cap provider: the keys of all, with its plans, ids and categories."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from marketflows_pipeline.providers.coingecko import plans as coingecko
from marketflows_pipeline.providers.coinpaprika import plans as coinpaprika
from marketflows_pipeline.providers.local_files import plans as local_files
from marketflows_pipeline.providers.plan import Plan
from marketflows_pipeline.settings.fields import Coins, FileSafe, FolderPath, PortfolioName, Slugs, Whole, expected
from marketflows_pipeline.settings.market_caps import (
    BASES,
    EXCLUSIONS,
    NARRATIVES,
    PORTFOLIOS,
    US_DOLLAR,
    FlowType,
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

SHORT_LIST = (
    "CoinPaprika lists the 2,000 largest coins under this plan: each coin beyond them that the settings name costs a "
    "call an hour, and ranges and narratives have none of them."
)
NO_SUPPLY = "CoinPaprika's history has no supply: supply there is market cap by price."
WRAPPED = (
    "CoinPaprika marks no wrapped and staked coins: they are told by tags, names and a short list, so some may count "
    "twice."
)


class CoinGecko(MarketCapSource):
    """``[providers.coingecko]``."""

    table = "providers.coingecko"
    service = "CoinGecko"
    plans = coingecko.PLANS
    costs = coingecko.COSTS
    categories_at = "A slug is the last part of a category's address under https://www.coingecko.com/en/categories"
    bitcoin_id = "bitcoin"
    ether_id = "ethereum"
    stablecoin_category = "stablecoins"
    pegged_coins = PEGGED_COINS

    base_assets: tuple[FileSafe, ...] = Field((US_DOLLAR, "bitcoin"), description=BASES)
    narratives: Slugs = Field(("made-in-usa", "ai"), description=NARRATIVES)
    asset_groups: Mapping[PortfolioName, Coins] = Field(
        {"MyPortfolio": ("bitcoin", "ethereum"), "AltBag": ("solana", "ripple")}, description=PORTFOLIOS
    )
    plan: coingecko.PlanName = Field("demo", description="demo, pro (any paid plan) or keyless")
    exclude_categories: Slugs = Field(DEFAULT_EXCLUDED, description=EXCLUSIONS)


class CoinPaprika(MarketCapSource):
    """``[providers.coinpaprika]``: its categories are tags; ids are symbol and name, and can't be guessed."""

    table = "providers.coinpaprika"
    service = "CoinPaprika"
    plans = coinpaprika.PLANS
    costs = coinpaprika.COSTS
    categories_at = "All tags with their ids: https://api.coinpaprika.com/v1/tags"
    bitcoin_id = "btc-bitcoin"
    ether_id = "eth-ethereum"
    stablecoin_category = "stablecoin"
    # USDC has been listed under two ids; the tag has neither.
    unlisted_stablecoins = (
        "usdc-usdc", "usdc-usd-coin", "usds-usds", "usde-ethena-usde", "pyusd-paypal-usd",
    )  # fmt: skip
    pegged_coins = (*unlisted_stablecoins, "paxg-pax-gold", "xaut-tether-gold")

    base_assets: tuple[FileSafe, ...] = Field((US_DOLLAR, "btc-bitcoin"), description=BASES)
    # Large tags that the service was seen to answer with.
    narratives: Slugs = Field(("platform", "blockchain-service"), description=NARRATIVES)
    asset_groups: Mapping[PortfolioName, Coins] = Field(
        {"MyPortfolio": ("btc-bitcoin", "eth-ethereum"), "AltBag": ("sol-solana", "xrp-xrp")}, description=PORTFOLIOS
    )
    plan: coinpaprika.PlanName = Field(
        "free", description="free, which needs no key, or starter, pro, business, ultimate, enterprise"
    )
    exclude_categories: Slugs = Field(
        ("stablecoin", "wrapped-token", "liquid-staking-tokens-lst", "liquid-restaking-tokens"), description=EXCLUSIONS
    )

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """What CoinPaprika cannot answer with this plan and window, a sentence each."""
        is_complete = coinpaprika.PLANS[self.plan].has_all_coins
        return (*super().shortcomings, *(() if is_complete else (SHORT_LIST,)), NO_SUPPLY, WRAPPED)


class Folder(MarketCapSource):
    """``[providers.folder]``: ids and categories are those that the files write, so none is there by default.

    Nothing is requested, so there is no account: no plan, address, pace or credits.
    """

    table = "providers.folder"
    service = "folder"
    plans: ClassVar[Mapping[str, Plan]] = {"files": local_files.FILES}
    makes_requests = False
    costs = local_files.COSTS
    categories_at = "A category is what `category` says in categories.csv"
    # What the measures on bitcoin, ether and stablecoins look for.
    bitcoin_id = "bitcoin"
    ether_id = "ethereum"
    stablecoin_category = "stablecoins"

    flow_types: tuple[FlowType, ...] = Field(("market_cap_ranges",), description="Which groups are made")
    base_assets: tuple[FileSafe, ...] = Field((US_DOLLAR,), description=BASES)
    narratives: Slugs = Field((), description=NARRATIVES)
    asset_groups: Mapping[PortfolioName, Coins] = Field({}, description=PORTFOLIOS)
    plan: Literal["files"] = Field("files", description="A folder has no plan")
    # No request is saved by filling fewer gaps.
    repair_calls_per_run: Whole = Field(10_000, ge=0, le=10_000, description="Most coins whose gaps a run fills")
    exclude_categories: Slugs = Field((), description=EXCLUSIONS)
    path: FolderPath | None = Field(None, description="Folder with the files")
    max_age_days: Whole = Field(
        local_files.MAX_AGE_DAYS,
        ge=1,
        le=365,
        description="Days for which a coin's newest row is its present market cap",
    )

    @field_validator("base_url", "calls_per_minute", "monthly_credits", mode="before")
    @classmethod
    def _no_account(cls, value: object, info: ValidationInfo) -> object:
        if value != getattr(local_files.FILES, str(info.field_name)):
            raise expected("no such key, since nothing is requested of a folder")
        return value
