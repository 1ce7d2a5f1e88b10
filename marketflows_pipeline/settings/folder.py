"""``[providers.folder]``: the keys of every market-cap provider, and where the user's own files are.

Nothing is requested, so there is no account: no plan, address, pace or credits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from marketflows_pipeline.providers.local_files.plans import COSTS, FILES, MAX_AGE_DAYS
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


class Folder(MarketCapSource):
    """``[providers.folder]``: ids and categories are those that the files write, so none is there by default."""

    table = "providers.folder"
    service = "folder"
    plans: ClassVar[Mapping[str, Plan]] = {"files": FILES}
    makes_requests = False
    costs = COSTS
    categories_at = "A category is what `category` says in categories.csv"
    # What the measures on bitcoin, ether and stablecoins look for.
    bitcoin_id = "bitcoin"
    ether_id = "ethereum"
    stablecoin_category = "stablecoins"

    flow_types: tuple[FlowType, ...] = Field(("market_cap_ranges",), description="Which groups are made")
    base_assets: tuple[FileSafe, ...] = Field((US_DOLLAR,), description=BASES)
    narratives: tuple[FileSafe, ...] = Field((), description=NARRATIVES)
    asset_groups: Mapping[PortfolioName, Coins] = Field({}, description=PORTFOLIOS)
    plan: Literal["files"] = Field("files", description="A folder has no plan")
    # No request is saved by filling fewer gaps.
    repair_calls_per_run: Whole = Field(10_000, ge=0, le=10_000, description="Most coins whose gaps a run fills")
    exclude_categories: Slugs = Field((), description=EXCLUSIONS)
    path: FolderPath | None = Field(None, description="Folder with the files")
    max_age_days: Whole = Field(
        MAX_AGE_DAYS, ge=1, le=365, description="Days for which a coin's newest row is its present market cap"
    )

    @field_validator("base_url", "calls_per_minute", "monthly_credits", mode="before")
    @classmethod
    def _no_account(cls, value: object, info: ValidationInfo) -> object:
        if value != getattr(FILES, str(info.field_name)):
            raise expected("no such key, since nothing is requested of a folder")
        return value
