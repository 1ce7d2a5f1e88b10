"""The database that hosts share: what a role needs, what a server that does not answer leads to, names of any text."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from marketflows_pipeline.clock import FixedClock, SystemClock
from marketflows_pipeline.coordination.database import PATIENCE_S, Database
from marketflows_pipeline.coordination.locks import PartLocks
from marketflows_pipeline.coordination.rate_limiter import SharedRateLimiter
from marketflows_pipeline.errors import CoordinationError
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline_tests.services.postgres import PASSWORD, PostgresServer

# As docs/scaling_coordination.md gives them.
LEAST_RIGHTS = (
    "revoke all on database {database} from public",
    "grant connect on database {database} to {role}",
    "create schema marketflows authorization {role}",
)


@pytest.fixture
def role(postgres_server: PostgresServer, postgres: PostgresTarget) -> Iterator[str]:
    """A login that may connect, and owns the program's schema."""
    name = f"host_{postgres.dbname.removeprefix('test_')[:8]}"
    postgres_server.execute(f"create role {name} login password '{PASSWORD}'")
    for statement in LEAST_RIGHTS:
        postgres_server.execute(statement.format(database=postgres.dbname, role=name), dbname=postgres.dbname)
    yield name
    postgres_server.execute(f"drop owned by {name}", dbname=postgres.dbname)
    postgres_server.execute(f"drop role {name}")


def test_a_role_that_owns_its_schema_needs_no_other_right(
    postgres_server: PostgresServer, postgres: PostgresTarget, role: str
) -> None:
    with Database(postgres_server.target(postgres.dbname, role), PASSWORD) as database:
        database.prepare()
        database.prepare()
        SharedRateLimiter(database, "coingecko", "keyless", 5, clock=SystemClock()).acquire()
        database.ask("insert into credits values ('coingecko', 'keyless', '2026-11-01', 1)")
        lock = PartLocks(database, "lake", ["exchanges"])
        with lock.acquire(command="marketflows"):
            lock.check()
            assert [holder.parts for holder in lock.holders()] == [("exchanges",)]
        with pytest.raises(CoordinationError, match="permission denied for"):
            database.ask("create schema another")


def test_a_database_with_a_name_of_any_text_is_used(postgres_server: PostgresServer) -> None:
    name = 'it\'s "a" lake; drop database x; -- =\\'
    quoted = '"' + name.replace('"', '""') + '"'
    postgres_server.execute(f"create database {quoted}")
    try:
        with Database(postgres_server.target(name), PASSWORD) as database:
            database.prepare()
            SharedRateLimiter(database, "yahoo", "keyless", 5, clock=SystemClock()).acquire()
            assert database.ask("select current_database()") == [(name,)]
    finally:
        postgres_server.execute(f"drop database {quoted} with (force)")


def test_a_wrong_password_is_told_at_once_and_not_repeated(postgres: PostgresTarget) -> None:
    clock = FixedClock(SystemClock().now())
    before = clock.now()
    with Database(postgres, "pg-canary-wrong", clock=clock) as database, pytest.raises(CoordinationError) as refused:
        database.prepare()
    assert clock.now() == before
    assert "password authentication failed" in str(refused.value)
    assert "canary" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_server_that_is_down_is_waited_for_less_than_a_minute_and_named() -> None:
    clock = FixedClock(SystemClock().now())
    before = clock.now()
    # Port 1 of the own machine answers nobody.
    with Database(PostgresTarget("mf", "127.0.0.1", 1, "mf"), PASSWORD, clock=clock) as database:
        named = r"^Postgres, mf on 127\.0\.0\.1:1, by which hosts share .*refused"
        with pytest.raises(CoordinationError, match=named):
            database.prepare()
        given_up = clock.now()
        assert 30 < (given_up - before).total_seconds() <= PATIENCE_S
        # The other steps of the run do not wait as long again, each by itself.
        with pytest.raises(CoordinationError):
            database.prepare()
        assert clock.now() == given_up


def test_a_restart_of_the_server_is_waited_out(postgres_server: PostgresServer, postgres: PostgresTarget) -> None:
    stopped, asked = threading.Event(), threading.Event()

    class Waiting(SystemClock):
        def sleep(self, seconds: float) -> None:
            asked.set()
            super().sleep(seconds)

    def restart() -> None:
        postgres_server.stop("immediate")
        stopped.set()
        assert asked.wait(60)
        postgres_server.start()

    with Database(postgres, PASSWORD, clock=Waiting()) as database:
        database.prepare()
        database.ask("insert into credits values ('coingecko', 'keyless', '2026-11-01', 7)")
        restarting = threading.Thread(target=restart)
        restarting.start()
        assert stopped.wait(60)
        assert database.ask("select used from credits") == [(7,)]
        restarting.join()
