"""Two runs never spend more than the month has, on however many hosts they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from marketflows_pipeline.coordination.credits import SharedLedger, Terms
from marketflows_pipeline.coordination.database import Database
from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline_tests.cluster.processes import outputs, started
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger
from marketflows_pipeline_tests.services.postgres import PASSWORD, PostgresServer

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
SPENDS = """
from datetime import UTC, datetime
from marketflows_pipeline.coordination.credits import SharedLedger, Terms
from marketflows_pipeline.errors import CreditsExhaustedError
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger
database.prepare()
calls = MemoryLedger()
ledger = SharedLedger(calls, database, {"coingecko": Terms("a1", "demo", int(arguments[0]))})
try:
    for _ in range(int(arguments[1])):
        ledger.begin("coingecko", "/ping", "/ping", 1, datetime(2026, 11, 29, 12, tzinfo=UTC))
except CreditsExhaustedError as error:
    print(error)
print(len(calls.calls))
"""


@pytest.fixture
def database(postgres: PostgresTarget) -> Iterator[Database]:
    with Database(postgres, PASSWORD) as opened:
        opened.prepare()
        yield opened


def ledger_of(
    database: Database, limit: int = 3, calls: MemoryLedger | None = None, account: str = "a1"
) -> SharedLedger:
    return SharedLedger(calls or MemoryLedger(), database, {"coingecko": Terms(account, "demo", limit)})


def begin(ledger: SharedLedger, at: datetime = NOW, provider: str = "coingecko") -> None:
    ledger.finish(ledger.begin(provider, "/ping", "/ping", 1, at), 200, "ok", None, 1.0)


def test_processes_at_once_spend_exactly_what_there_is(
    postgres_server: PostgresServer, postgres: PostgresTarget
) -> None:
    with ExitStack() as stack:
        printed = outputs([stack.enter_context(started(postgres, SPENDS, 50, 30)) for _ in range(3)])
    assert sum(int(text.split()[-1]) for text in printed) == 50
    assert any(
        "the 50 credits of plan 'demo' for November 2026 are used up (50 calls sent)" in text for text in printed
    )
    assert postgres_server.execute("select used from marketflows.credits", dbname=postgres.dbname) == [(50,)]


def test_the_attempt_beyond_the_last_credit_is_refused_and_not_recorded(database: Database) -> None:
    calls = MemoryLedger()
    ledger, other = ledger_of(database, calls=calls), ledger_of(database)
    begin(ledger)
    begin(other)
    begin(ledger)
    assert (ledger.spent("coingecko", NOVEMBER), other.spent("coingecko", NOVEMBER)) == (3, 3)
    with pytest.raises(CreditsExhaustedError, match=r"the 3 credits .* They reset on 2026-12-01"):
        begin(ledger)
    assert len(calls.calls) == 2
    begin(ledger, at=datetime(2026, 12, 1, tzinfo=UTC))


def test_what_was_spent_before_hosts_shared_counts(database: Database) -> None:
    earlier = MemoryLedger()
    earlier.begin("coingecko", "/ping", "/ping", 1, NOW)
    earlier.begin("coingecko", "/ping", "/ping", 1, NOW)
    ledger = ledger_of(database, calls=earlier)
    assert ledger.spent("coingecko", NOVEMBER) == 2
    begin(ledger)
    with pytest.raises(CreditsExhaustedError):
        begin(ledger_of(database))


def test_calls_of_a_while_without_sharing_are_taken_up_and_none_is_counted_twice(database: Database) -> None:
    calls = MemoryLedger()
    begin(ledger_of(database, 9, calls))
    # The next run counts for itself; the one after shares again.
    calls.begin("coingecko", "/ping", "/ping", 1, NOW)
    assert ledger_of(database, 9, calls).spent("coingecko", NOVEMBER) == 2
    assert ledger_of(database, 9, calls).spent("coingecko", NOVEMBER) == 2


def test_each_account_has_its_own_month(database: Database) -> None:
    begin(ledger_of(database, 1))
    begin(ledger_of(database, 1, account="b2"))
    with pytest.raises(CreditsExhaustedError):
        begin(ledger_of(database, 1, account="b2"))


def test_a_service_without_a_monthly_limit_is_recorded_alone(
    postgres_server: PostgresServer, database: Database
) -> None:
    calls = MemoryLedger()
    begin(ledger_of(database, 0, calls), provider="yahoo")
    assert len(calls.calls) == 1
    assert postgres_server.execute("select * from marketflows.credits", dbname=database.target.dbname) == []


def test_a_quota_that_the_service_says_is_used_up_is_so_for_all_hosts(
    postgres_server: PostgresServer, database: Database
) -> None:
    ledger, other = ledger_of(database, 100), ledger_of(database, 100)
    begin(ledger)
    ledger.exhausted("coingecko", NOW)
    with pytest.raises(CreditsExhaustedError, match="the service has told one of the hosts"):
        begin(other)
    # A day later one attempt finds out.
    postgres_server.execute(
        "update marketflows.credits set closed_until = now() - interval '1 second'", dbname=database.target.dbname
    )
    begin(other)
