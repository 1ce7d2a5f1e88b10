"""Client of CoinPaprika for market caps: plans, endpoints, what one list of all coins answers.

Source: https://docs.coinpaprika.com. Data provided by CoinPaprika (https://coinpaprika.com).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import httpx
import polars as pl

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.providers.coinpaprika.plans import PLANS, PlanName
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.http.ledger import CallLedger
from marketflows_pipeline.providers.http.service_client import ServiceClient
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.protocols.market_caps import Granularity


class CoinPaprika(ServiceClient):
    """A MarketCapProvider over CoinPaprika."""

    name = "coinpaprika"

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: CallLedger,
        plan: PlanName = "free",
        api_key: str | None = None,
        base_url: str | None = None,
        calls_per_minute: int | None = None,
        monthly_credits: int | None = None,
        timeout: float = 30.0,
        waits: WaitBudget | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        terms = PLANS[plan]
        self._plan = plan
        client = HttpClient(
            self.name,
            base_url or terms.base_url,
            clock=clock,
            ledger=ledger,
            calls_per_minute=calls_per_minute or terms.calls_per_minute,
            plan=plan,
            monthly_credits=terms.monthly_credits if monthly_credits is None else monthly_credits,
            timeout=timeout,
            waits=waits,
            transport=transport,
        )
        super().__init__(client, clock)

    def history_limit_days(self, granularity: Granularity) -> int:
        """Days back that the plan serves."""
        terms = PLANS[self._plan]
        match granularity:
            case Granularity.FIVE_MINUTES:
                return terms.five_minute_history_days
            case Granularity.HOURLY:
                return terms.hourly_history_days
            case Granularity.DAILY:
                return terms.daily_history_days

    def history(self, coin_id: str, days: int) -> pl.DataFrame:
        """The last ``days`` days of one coin."""
        raise NotImplementedError

    def snapshot_pages(self, min_cap_usd: float) -> Iterator[pl.DataFrame]:
        """Coins by falling market cap, in one page."""
        raise NotImplementedError

    def narrative(self, slug: str) -> pl.DataFrame:
        """The largest coins of a tag, without wrapped ones."""
        raise NotImplementedError

    def category_members(self, slug: str) -> pl.DataFrame:
        """The largest coins of a tag, wrapped ones too."""
        raise NotImplementedError

    def categories(self) -> pl.DataFrame:
        """Every tag with its figures now."""
        raise NotImplementedError

    def category_list(self) -> pl.DataFrame:
        """Every tag."""
        raise NotImplementedError

    def by_ids(self, ids: Iterable[str]) -> pl.DataFrame:
        """The requested coins."""
        raise NotImplementedError

    def coin_list(self) -> pl.DataFrame:
        """Every coin that the service knows."""
        raise NotImplementedError

    def contract_ids(self, platform: str) -> pl.DataFrame:
        """The contracts of a platform: ``address``, ``coin_id``."""
        raise NotImplementedError
