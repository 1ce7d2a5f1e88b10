"""``[providers.<provider>]``: what is tracked, the same keys for every market-cap provider; ``[market_caps]``.

Fields are declared in the order in which their rules need each other: ``flow_types`` stands before the keys that a
flow type makes necessary.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import chain
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo

from marketflows_pipeline.options import ServiceName
from marketflows_pipeline.providers.granularity import HOURLY_DAYS, Granularity
from marketflows_pipeline.providers.plan import CallCosts, Plan
from marketflows_pipeline.settings.fields import (
    CoinId,
    Coins,
    FileSafe,
    Limits,
    Members,
    Number,
    PortfolioName,
    Slugs,
    TomlTable,
    WebAddress,
    Whole,
    expected,
    unique,
)
from marketflows_pipeline.system.near_matches import spelling

logger = logging.getLogger(__name__)

US_DOLLAR = "us-dollar"
MAX_DAYS = 365
NO_HISTORY = (
    "{service} serves this plan no history as fine as the grid of this window: the curves begin at the first run and "
    "grow by a point an hour; days = {longer} or more has its daily history at once."
)

# What the keys mean whose defaults are a provider's own.
BASES = "What market caps are divided by; us-dollar always comes first"
NARRATIVES = "Category slugs of the provider"
PORTFOLIOS = "Portfolios: a name and the provider's coin ids"
EXCLUSIONS = "Categories whose coins are left out of narratives and ranges; [] leaves none out"

FlowType = Literal["narratives", "market_cap_ranges", "individual_assets"]

FLOW_TYPES: tuple[FlowType, ...] = ("narratives", "market_cap_ranges", "individual_assets")
# Keys that a flow type makes necessary, and what is expected of them.
_NEEDED: Mapping[str, tuple[FlowType, str]] = {
    "narratives": ("narratives", "at least one {} category slug"),
    "range_lower_limits": ("market_cap_ranges", "at least one lower limit in USD"),
    "asset_groups": ("individual_assets", "at least one portfolio"),
}
_Some = TypeVar("_Some", tuple[Any, ...], Mapping[str, Any])


class MarketCapSource(TomlTable):
    """Keys of a market-cap provider's table.

    Defaults that name coins or categories are each provider's own, as ids and slugs are.

    Attributes:
        table: the table's name in config.toml, such as ``providers.coingecko``.
        service: the provider's name in messages.
        plans: kinds of account by name, the default first.
        makes_requests: whether anything is requested, and so counted.
        costs: what its answers cost in calls.
        categories_at: where a user finds the slugs of its categories, a sentence.
        bitcoin_id, ether_id: the provider's ids of the two coins that measures are about.
        stablecoin_category: its category of coins that stand for money.
        unlisted_stablecoins: stablecoins that this category leaves out.
        pegged_coins: further coins at the price of what they stand for, which none of the default exclusions has.
    """

    table: ClassVar[str]
    service: ClassVar[str]
    plans: ClassVar[Mapping[str, Plan]]
    makes_requests: ClassVar[bool] = True
    costs: ClassVar[CallCosts]
    categories_at: ClassVar[str]
    bitcoin_id: ClassVar[str]
    ether_id: ClassVar[str]
    stablecoin_category: ClassVar[str]
    unlisted_stablecoins: ClassVar[tuple[str, ...]] = ()
    pegged_coins: ClassVar[tuple[str, ...]] = ()

    days: Whole = Field(91, description="Length of the window, 1 to 365 days")
    flow_types: tuple[FlowType, ...] = Field(FLOW_TYPES, description="Which groups are made")
    base_assets: tuple[FileSafe, ...] = Field(description=BASES)
    narratives: Slugs = Field(description=NARRATIVES)
    range_lower_limits: Limits = Field((1e9, 1e10), description="Lower limits of the ranges, in USD")
    asset_groups: Mapping[PortfolioName, Coins] = Field(description=PORTFOLIOS)
    plan: str
    # Those of the plan, where the file does not set them.
    base_url: WebAddress = Field("", description="Address of the service, by plan")
    calls_per_minute: Whole = Field(
        0, ge=1, le=1_000_000, description="Calls per minute that are never exceeded, by plan"
    )
    monthly_credits: Whole = Field(
        0, ge=1, le=1_000_000_000, description="Calls per UTC month that are never exceeded, by plan"
    )
    repair_calls_per_run: Whole = Field(10, ge=0, le=10_000, description="Most calls a run spends on filling gaps")
    min_coverage_pct: Number = Field(
        95.0, ge=0, le=100, description="Least share of the cohort's market cap that must be current, in %"
    )
    narrative_top_n: Whole = Field(10, ge=1, le=250, description="Largest coins of a narrative that are summed")
    narrative_members: Members = Field("current", description='"current", or the date whose stored members are used')
    exclude_categories: Slugs = Field(description=EXCLUSIONS)

    @model_validator(mode="before")
    @classmethod
    def _limits_of_the_plan(cls, raw: object) -> object:
        if not isinstance(raw, dict):
            return raw
        default, *_ = cls.plans.values()
        plan = next((plan for name, plan in cls.plans.items() if name == raw.get("plan")), default)
        limits = {name: getattr(plan, name) for name in ("base_url", "calls_per_minute", "monthly_credits")} | raw
        days, longest = raw.get("days"), min(plan.daily_history_days, MAX_DAYS)
        # The other providers' windows may be longer by a day: no reason to refuse the file.
        if isinstance(days, int) and days > longest:
            logger.warning("%s = %d is outside 1 to %d; using %d", cls.key("days"), days, longest, longest)
            limits["days"] = longest
        return limits

    @field_validator("days")
    @classmethod
    def _at_least_a_day(cls, days: int) -> int:
        if days < 1:
            logger.warning("%s = %d is outside 1 to %d; using 1", cls.key("days"), days, MAX_DAYS)
        return max(days, 1)

    @field_validator("flow_types")
    @classmethod
    def _some_flow_type(cls, flow_types: tuple[FlowType, ...]) -> tuple[FlowType, ...]:
        if not flow_types:
            raise expected(f"at least one of {', '.join(FLOW_TYPES)}")
        return unique(flow_types)

    @field_validator("base_assets")
    @classmethod
    def _us_dollar_first(cls, base_assets: tuple[str, ...]) -> tuple[str, ...]:
        # No coin, so the provider's list of coins has no hint for it.
        if strange := [base for base in base_assets if base != US_DOLLAR and spelling(base) == spelling(US_DOLLAR)]:
            raise expected(f"{US_DOLLAR!r}, as the dollar is written, not {strange[0]!r}")
        return unique((US_DOLLAR, *base_assets))

    @field_validator("narratives", "range_lower_limits", "asset_groups")
    @classmethod
    def _there_where_asked(cls, value: _Some, info: ValidationInfo) -> _Some:
        flow_type, what = _NEEDED[str(info.field_name)]
        if not value and flow_type in (info.data.get("flow_types") or (info.context or {}).get("flow_types", ())):
            raise expected(f'{what.format(cls.service)}, because flow_types holds "{flow_type}"')
        return value

    @field_validator("asset_groups")
    @classmethod
    def _names_differ(cls, groups: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        # Two names that differ by case only are one file on Windows and macOS.
        if len({name.casefold() for name in groups}) < len(groups):
            raise expected("portfolio names that differ by more than upper and lower case")
        return {name: unique(coins) for name, coins in groups.items()}

    @classmethod
    def key(cls, name: str) -> str:
        """A key with its table, as messages name it: ``providers.coingecko.days``."""
        return f"{cls.table}.{name}"

    def is_default(self, name: str) -> bool:
        """Whether a key has the provider's default rather than what the user wrote."""
        return name not in self.model_fields_set

    @property
    def plan_url(self) -> str:
        """The address that belongs to the plan."""
        return self.plans[self.plan].base_url

    @property
    def is_keyless(self) -> bool:
        """Whether the plan needs no key."""
        return self.plans[self.plan].key_header is None

    @property
    def has_history(self) -> bool:
        """Whether the plan serves a history of the window's length, its points as close together as the grid's."""
        return self.plans[self.plan].history_limit_days(Granularity.of_window(self.days)) >= self.days

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """What the provider cannot answer with this plan and window, a sentence each."""
        return () if self.has_history else (NO_HISTORY.format(service=self.service, longer=HOURLY_DAYS + 1),)

    @property
    def uses_ranges(self) -> bool:
        """Whether market-cap ranges are made."""
        return "market_cap_ranges" in self.flow_types

    @property
    def narratives_in_use(self) -> tuple[str, ...]:
        """Narratives, where their flow type is chosen."""
        return self.narratives if "narratives" in self.flow_types else ()

    @property
    def portfolios_in_use(self) -> Mapping[str, tuple[str, ...]]:
        """Portfolios, where their flow type is chosen."""
        return self.asset_groups if "individual_assets" in self.flow_types else {}

    @property
    def exclusions_in_use(self) -> tuple[str, ...]:
        """Categories whose coins are left out, where there is anything to leave them out of."""
        return self.exclude_categories if self.narratives_in_use or self.uses_ranges else ()

    @property
    def exclusions_of_their_own(self) -> frozenset[str]:
        """Categories whose coins are left out and that are no narratives, which are requested each hour anyway."""
        return frozenset(self.exclusions_in_use) - frozenset(self.narratives_in_use)

    @property
    def coin_bases(self) -> tuple[str, ...]:
        """Base assets that are coins."""
        return tuple(base for base in self.base_assets if base != US_DOLLAR)

    @property
    def coins_named(self) -> tuple[str, ...]:
        """Coins of base assets and portfolios in use, each once."""
        return unique((*self.coin_bases, *chain.from_iterable(self.portfolios_in_use.values())))


class MarketCaps(TomlTable):
    """``[market_caps]``: the check of market caps against a second provider."""

    cross_check: ServiceName | None = Field(
        None, description="A second provider whose market caps are compared once a day, by one call; none by default"
    )
    cross_check_ids: Mapping[CoinId, CoinId] = Field(
        {}, description="Its coin ids by those of the first, where symbol and name do not tell: marketflows ids map"
    )

    @field_validator("cross_check_ids")
    @classmethod
    def _each_id_once(cls, ids: Mapping[str, str]) -> Mapping[str, str]:
        if len(set(ids.values())) < len(ids):
            raise expected("each id of the second provider for one coin only")
        return ids
