"""The month's credits of the market-cap provider at each moment: spent, reserved, available."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.ingest.budget import (
    EXCHANGE_CALLS_PER_HOUR,
    EXCHANGES_ASSUMED,
    Budget,
    calls_per_hourly_run,
    exchange_calls_per_day,
    market_cap_calls_per_day,
    month_budget,
)
from marketflows_pipeline.providers.http.ledger import CallLedger, month_of
from marketflows_pipeline.settings import EXCHANGE_PROVIDER, Settings, source_of
from marketflows_pipeline.warehouse.store import Warehouse


@dataclass(frozen=True)
class Credits:
    """The provider's account of this month.

    The settings tell what the runs of each hour and day will request, the warehouse what is stored, such as how long
    the list of exchanges is.
    """

    settings: Settings
    warehouse: Warehouse
    ledger: CallLedger
    clock: Clock

    @property
    def spent(self) -> int:
        """Attempts of this month."""
        return self._spent_at(self.settings.provider)

    def budget(self, n_coins: int) -> Budget:
        """The month's credits now, the remaining runs of all parts that share them reserved."""
        source = self.settings.source
        per_hour = calls_per_hourly_run(source.costs, n_coins, len(source.narratives_in_use))
        per_day = market_cap_calls_per_day(source.costs, len(source.exclusions_of_their_own))
        if self.settings.exchanges is not None and self.settings.is_one_account:
            per_hour += EXCHANGE_CALLS_PER_HOUR
            per_day += self._exchange_calls_per_day()
        return month_budget(
            limit=source.monthly_credits if source.makes_requests else None,
            spent=self.spent,
            now=self.clock.now(),
            calls_per_hour=per_hour,
            calls_per_day=per_day,
        )

    def exchange_budget(self, n_coins: Callable[[], int]) -> Budget:
        """The same of the account that the exchange part asks from.

        Args:
            n_coins: counts the coins that are followed; asked only where both parts share an account.
        """
        if self.settings.is_one_account:
            return self.budget(n_coins())
        return month_budget(
            limit=source_of(EXCHANGE_PROVIDER, self.settings.providers).monthly_credits,
            spent=self._spent_at(EXCHANGE_PROVIDER),
            now=self.clock.now(),
            calls_per_hour=EXCHANGE_CALLS_PER_HOUR,
            calls_per_day=self._exchange_calls_per_day(),
        )

    def _spent_at(self, provider: str) -> int:
        return self.ledger.spent(provider, month_of(self.clock.now()))

    def _exchange_calls_per_day(self) -> int:
        """Exchanges are those of the last full list, or as many as are assumed before the first."""
        listed = self.warehouse.query(
            "select arg_max(rows_served, attempted_at) as n from meta.fetches where dataset = 'listing'"
        ).item()
        n_exchanges = EXCHANGES_ASSUMED if listed is None else int(listed)
        return exchange_calls_per_day(n_exchanges, len(self.settings.whale_exclusions_of_their_own))
