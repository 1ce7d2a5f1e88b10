"""Locks of parts over hosts: who waits for whom, who is named, and what a lost lock stops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock, SystemClock
from marketflows_pipeline.coordination.database import Database
from marketflows_pipeline.coordination.locks import PartLocks, StoreWriteLock
from marketflows_pipeline.errors import CoordinationError, LockLostError, RunLockedError
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline.system.run_lock import Lock
from marketflows_pipeline.warehouse.guarded import GuardedWarehouse
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.cluster.processes import next_line, outputs, started
from marketflows_pipeline_tests.services.postgres import PASSWORD, PostgresServer

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOLDS = """
from marketflows_pipeline.coordination.locks import PartLocks
with PartLocks(database, "lake", arguments[1:]).acquire(command=arguments[0], wait_s=0):
    print("held", flush=True)
    sys.stdin.read()
"""
COUNTS = """
from marketflows_pipeline.coordination.locks import StoreWriteLock
from pathlib import Path
lock, file = StoreWriteLock(database, "lake"), Path(arguments[0])
for _ in range(15):
    with lock.held():
        file.write_text(str(int(file.read_text()) + 1))
lock.close()
"""


@pytest.fixture
def database(postgres: PostgresTarget) -> Iterator[Database]:
    with Database(postgres, PASSWORD) as opened:
        yield opened


def locks(database: Database, *parts: str, store: str = "lake", waits: list[str] | None = None) -> Lock:
    said = [] if waits is None else waits
    return PartLocks(database, store, parts, FixedClock(NOW), said.append)


def held_at_once(lock: Lock) -> None:
    with lock.acquire(command="marketflows", wait_s=0):
        lock.check()


def cut(server: PostgresServer, dbname: str, application: str) -> None:
    """End the connections of an application, as a broken network does."""
    ended = server.execute(
        f"select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name like '{application}%'",
        dbname=dbname,
    )
    assert ended != []
    assert all(done for (done,) in ended)


def test_a_second_run_of_the_part_waits_and_names_the_holder(database: Database) -> None:
    waits: list[str] = []
    with started(database.target, HOLDS, "marketflows cross-asset flows --refresh", "cross_asset") as process:
        assert next_line(process) == "held"
        second = locks(database, "market_caps", "cross_asset", waits=waits)
        with pytest.raises(RunLockedError) as refused, second.acquire(command="marketflows"):
            pass
        # What it could have had it did not keep.
        held_at_once(locks(database, "market_caps"))
        (holder,) = second.holders()
    assert (holder.pid, holder.parts) == (process.pid, ("cross_asset",))
    named = rf"pid {process.pid} on \S+, started 2\d{{3}}-\d\d-\d\d [\d:]+ UTC: marketflows cross-asset flows --refresh"
    assert re.search(rf"another run is going on \({named}\); waited 60 s for it", str(refused.value))
    assert len(waits) == 1
    assert re.match(rf"Waiting up to 60 s for another run \({named}\)", waits[0])


def test_a_run_that_is_killed_frees_its_parts_at_once(database: Database) -> None:
    lock = locks(database, "market_caps")
    with started(database.target, HOLDS, "marketflows", "market_caps") as process:
        assert next_line(process) == "held"
        assert lock.is_held()
        process.kill()
        process.wait()
        # The server has to come to hear of it, which takes it no longer than its next turn of the processor.
        patient = PartLocks(database, "lake", ["market_caps"], SystemClock())
        with patient.acquire(command="marketflows", wait_s=30):
            patient.check()
    assert not lock.is_held()
    assert lock.holders() == []


def test_two_parts_and_two_stores_go_on_at_once(database: Database) -> None:
    with started(database.target, HOLDS, "marketflows", "exchanges", "market_caps") as process:
        assert next_line(process) == "held"
        held_at_once(locks(database, "cross_asset"))
        held_at_once(locks(database, "exchanges", store="another lake"))
        with pytest.raises(RunLockedError):
            held_at_once(locks(database, "exchanges"))


def test_what_is_no_part_waits_for_nobody(database: Database) -> None:
    with started(database.target, HOLDS, "marketflows", "exchanges") as process:
        assert next_line(process) == "held"
        held_at_once(locks(database))


def test_before_the_first_run_nobody_holds_a_lock(database: Database) -> None:
    lock = locks(database, "market_caps")
    assert not lock.is_held()
    assert lock.holders() == []


def test_a_lock_is_free_after_its_block_and_after_a_failure_in_it(database: Database) -> None:
    lock = locks(database, "market_caps")
    with pytest.raises(ZeroDivisionError), lock.acquire(command="marketflows"):
        raise ZeroDivisionError
    held_at_once(lock)
    held_at_once(lock)


def test_a_command_of_any_text_is_named_as_it_is(database: Database) -> None:
    hostile = "x'); drop table lock_holders; -- %s \\ \N{SNOWMAN} \x1b[31m"
    lock = locks(database, "exchanges")
    with lock.acquire(command=hostile):
        (holder,) = lock.holders()
        assert holder.command == hostile
        with pytest.raises(RunLockedError) as refused:
            held_at_once(locks(database, "exchanges"))
        assert "\x1b" not in str(refused.value)


def test_a_run_that_has_lost_its_lock_writes_nothing_more(
    postgres_server: PostgresServer, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "warehouse.duckdb"
    lock = locks(database, "market_caps")
    with lock.acquire(command="marketflows"), GuardedWarehouse(path, lock.check) as warehouse:
        warehouse.execute("create table kept as select 1 as n")
        cut(postgres_server, database.target.dbname, "marketflows market_caps")
        with pytest.raises(LockLostError, match="the lock of market_caps was lost while the run went on, so it stops"):
            warehouse.execute("insert into kept values (2)")
        with pytest.raises(LockLostError):
            warehouse.check_lock()
    with Warehouse(path) as again:
        assert again.query("select n from kept")["n"].to_list() == [1]


def test_a_lock_that_is_lost_within_a_transaction_rolls_it_back(
    postgres_server: PostgresServer, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "warehouse.duckdb"
    lock = locks(database, "market_caps")

    def write_and_lose(warehouse: Warehouse) -> None:
        with warehouse.transaction() as cursor:
            cursor.execute("insert into kept values (2)").fetchall()
            cut(postgres_server, database.target.dbname, "marketflows market_caps")

    with lock.acquire(command="marketflows"), GuardedWarehouse(path, lock.check) as warehouse:
        warehouse.execute("create table kept as select 1 as n")
        with pytest.raises(LockLostError):
            write_and_lose(warehouse)
    with Warehouse(path) as again:
        assert again.query("select n from kept")["n"].to_list() == [1]


def test_processes_write_into_a_store_one_at_a_time(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "count"
    file.write_text("0")
    with ExitStack() as stack:
        outputs([stack.enter_context(started(database.target, COUNTS, file)) for _ in range(3)])
    assert file.read_text() == "45"


def test_the_lock_of_writing_survives_a_lost_connection(postgres_server: PostgresServer, database: Database) -> None:
    lock = StoreWriteLock(database, "lake")
    with lock.held():
        cut(postgres_server, database.target.dbname, "marketflows store")
    with lock.held():
        pass
    cut(postgres_server, database.target.dbname, "marketflows store")
    with lock.held():
        pass
    lock.close()


def test_who_holds_the_lock_of_writing_for_too_long_is_not_waited_for_for_ever(database: Database) -> None:
    first, second = StoreWriteLock(database, "lake"), StoreWriteLock(database, "lake")
    with first.held(), pytest.raises(CoordinationError, match="lock timeout"), second.held(wait_s=0.1):
        pass
    with second.held(wait_s=5):
        pass
    first.close()
    second.close()
