"""Rate limit of all hosts together: pyrate-limiter's bucket in Postgres, by the database's clock alone."""

from __future__ import annotations

import hashlib
import logging
import re

from pydantic import SecretStr
from pyrate_limiter import RateItem
from pyrate_limiter.buckets.postgres import PostgresBucket

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.coordination.database import Database, rows_of
from marketflows_pipeline.providers.http.rate_limiter import rates_of

logger = logging.getLogger(__name__)

# The bucket refuses a call while another process puts its own, and then says that there is nothing to wait for.
SHORTEST_WAIT_MS = 30
# Old calls are deleted once in a window, not with each call, since deleting keeps other processes out.
LEAK_EVERY_MS = 60_000
# The bucket's own clock would fall back to this machine's where the database does not answer.
_NOW = "select (extract(epoch from clock_timestamp()) * 1000)::bigint"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


def account_of(api_key: SecretStr | None) -> str:
    """A short name for an account that does not tell its key."""
    if api_key is None:
        return "keyless"
    key = api_key.get_secret_value().encode()
    return hashlib.blake2b(key, digest_size=6, person=b"marketflows").hexdigest()


class SharedRateLimiter:
    """Lets at most ``calls_per_minute`` calls of all hosts through in any 60 seconds of the database's clock.

    Args:
        database: where the calls of all hosts are on record.
        provider: short name of the service, from the program's own list.
        account: as `account_of` gives it.
        calls_per_minute: of all hosts together.
        clock: waits.
        calls_per_second: of all hosts together, or None.
    """

    def __init__(
        self,
        database: Database,
        provider: str,
        account: str,
        calls_per_minute: int,
        *,
        clock: Clock,
        calls_per_second: int | None = None,
    ) -> None:
        assert _NAME.fullmatch(provider), "a name of the program's own"
        assert account.isalnum(), "as account_of gives it"
        self._database = database
        self._clock = clock
        self._table = f"{provider}_{account}"
        self._rates = rates_of(calls_per_minute, calls_per_second)
        self._bucket: PostgresBucket | None = None
        self._leaked_ms = 0

    def acquire(self) -> None:
        """Wait until the next call may be sent.

        Raises:
            CoordinationError: if the database does not answer.
        """
        while (delay_ms := self._database.retried(self._delay_ms)) is not None:
            logger.debug("rate limit of all hosts reached: waiting %.2f s", delay_ms / 1000)
            self._clock.sleep(delay_ms / 1000)

    def _delay_ms(self) -> int | None:
        """Milliseconds until the call may be tried again; None where it has been let through."""
        bucket = self._opened()
        call = RateItem("call", self._now_ms())
        if bucket.put(call):
            if call.timestamp - self._leaked_ms >= LEAK_EVERY_MS:
                bucket.leak(call.timestamp)
                self._leaked_ms = call.timestamp
            return None
        delay_ms = bucket.waiting(call)
        assert isinstance(delay_ms, int), "only asynchronous buckets return an awaitable"
        return max(SHORTEST_WAIT_MS, delay_ms)

    def _opened(self) -> PostgresBucket:
        pool = self._database.pool
        if self._bucket is None or self._bucket.pool is not pool:
            self._bucket = PostgresBucket(pool, self._table, self._rates)
        return self._bucket

    def _now_ms(self) -> int:
        with self._database.pool.connection() as connection:
            return int(rows_of(connection, _NOW)[0][0])
