"""The month's credits of the market-cap provider at each moment: spent, reserved, available."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.ingest.budget import (
    EXCHANGE_CALLS_PER_HOUR,
    EXCHANGES_ASSUMED,
    Budget,
    exchange_budget,
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
        return self.ledger.spent(self.settings.provider, month_of(self.clock.now()))

    def budget(self, n_coins: int) -> Budget:
        """The month's credits now, the remaining runs of all parts that share them reserved."""
        source = self.settings.source
        per_day = market_cap_calls_per_day(source.costs, len(source.exclusions_of_their_own))
        shares = self.settings.exchanges is not None and self.settings.is_one_account
        return month_budget(
            source.costs,
            limit=source.monthly_credits if source.makes_requests else None,
            spent=self.spent,
            now=self.clock.now(),
            n_coins=n_coins,
            n_narratives=len(source.narratives_in_use),
            calls_per_hour=EXCHANGE_CALLS_PER_HOUR if shares else 0,
            calls_per_day=per_day + (self._exchange_calls_per_day() if shares else 0),
        )

    def exchange_budget(self, n_coins: Callable[[], int]) -> Budget:
        """The same of the account that the exchange part asks from.

        Args:
            n_coins: counts the coins that are followed; asked only where both parts share an account.
        """
        if self.settings.is_one_account:
            return self.budget(n_coins())
        return exchange_budget(
            limit=source_of(EXCHANGE_PROVIDER, self.settings.providers).monthly_credits,
            spent=self.ledger.spent(EXCHANGE_PROVIDER, month_of(self.clock.now())),
            now=self.clock.now(),
            calls_per_day=self._exchange_calls_per_day(),
        )

    def _exchange_calls_per_day(self) -> int:
        return exchange_calls_per_day(self._n_listed_exchanges(), len(self.settings.whale_exclusions_of_their_own))

    def _n_listed_exchanges(self) -> int:
        """Exchanges in the last full list, or as many as are assumed before the first."""
        listed = self.warehouse.query(
            "select arg_max(rows_served, attempted_at) as n from meta.fetches where dataset = 'listing'"
        ).item()
        return EXCHANGES_ASSUMED if listed is None else int(listed)
