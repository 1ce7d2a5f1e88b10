"""Client of CoinPaprika for market caps: plans, endpoints, what one list of all coins answers.

The list of tickers and the list of tags are requested once a run and answer all its questions: pages, narratives,
categories and coins by id.

Source: https://docs.coinpaprika.com. Data provided by CoinPaprika (https://coinpaprika.com).
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import ClassVar, TypeVar

import polars as pl

from marketflows_pipeline.errors import CreditsExhaustedError, NotFoundError, PlanLimitError, UnexpectedResponseError
from marketflows_pipeline.providers.coinpaprika.errors import QuotaError, classify
from marketflows_pipeline.providers.coinpaprika.lists import Lists
from marketflows_pipeline.providers.coinpaprika.parsers import read_coins, read_contracts, read_history
from marketflows_pipeline.providers.coinpaprika.plans import PLANS
from marketflows_pipeline.providers.coinpaprika.tags import is_wrapped, tag_figures
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.request import Values
from marketflows_pipeline.providers.http.service_client import PlannedClient
from marketflows_pipeline.providers.market_figures import by_falling_cap
from marketflows_pipeline.providers.protocols.market_caps import CATEGORY_NAMES_SCHEMA, MARKET_SCHEMA
from marketflows_pipeline.transforms.market_caps.id_map import CONTRACTS
from marketflows_pipeline.transforms.time_span import CLOCK_TOLERANCE, COINS_SINCE, TimeSpan

logger = logging.getLogger(__name__)

T = TypeVar("T")

INTERVALS: Mapping[Granularity, str] = {
    Granularity.FIVE_MINUTES: "5m",
    Granularity.HOURLY: "1h",
    Granularity.DAILY: "1d",
}
MOST_TICKS = 5_000
# The largest coins of a tag that are of any use.
MEMBERS = 250
# By CoinGecko's names, under which contracts of both are compared; no document of either pairs them.
OWN_PLATFORMS: Mapping[str, str] = {
    "ethereum": "eth-ethereum",
    "binance-smart-chain": "bnb-binance-coin",
    "polygon-pos": "matic-polygon",
    "solana": "sol-solana",
    "arbitrum-one": "arb-arbitrum",
    "avalanche": "avax-avalanche",
    "optimistic-ethereum": "op-optimism",
    "base": "base-base",
}
# {symbol}-{name}: an id of another service, such as bitcoin, is none.
ID_FORM = re.compile(r"[^\s/-]+-[^\s/]+")


class QuotaClient(HttpClient):
    """As HttpClient, but that CreditsExhaustedError is raised where the service itself says so, too.

    The documented limit is 10 calls a second of one address, which may be shared.
    """

    calls_per_second: ClassVar = 5

    def get_json(
        self, endpoint: str, parse: Callable[[object], T], *, path: Values | None = None, params: Values | None = None
    ) -> T:
        """Request JSON, as `HttpClient.get_json`.

        Raises:
            CreditsExhaustedError: the calls of the month, or of this address, are used up by our own count or by the
                service's.
        """
        try:
            return super().get_json(endpoint, parse, path=path, params=params)
        except QuotaError as refusal:
            self._ledger.exhausted(self.provider, self._clock.now())
            raise CreditsExhaustedError(str(refusal)) from None


class CoinPaprika(PlannedClient):
    """A MarketCapProvider over CoinPaprika.

    Arguments as of `PlannedClient`.

    Every method raises CreditsExhaustedError where the service itself says that the quota of the address or key is used
    up, too.
    """

    name = "coinpaprika"
    plans = PLANS
    classifier = staticmethod(classify)
    http_client = QuotaClient

    @cached_property
    def _lists(self) -> Lists:
        return Lists(self._http, self._clock)

    def history(self, coin_id: str, days: int) -> pl.DataFrame:
        """The last ``days`` days of one coin, in HISTORY_SCHEMA, by time; no row is of the present.

        A row of 00:00 UTC is the state at the start of that day. One call, whatever ``days``. A daily window beyond the
        plan is cut to it, a finer one is refused without a call.

        Raises:
            NotFoundError: the coin is not known.
            PlanLimitError: the plan does not reach back that far.
        """
        granularity, now = Granularity.of_window(days), self._clock.now()
        limit = self.history_limit_days(granularity)
        if days > limit and granularity is not Granularity.DAILY:
            raise PlanLimitError(
                f"{self.name}: plan {self._plan!r} serves {limit} days of {granularity} history, {days} were wanted: "
                f"set `days` to 91 or more, which is daily, or a larger `plan`, in [providers.{self.name}]",
                provider=self.name,
            )
        days = min(days, limit)
        span = TimeSpan.window(now - timedelta(days=days), step=granularity.step, since=COINS_SINCE, now=now)
        return self._http.get_json(
            "/tickers/{id}/historical",
            lambda body: read_history(body, coin_id, span),
            path={"id": coin_id},
            params={
                "start": _start(now, days, limit, granularity),
                "interval": INTERVALS[granularity],
                "quote": "usd",
                "limit": MOST_TICKS,
            },
        )

    def snapshot_pages(self, min_cap_usd: float) -> Iterator[pl.DataFrame]:
        """All listed coins by falling market cap in MARKET_SCHEMA: one page, whatever the limit.

        The free plan lists the 2,000 largest; a warning says where that list ends above the limit.
        """
        tickers = self._lists.tickers()
        smallest = tickers["market_cap_usd"].min()
        if not self._terms.has_all_coins and isinstance(smallest, float) and smallest > min_cap_usd:
            logger.warning(
                "%s: the list of plan %r ends at %s USD with its %d coins; smaller ones above %s USD are not seen",
                *(self.name, self._plan, f"{smallest:,.0f}", tickers.height, f"{min_cap_usd:,.0f}"),
            )
        yield self._without_wrapped(tickers)

    def largest(self) -> pl.DataFrame:
        """All listed coins in MARKET_SCHEMA, by falling market cap, wrapped ones too; one call."""
        return _with_wrapped(self._lists.tickers())

    def narrative(self, slug: str) -> pl.DataFrame:
        """The 250 largest coins of a tag in MARKET_SCHEMA, by falling market cap, without wrapped ones.

        Coins of the tag that are outside the list of tickers are missing.

        Raises:
            NotFoundError: there is no such tag, or the service names no coin of it.
            UnexpectedResponseError: none of its coins is in the list of tickers, or all are wrapped.
        """
        coins = self._without_wrapped(self._lists.tagged(slug)).head(MEMBERS)
        if coins.is_empty():
            raise UnexpectedResponseError(
                f"{self.name}: of the tag {slug!r} the list of plan {self._plan!r} holds no coin, or wrapped ones only",
                provider=self.name,
            )
        return coins

    def category_members(self, slug: str) -> pl.DataFrame:
        """The 250 largest coins of a tag in MARKET_SCHEMA, by falling market cap, wrapped ones too.

        Coins of the tag that are outside the list of tickers are missing.

        Raises:
            NotFoundError: there is no such tag, or the service names no coin of it.
        """
        return _with_wrapped(self._lists.tagged(slug)).head(MEMBERS)

    def categories(self) -> pl.DataFrame:
        """Every tag with sums over its listed coins in CATEGORY_SCHEMA, computed here; see `tag_figures`."""
        return tag_figures(self._lists.tags(), self._lists.tickers(), self._lists.wrapped())

    def category_list(self) -> pl.DataFrame:
        """Every tag in CATEGORY_NAMES_SCHEMA."""
        rows = [(slug, tag.name) for slug, tag in self._lists.tags().items()]
        return pl.DataFrame(rows, schema=CATEGORY_NAMES_SCHEMA, orient="row")

    def by_ids(self, ids: Iterable[str]) -> pl.DataFrame:
        """The requested coins, wrapped ones too, in MARKET_SCHEMA; unknown ones are missing.

        A coin outside the list of tickers is one call; an id that has not the form of CoinPaprika's is none.
        """
        wanted = set(ids)
        if not wanted:
            return MARKET_SCHEMA.to_frame()
        listed = self._lists.tickers().filter(pl.col("coin_id").is_in(list(wanted)))
        others = sorted(filter(ID_FORM.fullmatch, wanted - set(listed["coin_id"])))
        return _with_wrapped(pl.concat([listed, *map(self._lists.ticker, others)]))

    def coin_list(self) -> pl.DataFrame:
        """Every coin that the service knows, in COIN_SCHEMA and ``is_active``; one call for some 61,000."""
        return self._http.get_json("/coins", read_coins)

    def contracts(self, platforms: Iterable[str]) -> pl.DataFrame:
        """The contracts of these platforms, in CONTRACTS, under CoinGecko's names; one call each.

        A platform that the service does not know has none.
        """
        found = [CONTRACTS.to_frame()]
        for platform in dict.fromkeys(platforms):
            with contextlib.suppress(NotFoundError):
                rows = self.contract_ids(OWN_PLATFORMS[platform])
                found.append(rows.select(pl.lit(platform).alias("platform"), "address", "coin_id"))
        return pl.concat(found)

    def contract_ids(self, platform: str) -> pl.DataFrame:
        """The coins of a platform such as ``eth-ethereum`` by contract, in CONTRACT_SCHEMA; addresses as written.

        Raises:
            NotFoundError: there is no such platform.
        """
        return self._http.get_json("/contracts/{platform}", read_contracts, path={"platform": platform})

    def most_calls(self, n_coins: int) -> int:
        """Calls at most for the contracts of all platforms and the figures of so many coins."""
        return len(OWN_PLATFORMS) + 1 + n_coins

    def _without_wrapped(self, tickers: pl.DataFrame) -> pl.DataFrame:
        return tickers.filter(~is_wrapped(self._lists.wrapped())).select(MARKET_SCHEMA.names())


def _with_wrapped(tickers: pl.DataFrame) -> pl.DataFrame:
    """Rows in MARKET_SCHEMA that may be of wrapped tokens, by falling market cap."""
    rows = tickers.select(MARKET_SCHEMA.names()).with_columns(with_rehypothecated=pl.lit(value=True))
    return by_falling_cap(rows)


def _start(now: datetime, days: int, limit: int, granularity: Granularity) -> str | int:
    """Where a history begins: a date, or seconds since 1970.

    The service refuses what lies before its limit by a moment, and its clock may be ahead of ours.
    """
    start, earliest = now - timedelta(days=days), now - timedelta(days=limit) + CLOCK_TOLERANCE
    if granularity is Granularity.DAILY:
        return f"{max(start, earliest):%Y-%m-%d}"
    floored = start - (start - COINS_SINCE) % granularity.step
    return int(max(floored, earliest).timestamp())
