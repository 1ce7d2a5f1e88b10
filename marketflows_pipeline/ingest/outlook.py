"""What the settings will ask for: calls of the next run, of a usual hour, day and month, and whether credits suffice.

Pure arithmetic, by the formulas by which every run reserves its credits (`ingest.budget`); nothing is requested.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from marketflows_pipeline.ingest.budget import (
    CATEGORY_CALLS_PER_DAY,
    EXCHANGE_CALLS_PER_HOUR,
    PAGE_SIZE,
    calls_of_hourly_runs,
    exchange_calls_per_day,
    hourly_runs_left,
    market_cap_calls_per_day,
)
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.settings import EXCHANGE_PROVIDER, ConfigFile
from marketflows_pipeline.settings.universe import FUND_ISSUERS

# The longest month, by which a month of hourly runs is reckoned.
MONTH_HOURS = 744
VOLATILITY_INDICES = 2
# Of stored history, once compressed.
BYTES_A_ROW, BYTES_A_MEMBER = 12, 70
TOKEN_BALANCES = 100_000
CHART_POINTS, LISTED_EACH_HOUR = 90, 350


@dataclass(frozen=True)
class Sizes:
    """How much there is to ask for; what no store tells is assumed, and said in `assumptions`.

    Attributes:
        n_tracked: coins whose histories are followed.
        n_cohort: coins above the smallest limit.
        n_without_history: tracked coins whose history is to be fetched once.
        n_listed_exchanges: in the service's full list.
        n_charts, n_kinds: exchanges whose volume chart or kind is to be fetched once.
        n_reserves: exchanges whose reserves are fetched each day.
        n_requests_by_id: requests for coins that no page shows.
        needs_category_list: whether the list of categories is not stored yet.
        assumptions: what is assumed, in words; empty where everything is known.
    """

    n_tracked: int
    n_cohort: int
    n_without_history: int
    n_listed_exchanges: int = 0
    n_charts: int = 0
    n_kinds: int = 0
    n_reserves: int = 0
    n_requests_by_id: int = 1
    needs_category_list: bool = True
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """Requests of one kind to one endpoint.

    Attributes:
        part: which asks.
        provider: which is asked; only calls to the market-cap provider cost credits.
        endpoint: without its values.
        what: in words.
        once: calls until all that is fetched once is there.
        hour: of a usual hour, at most.
        day: of a usual day, beside its hours.
    """

    part: str
    provider: str
    endpoint: str
    what: str
    once: int = 0
    hour: int = 0
    day: int = 0

    @property
    def next_run(self) -> int:
        """Calls of the next run: what is fetched once, an hour's, and a day's."""
        return self.once + self.hour + self.day


@dataclass(frozen=True)
class Outlook:
    """What is going to be asked, and whether the credits suffice.

    Attributes:
        families: of every part of the settings.
        first_run: credits of the next run.
        hour, day: credits of a usual hour, and of a day beside its hours.
        month: of a month of 744 usual hours.
        this_month: what the rest of the present month will take, the next run included.
        limit, spent: credits of the plan, and those of this month that are spent.
        minutes: that the calls of the next run take at the plan's calls a minute.
        first_bytes, month_bytes: of history that the next run and a month add.
    """

    families: tuple[Family, ...]
    first_run: int
    hour: int
    day: int
    month: int
    this_month: int
    limit: int
    spent: int
    minutes: float
    first_bytes: int
    month_bytes: int

    @property
    def is_enough(self) -> bool:
        """Whether a usual month's credits suffice."""
        return self.month <= self.limit

    @property
    def is_enough_now(self) -> bool:
        """Whether those of this month suffice for all; histories wait for the next one where they don't."""
        return self.spent + self.this_month <= self.limit


def outlook(config: ConfigFile, sizes: Sizes, *, spent: int, now: datetime) -> Outlook:
    """What these settings will ask for; ``spent`` are credits of this month so far, and ``now`` is aware."""
    families = tuple(_families(config, sizes))
    paid = [family for family in families if family.provider == config.provider]
    hour, day = sum(family.hour for family in paid), _calls_per_day(config, sizes)
    first = sum(family.next_run for family in paid)
    rest = calls_of_hourly_runs(hourly_runs_left(now), calls_per_hour=hour, calls_per_day=day)
    first_bytes, month_bytes = _bytes(config, sizes)
    return Outlook(
        families=families,
        first_run=first,
        hour=hour,
        day=day,
        month=calls_of_hourly_runs(MONTH_HOURS, calls_per_hour=hour, calls_per_day=day),
        this_month=first + rest,
        limit=config.source.monthly_credits,
        spent=spent,
        minutes=first / config.source.calls_per_minute,
        first_bytes=first_bytes,
        month_bytes=month_bytes,
    )


def savings(config: ConfigFile, sizes: Sizes) -> Iterator[tuple[str, str, int]]:
    """Keys that cost most: key, what to do with it, and the credits of a month that this saves; the largest first."""
    source = config.source
    found = []
    if _refetches(config):
        found.append(("days", "2 or more: at 1 each hour fetches every history", sizes.n_tracked * MONTH_HOURS))
    if source.narratives_in_use and not source.costs.has_one_list:
        found.append(("narratives", "one fewer, each", MONTH_HOURS))
    page = source.costs.coins_per_page
    if source.uses_ranges and page is not None and sizes.n_cohort > page:
        spared = sizes.n_cohort // page
        what = f"a smallest limit that at most {page} coins exceed"
        found.append(("range_lower_limits", what, spared * MONTH_HOURS))
    named = [(source.key(key), what, saved) for key, what, saved in found]
    if config.exchanges is not None and config.is_one_account:
        named.append(("exchanges", "leave the table out", EXCHANGE_CALLS_PER_HOUR * MONTH_HOURS))
    yield from sorted(named, key=lambda each: -each[2])


def most_tracked(config: ConfigFile, n_cohort: int) -> int:
    """How many coins are followed at most: those named, the cohort, and members of narratives, none of them twice."""
    source = config.source
    return len(source.coins_named) + n_cohort + len(source.narratives_in_use) * source.narrative_top_n


def requests_by_id(config: ConfigFile) -> int:
    """Requests for coins that no page shows: exact where nothing else is fetched, one otherwise."""
    source = config.source
    # Where one list has the largest, most of those named are in it.
    if source.narratives_in_use or source.uses_ranges or source.costs.coins_per_page is None:
        return 1
    return math.ceil(len(source.coins_named) / source.costs.ids_per_call)


def with_coins(tracked: pl.DataFrame, coins: Iterable[str]) -> pl.DataFrame:
    """The coins of a frame and those named, each once: ``coin_id``."""
    named = pl.DataFrame({"coin_id": sorted(coins)}, schema={"coin_id": pl.String})
    return pl.concat([tracked.select("coin_id"), named]).unique(maintain_order=True)


def _families(config: ConfigFile, sizes: Sizes) -> Iterator[Family]:
    if config.source.makes_requests:
        yield from _of_market_caps(config, sizes)
    if (name := config.market_caps.cross_check) is not None:
        yield Family("market_caps", name, "largest coins", "market caps to compare with", day=1)
    if config.exchanges is not None:
        yield from _of_exchanges(config, sizes)
    if config.cross_asset is not None:
        yield from _of_cross_asset(config)


def _calls_per_day(config: ConfigFile, sizes: Sizes) -> int:
    """Credits of a day beside its hours; the daily run of the exchange part makes the requests of an hour again."""
    calls = market_cap_calls_per_day(config.source.costs, len(config.source.exclusions_of_their_own))
    if config.exchanges is not None and config.is_one_account:
        calls += exchange_calls_per_day(sizes.n_listed_exchanges, len(config.whale_exclusions_of_their_own))
    return calls


def _of_market_caps(config: ConfigFile, sizes: Sizes) -> Iterator[Family]:
    source, name, costs = config.source, config.provider, config.source.costs
    narratives = len(source.narratives_in_use)
    excluded = source.exclusions_of_their_own
    is_asked = bool(source.narratives_in_use or source.exclusions_in_use)

    def family(endpoint: str, what: str, **calls: int) -> Family:
        return Family("market_caps", name, endpoint, what, **calls)

    if source.has_history:
        histories = {"hour": sizes.n_tracked} if _refetches(config) else {"once": sizes.n_without_history}
        yield family(costs.history, "histories, one a coin", **histories)
    if costs.has_one_list:
        often = {"hour": 1} if is_asked else {"day": 1}
        yield family(costs.category, "all categories with their coins", **often)
    else:
        if is_asked:
            yield family(costs.category_names, "names of categories", once=int(sizes.needs_category_list))
        if narratives:
            yield family(costs.category, "narratives, a page each", hour=narratives)
    if costs.coins_per_page is None:
        yield family(costs.coins, "all listed coins", hour=1)
    elif source.uses_ranges:
        pages = sizes.n_cohort // costs.coins_per_page + 1
        yield family(costs.coins, f"coins above the smallest limit, {costs.coins_per_page} a page", hour=pages)
    yield family(costs.by_id, "coins that no page shows", hour=sizes.n_requests_by_id)
    if not costs.has_one_list:
        if excluded:
            yield family(costs.category, "categories that are left out", day=len(excluded))
        yield family(costs.category_figures, "all categories", day=CATEGORY_CALLS_PER_DAY)


def _of_exchanges(config: ConfigFile, sizes: Sizes) -> Iterator[Family]:
    name, part = EXCHANGE_PROVIDER, "exchanges"
    of_its_own = config.whale_exclusions_of_their_own
    yield Family(part, name, "/exchanges", "largest exchanges", hour=1)
    yield Family(part, name, "/search/trending", "trending coins", hour=1)
    yield Family(part, name, "/coins/markets", "market figures of trending coins", hour=1)
    yield Family(part, name, "/exchanges", "all exchanges, 250 a page", day=sizes.n_listed_exchanges // PAGE_SIZE + 1)
    yield Family(part, name, "/coins/markets", "categories that whale signals leave out", day=len(of_its_own))
    yield Family(part, name, "/exchanges/{id}/volume_chart", "volumes of 90 days, one an exchange", once=sizes.n_charts)
    yield Family(part, name, "/exchanges/{id}", "kinds of exchanges, out of free credits", once=sizes.n_kinds)
    yield Family(part, "defillama", "/cexs", "overview of reserves", hour=1)
    yield Family(part, "defillama", "/protocols", "protocols", day=1)
    yield Family(part, "defillama", "/protocol/{slug}", "reserves, one an exchange", day=sizes.n_reserves)


def _of_cross_asset(config: ConfigFile) -> Iterator[Family]:
    assert config.cross_asset is not None, "the part has a table"
    part, universe = "cross_asset", config.cross_asset.universe
    if "yahoo" in config.cross_asset.providers:
        yield Family(part, "yahoo", "daily bars", "one an asset", day=len(universe))
    for issuer in FUND_ISSUERS:
        funds = sum(asset.share_source == issuer for asset in universe)
        if funds:
            yield Family(part, issuer, "shares outstanding", "one a fund", day=funds)
    yield Family(part, "cboe", "volatility indices", "VIX and VIX3M", day=VOLATILITY_INDICES)
    if series := config.cross_asset.reference_series:
        yield Family(part, "fred", "reference series", "one a series", day=len(series))


def _refetches(config: ConfigFile) -> bool:
    """Whether each run fetches each history: the grid of 5 minutes has no increments."""
    return Granularity.of_window(config.source.days) is Granularity.FIVE_MINUTES


def _bytes(config: ConfigFile, sizes: Sizes) -> tuple[int, int]:
    """Bytes of history: of what is fetched once, and of a month of hourly runs."""
    source = config.source
    points = source.days * 86_400 // int(Granularity.of_window(source.days).step.total_seconds())
    n_members = len(source.narratives_in_use) * source.narrative_top_n + (sizes.n_cohort if source.uses_ranges else 0)
    first = [sizes.n_without_history * points * BYTES_A_ROW if source.has_history else 0]
    hourly = [sizes.n_tracked * BYTES_A_ROW, n_members * BYTES_A_MEMBER]
    if config.exchanges is not None:
        first.append((sizes.n_charts * CHART_POINTS + sizes.n_reserves * TOKEN_BALANCES) * BYTES_A_ROW)
        hourly.append(LISTED_EACH_HOUR * BYTES_A_ROW)
    return sum(first), MONTH_HOURS * sum(hourly)
