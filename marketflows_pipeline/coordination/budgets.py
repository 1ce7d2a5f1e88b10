"""The budgets of one run that hosts share: a limiter for each service, and a record of calls that counts for all."""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import Self

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.coordination.credits import SharedLedger, terms_of
from marketflows_pipeline.coordination.database import open_database
from marketflows_pipeline.coordination.rate_limiter import SharedRateLimiter, account_of
from marketflows_pipeline.providers.http.ledger import CallLedger
from marketflows_pipeline.providers.http.rate_limiter import MakeLimiter
from marketflows_pipeline.settings import Settings


class SharedBudgets:
    """Rate limits and credits in the database that the settings share with other hosts.

    Args:
        settings: name the database, the accounts and their plans.
        clock: tells the time and waits.

    Raises:
        UserInputError: if psycopg is not installed.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._database = open_database(settings, clock)

    def __enter__(self) -> Self:
        self._database.prepare()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def ledger(self, calls: CallLedger) -> SharedLedger:
        """A record of calls that takes the credits of all hosts, over the one that records them here."""
        return SharedLedger(calls, self._database, terms_of(self._settings))

    def limiter_of(self, provider: str) -> MakeLimiter:
        """What makes the limiter of a service's account: its key's, or that of all who send none."""
        account = account_of(self._settings.secrets.of(provider))
        return partial(SharedRateLimiter, self._database, provider, account, clock=self._clock)
