"""Monthly credits of all hosts together: each attempt takes one by an update that cannot exceed the plan's limit."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketflows_pipeline.coordination.database import PATIENCE_OF_AN_ANSWER_S, Database, open_database, rows_of
from marketflows_pipeline.coordination.rate_limiter import account_of
from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.options import SERVICES
from marketflows_pipeline.providers.http.ledger import CallId, CallLedger, Outcome, credits_exhausted, month_of
from marketflows_pipeline.settings import Settings, source_of

# A service that counts no credits left is asked again a day later, by one attempt: what it counts may be an address's.
CLOSED_FOR = timedelta(days=1)

# What the store has on record was spent too, such as before the hosts shared their count.
_SEED = """
insert into credits as known (provider, account, month, used) values (%s, %s, %s, %s)
on conflict (provider, account, month) do update set used = excluded.used where known.used < excluded.used
"""
_TAKE = """
update credits set used = used + 1
where provider = %s and account = %s and month = %s and used < %s and (closed_until is null or closed_until <= now())
returning used
"""
_STATE = """
select used, case when closed_until > now() then closed_until end from credits
where provider = %s and account = %s and month = %s
"""
_CLOSE = """
update credits set closed_until = now() + %s where provider = %s and account = %s and month = %s
"""


@dataclass(frozen=True)
class Terms:
    """What a provider's account may spend.

    Attributes:
        account: as `account_of` gives it.
        plan: what the account is called, for messages.
        monthly_credits: attempts that the plan allows in a UTC calendar month.
    """

    account: str
    plan: str
    monthly_credits: int


def terms_of(settings: Settings) -> dict[str, Terms]:
    """The accounts of the services with monthly credits, by provider."""
    terms: dict[str, Terms] = {}
    for name in SERVICES:
        source = source_of(name, settings.providers)
        terms[name] = Terms(account_of(settings.secrets.of(name)), source.plan, source.monthly_credits)
    return terms


class SharedLedger:
    """A record of calls whose credits are counted for all hosts.

    Args:
        calls: where each attempt is recorded, and what has been spent as far as it knows.
        database: where the credits of all hosts are counted.
        terms: the accounts that have a monthly limit, by provider.
    """

    def __init__(self, calls: CallLedger, database: Database, terms: Mapping[str, Terms]) -> None:
        self._calls = calls
        self._database = database
        self._terms = terms
        self._seeded: set[tuple[str, datetime]] = set()

    def begin(self, provider: str, endpoint: str, target: str, attempt: int, at: datetime) -> CallId:
        """Take a credit for an attempt that is about to be sent, and record it; arguments as in `CallLedger`.

        Raises:
            CreditsExhaustedError: if there is none left; nothing is recorded then, and nothing may be sent.
            CoordinationError: if the database does not answer.
        """
        if provider in self._terms:
            self._take(provider, self._terms[provider], month_of(at))
        return self._calls.begin(provider, endpoint, target, attempt, at)

    def finish(
        self, call_id: CallId, status: int | None, outcome: Outcome, error: str | None, duration_ms: float
    ) -> None:
        """Record how an attempt ended, as in `CallLedger`."""
        self._calls.finish(call_id, status, outcome, error, duration_ms)

    def spent(self, provider: str, month_start: datetime) -> int:
        """Attempts of all hosts in the UTC month that holds ``month_start``, whatever came of them."""
        if provider not in self._terms:
            return self._calls.spent(provider, month_start)
        month = month_of(month_start)
        self._seed(provider, month)
        return self._state(provider, month)[0]

    def exhausted(self, provider: str, at: datetime) -> None:
        """Let no host ask for a day, since the service itself counts no credits left."""
        if provider in self._terms:
            month = month_of(at)
            self._seed(provider, month)
            self._database.ask(_CLOSE, (CLOSED_FOR, *self._key(provider, month)))
        self._calls.exhausted(provider, at)

    def _take(self, provider: str, terms: Terms, month: datetime) -> None:
        self._seed(provider, month)
        if self._database.ask(_TAKE, (*self._key(provider, month), terms.monthly_credits)):
            return
        used, closed_until = self._state(provider, month)
        if closed_until is not None and used < terms.monthly_credits:
            raise CreditsExhaustedError(
                f"{provider}: the service has told one of the hosts that the quota of this account is used up; none of "
                f"them asks again before {closed_until:%Y-%m-%d %H:%M} UTC"
            )
        raise credits_exhausted(terms.monthly_credits, terms.plan, provider, used, month)

    def _seed(self, provider: str, month: datetime) -> None:
        if (provider, month) not in self._seeded:
            recorded = self._calls.spent(provider, month)
            self._database.ask(_SEED, (*self._key(provider, month), recorded))
            self._seeded.add((provider, month))

    def _state(self, provider: str, month: datetime) -> tuple[int, datetime | None]:
        ((used, closed_until),) = self._database.ask(_STATE, self._key(provider, month))
        return used, closed_until

    def _key(self, provider: str, month: datetime) -> tuple[object, ...]:
        return provider, self._terms[provider].account, month.date()


def shared_count(settings: Settings, provider: str, now: datetime) -> int:
    """Attempts of all hosts in the present month, for a command that only answers; 0 before the first.

    A folder is asked for nothing.

    Raises:
        CoordinationError: if the database does not answer within seconds.
        UserInputError: if psycopg is not installed.
    """
    if provider not in SERVICES:
        return 0
    terms = terms_of(settings)[provider]
    database = open_database(settings, patience_s=PATIENCE_OF_AN_ANSWER_S)
    with contextlib.closing(database.connect("marketflows status")) as connection, database.translated():
        if rows_of(connection, "select to_regclass('credits')") == [(None,)]:
            return 0
        rows = rows_of(connection, _STATE, (provider, terms.account, month_of(now).date()))
        return int(rows[0][0]) if rows else 0
