"""Client of CoinGecko for market caps: plans, endpoints, pages.

Source: https://docs.coingecko.com. Data provided by CoinGecko.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import count

import polars as pl

from marketflows_pipeline.errors import NotFoundError, PlanLimitError, UnexpectedResponseError
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.coingecko.errors import classify
from marketflows_pipeline.providers.coingecko.exchanges import CoinGeckoExchanges
from marketflows_pipeline.providers.coingecko.parsers import (
    read_categories,
    read_category_snapshot,
    read_chart,
    read_coins,
    read_contracts,
)
from marketflows_pipeline.providers.coingecko.plans import PLANS, ROWS_PER_PAGE
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.market_figures import once_each

logger = logging.getLogger(__name__)

# The order of a page is older than its caps, so one row may sit too high; ten in a row don't.
ROWS_THAT_END_A_SNAPSHOT = 10


class CoinGecko(CoinGeckoExchanges):
    """A MarketCapProvider and an ExchangeVolumeProvider over CoinGecko.

    Arguments as of `PlannedClient`.
    """

    plans = PLANS
    classifier = staticmethod(classify)
    _daily_interval_is_paid = False

    def history(self, coin_id: str, days: int) -> pl.DataFrame:
        """The last ``days`` days of one coin, in HISTORY_SCHEMA, by time; the last row is the time of the request.

        One credit, whatever ``days``. A window beyond the plan is refused without a call: CoinGecko would clip nothing.

        Raises:
            NotFoundError: the coin is not (or no longer) known.
            PlanLimitError: the plan does not reach back that far.
        """
        granularity = Granularity.of_window(days)
        if days > (limit := self.history_limit_days(granularity)):
            raise PlanLimitError(
                f"{self.name}: plan {self._plan!r} serves {limit} days of {granularity} history, "
                f"{days} were requested: lower `days` in [providers.{self.name}]",
                provider=self.name,
            )
        if granularity is Granularity.DAILY and not self._daily_interval_is_paid:
            try:
                return self._chart(coin_id, days, interval="daily")
            except PlanLimitError as refusal:
                if "interval" not in str(refusal):
                    raise
                logger.info("%s: the plan refuses interval=daily; above 90 days its own choice is the same", self.name)
                self._daily_interval_is_paid = True
        return self._chart(coin_id, days)

    def snapshot_pages(self, min_cap_usd: float) -> Iterator[pl.DataFrame]:
        """Coins by falling market cap in MARKET_SCHEMA, at least to the last above the limit; 250 for a credit.

        Pages are cached apart by the service, so a coin may stand on two; the second time it is left out.
        """
        seen: set[str] = set()
        for number in count(1):
            with counting_left_out() as left_out:
                page = self._markets_page({"page": number}, is_first_page=number == 1)
            fresh = once_each(page).filter(~pl.col("coin_id").is_in(seen))
            if fresh.is_empty():
                return
            yield fresh
            seen.update(fresh["coin_id"])
            lowest = page["market_cap_usd"].tail(ROWS_THAT_END_A_SNAPSHOT)
            # Null caps sort last, so they end a snapshot as low ones do.
            is_full = page.height + left_out.total() >= ROWS_PER_PAGE
            if not is_full or not (lowest > min_cap_usd).any():
                return

    def largest(self) -> pl.DataFrame:
        """The 250 largest coins in MARKET_SCHEMA, by falling market cap, without wrapped ones; one credit."""
        return once_each(self._markets_page({"page": 1}, is_first_page=True))

    def narrative(self, slug: str) -> pl.DataFrame:
        """The 250 largest coins of a category in MARKET_SCHEMA, by falling market cap; one credit.

        Raises:
            NotFoundError: there is no such category.
            UnexpectedResponseError: there is, but the response holds no coin; found by one more credit.
        """
        with counting_left_out() as left_out:
            page = self._markets_page({"category": slug, "page": 1})
        if left_out or not page.is_empty():
            return once_each(page)
        if slug in self.category_list()["slug"]:
            raise UnexpectedResponseError(
                f"{self.name} /coins/markets: an empty first page of category {slug!r}, which the service lists",
                provider=self.name,
                status=HTTPStatus.OK,
            )
        raise NotFoundError(
            f"{self.name}: {slug!r} is not a category", provider=self.name, status=HTTPStatus.OK, url=""
        )

    def categories(self) -> pl.DataFrame:
        """All categories as of now in CATEGORY_SCHEMA, each once; one credit."""
        return self._http.get_json("/coins/categories", read_category_snapshot)

    def category_list(self) -> pl.DataFrame:
        """Every category in CATEGORY_NAMES_SCHEMA; one credit for some 830."""
        return self._http.get_json("/coins/categories/list", read_categories)

    def by_ids(self, ids: Iterable[str]) -> pl.DataFrame:
        """The requested coins, wrapped ones too, in MARKET_SCHEMA; unknown ones are missing. One credit per 250."""
        return self._markets_of_coins(ids, with_rehypothecated=True)

    def coin_list(self) -> pl.DataFrame:
        """Every listed coin in COIN_SCHEMA; one credit for some 17,000."""
        return self._http.get_json("/coins/list", read_coins)

    def contracts(self, platforms: Iterable[str]) -> pl.DataFrame:
        """The contracts of all coins in CONTRACTS, those of other platforms too; one credit, whatever is asked for."""
        return self._http.get_json("/coins/list", read_contracts, params={"include_platform": True})

    def most_calls(self, n_coins: int) -> int:
        """Credits at most for contracts and the figures of so many coins."""
        return 1 + math.ceil(n_coins / ROWS_PER_PAGE)

    def check_key(self) -> None:
        """Ask whether the key is good, by one credit.

        Raises:
            PlanLimitError: it is not, or belongs to another plan.
        """
        self._http.get_json("/ping", lambda _: None)

    def _chart(self, coin_id: str, days: int, **interval: str) -> pl.DataFrame:
        step = Granularity.of_window(days).step
        return self._http.get_json(
            "/coins/{id}/market_chart",
            lambda body: read_chart(body, coin_id, self._window(days, step)),
            path={"id": coin_id},
            params={"vs_currency": "usd", "days": days, **interval},
        )
