"""One rate limit for all hosts, whatever their clocks show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from pydantic import SecretStr

from marketflows_pipeline.clock import FixedClock, SystemClock
from marketflows_pipeline.coordination.database import Database
from marketflows_pipeline.coordination.rate_limiter import SHORTEST_WAIT_MS, SharedRateLimiter, account_of
from marketflows_pipeline.errors import CoordinationError
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline_tests.cluster.processes import outputs, started
from marketflows_pipeline_tests.services.postgres import PASSWORD, PostgresServer

CALLS = """
from marketflows_pipeline.coordination.rate_limiter import SharedRateLimiter
database.prepare()
limiter = SharedRateLimiter(
    database, "coingecko", "keyless", 240, clock=WrongClock(float(arguments[0])), calls_per_second=4
)
print("ready", flush=True)
for _ in range(int(arguments[1])):
    limiter.acquire()
    print(database.ask("select (extract(epoch from clock_timestamp()) * 1000)::bigint")[0][0])
"""


@pytest.fixture
def database(postgres: PostgresTarget) -> Iterator[Database]:
    with Database(postgres, PASSWORD) as opened:
        opened.prepare()
        yield opened


def most_within(times_ms: list[int], window_ms: int) -> int:
    return max(sum(start <= time < start + window_ms for time in times_ms) for start in times_ms)


def test_three_processes_keep_one_limit_though_a_clock_is_an_hour_wrong(
    postgres_server: PostgresServer, postgres: PostgresTarget
) -> None:
    """Buckets that went by each host's clock let a host that was ahead through at once."""
    with ExitStack() as stack:
        processes = [stack.enter_context(started(postgres, CALLS, ahead_s, 8)) for ahead_s in (0, 3600, -5)]
        printed = outputs(processes)
    passed = [[int(line) for line in text.split()[1:]] for text in printed]
    assert [len(times) for times in passed] == [8, 8, 8]
    logged = postgres_server.execute(
        "select (extract(epoch from item_timestamp at time zone 'utc') * 1000)::bigint "
        "from marketflows.ratelimit___coingecko_keyless",
        dbname=postgres.dbname,
    )
    times = [time for (time,) in logged]
    assert len(times) == 24
    assert most_within(times, 1000) <= 4
    # By the clock that all of them share no process was let through at another time than it is on record.
    assert abs(max(times) - max(max(each) for each in passed)) < 60_000


class Impatient(FixedClock):
    """A clock whose sleeper gives up the third time."""

    def __init__(self) -> None:
        super().__init__(SystemClock().now())
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == 3:
            raise InterruptedError


def test_a_call_that_another_process_holds_up_is_waited_for_and_not_spun_on(database: Database) -> None:
    """While another process puts its call the bucket refuses, and says that there is nothing to wait for."""
    clock = Impatient()
    limiter = SharedRateLimiter(database, "yahoo", "keyless", 30, clock=clock)
    limiter.acquire()
    with database.connect("holds the table") as other, other.transaction():
        other.execute("lock table ratelimit___yahoo_keyless in exclusive mode")
        with pytest.raises(InterruptedError):
            limiter.acquire()
    assert clock.waits == [SHORTEST_WAIT_MS / 1000] * 3
    limiter.acquire()


def test_a_full_minute_is_waited_out_by_the_databases_clock(database: Database) -> None:
    clock = FixedClock(SystemClock().now())
    limiter = SharedRateLimiter(database, "invesco", "keyless", 2, clock=clock)
    limiter.acquire()
    limiter.acquire()
    delay_ms = limiter._delay_ms()
    assert delay_ms is not None
    assert 50_000 < delay_ms <= 60_001


def test_accounts_and_services_have_limits_of_their_own(database: Database) -> None:
    for provider, account in (
        ("coingecko", account_of(SecretStr("CG-1"))),
        ("coingecko", account_of(SecretStr("CG-2"))),
        ("coinpaprika", account_of(None)),
    ):
        limiter = SharedRateLimiter(database, provider, account, 1, clock=SystemClock())
        assert limiter._delay_ms() is None
        assert limiter._delay_ms() is not None


def test_the_database_does_not_learn_the_key(postgres_server: PostgresServer, database: Database) -> None:
    hostile = 'CG-canary"; drop schema marketflows; --'
    SharedRateLimiter(database, "coingecko", account_of(SecretStr(hostile)), 1, clock=SystemClock()).acquire()
    rows = postgres_server.execute(
        "select relname from pg_class join pg_namespace n on n.oid = relnamespace where nspname = 'marketflows'",
        dbname=database.target.dbname,
    )
    assert any(name == f"ratelimit___coingecko_{account_of(SecretStr(hostile))}" for (name,) in rows)
    assert "canary" not in str(rows)


@pytest.mark.usefixtures("postgres_server")
def test_without_the_databases_clock_no_call_is_let_through() -> None:
    """The bucket of the library would go on by this machine's clock."""
    clock = FixedClock(SystemClock().now())
    refused = Database(PostgresTarget("x", "127.0.0.1", 1, "x"), PASSWORD, clock=clock, patience_s=5)
    with refused, pytest.raises(CoordinationError):
        SharedRateLimiter(refused, "yahoo", "keyless", 30, clock=clock).acquire()
