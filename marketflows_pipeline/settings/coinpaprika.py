"""``[providers.coinpaprika]``: the keys of every market-cap provider, with CoinPaprika's plans, ids and tags."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from marketflows_pipeline.providers.coinpaprika.plans import COSTS, PLANS, PlanName
from marketflows_pipeline.settings.fields import Coins, FileSafe, PortfolioName, Slugs
from marketflows_pipeline.settings.market_caps import (
    BASES,
    EXCLUSIONS,
    NARRATIVES,
    PORTFOLIOS,
    US_DOLLAR,
    MarketCapSource,
)

SHORT_LIST = (
    "CoinPaprika lists the 2,000 largest coins under this plan: each coin beyond them that the settings name costs a "
    "call an hour, and ranges and narratives have none of them."
)
NO_SUPPLY = "CoinPaprika's history has no supply: supply there is market cap by price."
WRAPPED = (
    "CoinPaprika marks no wrapped and staked coins: they are told by tags, names and a short list, so some may count "
    "twice."
)


class CoinPaprika(MarketCapSource):
    """``[providers.coinpaprika]``: its categories are tags; ids are symbol and name, and can't be guessed."""

    table = "providers.coinpaprika"
    service = "CoinPaprika"
    plans = PLANS
    costs = COSTS
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
    narratives: tuple[FileSafe, ...] = Field(("platform", "blockchain-service"), description=NARRATIVES)
    asset_groups: Mapping[PortfolioName, Coins] = Field(
        {"MyPortfolio": ("btc-bitcoin", "eth-ethereum"), "AltBag": ("sol-solana", "xrp-xrp")}, description=PORTFOLIOS
    )
    plan: PlanName = Field(
        "free", description="free, which needs no key, or starter, pro, business, ultimate, enterprise"
    )
    exclude_categories: Slugs = Field(
        ("stablecoin", "wrapped-token", "liquid-staking-tokens-lst", "liquid-restaking-tokens"), description=EXCLUSIONS
    )

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """What CoinPaprika cannot answer with this plan and window, a sentence each."""
        is_complete = PLANS[self.plan].has_all_coins
        return (*super().shortcomings, *(() if is_complete else (SHORT_LIST,)), NO_SUPPLY, WRAPPED)
