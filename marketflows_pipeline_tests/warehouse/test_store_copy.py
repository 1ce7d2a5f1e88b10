"""A copy of a store is the store, bit for bit; a killed one goes on, and nothing that is there is written over."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from marketflows_pipeline.errors import LockLostError, UserInputError, WarehouseError
from marketflows_pipeline.progress import Advance, LogReporter
from marketflows_pipeline.warehouse import ddl, table_digest
from marketflows_pipeline.warehouse.catalog import count_rows
from marketflows_pipeline.warehouse.ledger import WarehouseLedger
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.store_copy import Copied, copy_store
from marketflows_pipeline.warehouse.stores.file import FileStore
from marketflows_pipeline.warehouse.stores.seam import Store
from marketflows_pipeline.warehouse.table_digest import digest_of
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps, frame
from marketflows_pipeline_tests.warehouse.lakes import lake_in, needs_lake

pytestmark = [pytest.mark.slow, pytest.mark.lake, needs_lake]

CAPS = "raw.market_caps"
# Of no registered table: what a person, or another version, has put there.
HOSTILE = """
create table odd."A table, ""quoted""; drop" as select * from (values
    (1, '-0.0'::double, 'nan'::double, ['nan'::double, '-0.0'::double, null], 123456789012345678.123::decimal(21, 3),
        timestamptz '2026-11-20 18:00:00.123456+00', date '0001-01-01', 'é"''; -- ' || chr(7), [['a, b', null], []]),
    (1, 0.0, 'inf', [], -0.001, null, date '9999-12-31', '', [['a', 'b'], null]),
    (1, 0.0, 'inf', [], -0.001, null, date '9999-12-31', '', [['a', 'b'], null]),
    (null, null, '-inf', null, null, timestamptz '1677-09-22 00:00:00+00', null, null, null)
) as odd_rows(n, zero, x, many, amount, moment, day, words, nested)
"""
COPIES_AND_DIES = """
import os, sys
from pathlib import Path
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.warehouse import store_copy
from marketflows_pipeline.warehouse.stores.file import FileStore
from marketflows_pipeline_tests.warehouse.lakes import lake_in
digest, seen = store_copy.digest_of, []
def dies(cursor, relation, columns):
    # Of an empty target only what has just been written is compared, before it is committed.
    if "market_caps" in relation:
        os.kill(os.getpid(), 9)
    return digest(cursor, relation, columns)
store_copy.digest_of = dies
home = Path(sys.argv[1])
file, lake = FileStore(home / "private" / "warehouse.duckdb"), lake_in(home)
one, other = (file, lake) if sys.argv[2] == "lake" else (lake, file)
store_copy.copy_store(one, other, replaces=False, reporter=LogReporter())
"""


def file_in(folder: Path) -> FileStore:
    return FileStore(folder / "private" / "warehouse.duckdb")


def copy(source: Store, target: Store, **options: Any) -> Copied:
    return copy_store(source, target, **{"replaces": False, "reporter": LogReporter(), **options})


@pytest.fixture(scope="module")
def filled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a file with rows of every kind of table, and one that is not registered; each costs a lake time."""
    folder = tmp_path_factory.mktemp("filled")
    with Warehouse(file_in(folder)) as warehouse:
        for name in ("core.market_cap_grid", "mart.ema"):
            warehouse.replace(name, frame(name, {}))
        warehouse.merge(CAPS, caps(*((f"coin{n}", NOW - n * HOUR, 1 / (n + 1)) for n in range(500))))
        WarehouseLedger(warehouse, "run").begin("coingecko", "/ping", "", 1, NOW)
        warehouse.execute("create schema odd")
        warehouse.execute(HOSTILE)
        warehouse.checkpoint()
    return folder


@pytest.fixture
def home(filled_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled_file, tmp_path, dirs_exist_ok=True))


def rows_of(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table that has any, as text, which tells zeros and NaN from each other."""
    with Warehouse(store, create=False) as warehouse:
        tables = warehouse.query(
            "select schema_name || '.' || table_name as name from duckdb_tables()"
            " where database_name = 'marketflows' and not internal order by all"
        )["name"]
        with warehouse.held_back() as cursor:
            filled = [name for name, rows in count_rows(cursor, tables).items() if rows]
        return {
            name: warehouse.query(f"select cast(columns(*) as varchar) from {ddl.qualified(name)} order by all").rows()
            for name in filled
        }


def test_there_and_back_every_row_is_the_same(home: Path, tmp_path: Path) -> None:
    untouched = file_in(home).path.read_bytes()
    there = copy(file_in(home), lake_in(home))
    assert file_in(home).path.read_bytes() == untouched
    snapshot = _newest_snapshot(home)
    back = FileStore(tmp_path / "back" / "warehouse.duckdb")
    assert copy(lake_in(home), back) == there
    assert _newest_snapshot(home) == snapshot
    original = rows_of(file_in(home))

    assert len(original) == 5 < there.tables
    assert there.rows == sum(map(len, original.values())) > 500
    assert rows_of(lake_in(home)) == original
    assert rows_of(back) == original


def test_what_is_copied_is_a_store_like_any_other(home: Path) -> None:
    copy(file_in(home), lake_in(home))
    with Warehouse(lake_in(home), create=False) as lake, Warehouse(file_in(home)) as file:
        words = (
            "select schema_name, table_name, column_name, data_type, is_nullable, comment from duckdb_columns()"
            " where database_name = 'marketflows' and not internal and table_name not in"
            " (select view_name from duckdb_views()) order by all"
        )
        assert lake.query(words).rows() == file.query(words).rows()
        assert lake.tables() == file.tables()
        # Of these no measure is computed anew.
        assert lake.current_tables() == file.current_tables() >= {"mart.ema"}
        assert lake.accepted(CAPS).height == file.accepted(CAPS).height == 500
        assert lake.merge(CAPS, caps(("coin0", NOW, 2.0))).revised == 1


def test_both_stores_spill_at_the_same_size(tmp_path: Path) -> None:
    """DuckDB's own limit is most of the machine's memory, beside which a container ends the process."""
    limits = set()
    for store in (file_in(tmp_path), lake_in(tmp_path)):
        store.make_place()
        with store.connect() as connection:
            limits.update(connection.execute("select current_setting('memory_limit')").fetchall())
    assert limits == {("768.0 MiB",)}


def test_a_second_copy_has_nothing_to_do_and_other_rows_are_kept(home: Path) -> None:
    first = copy(file_in(home), lake_in(home))
    snapshot = _newest_snapshot(home)
    again = copy(file_in(home), lake_in(home))
    assert first.earlier == 0
    assert again == Copied(first.tables, first.rows, 5)
    # Opening brings views up to date; no table is written.
    assert _newest_snapshot(home) - snapshot <= 1

    with Warehouse(lake_in(home)) as lake:
        lake.merge(CAPS, caps(("coin0", NOW, 2.0)))
    mine = rows_of(lake_in(home))
    with pytest.raises(UserInputError, match=r"holds other rows than .* in raw\.market_caps.*--replace") as refused:
        copy(file_in(home), lake_in(home))
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)
    assert rows_of(lake_in(home)) == mine

    copy(file_in(home), lake_in(home), replaces=True)
    assert rows_of(lake_in(home)) == rows_of(file_in(home))


def test_rows_of_tables_that_the_source_lacks_are_other_rows_too(home: Path) -> None:
    with Warehouse(lake_in(home)) as lake:
        lake.execute("create table raw.mine as select 1 as n")
    with pytest.raises(UserInputError, match=r"other rows than .* in raw\.mine"):
        copy(file_in(home), lake_in(home))
    copy(file_in(home), lake_in(home), replaces=True)
    assert rows_of(lake_in(home)) == rows_of(file_in(home))


@pytest.mark.parametrize("target", ["lake", "file"])
def test_a_copy_that_is_killed_goes_on(home: Path, tmp_path: Path, target: str) -> None:
    source: Store = file_in(home)
    other: Store = lake_in(home)
    original = rows_of(source)
    if target == "file":
        copy(source, other)
        source.path.unlink()
        source, other = lake_in(home), file_in(home)
    killed = subprocess.run([sys.executable, "-c", COPIES_AND_DIES, str(home), target], check=False)
    assert killed.returncode == -signal.SIGKILL
    with Warehouse(other, create=False) as half:
        counts = half.row_counts()
    assert counts[CAPS] == 0
    assert counts["core.market_cap_grid"] == 1

    done = copy(source, other)
    assert 0 < done.earlier < 5
    assert rows_of(file_in(home)) == rows_of(lake_in(home)) == original


def test_what_is_not_the_same_is_not_committed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(cursor: duckdb.DuckDBPyConnection, relation: str, columns: table_digest.Columns) -> table_digest.Digest:
        found = digest_of(cursor, relation, columns)
        is_target = relation.startswith('"marketflows"."raw"."market_caps"')
        return table_digest.Digest(found.rows, found.hashes + 1) if is_target else found

    with monkeypatch.context() as patched:
        patched.setattr("marketflows_pipeline.warehouse.store_copy.digest_of", other)
        with pytest.raises(WarehouseError, match=r"raw\.market_caps is not the same .* goes on with what is left"):
            copy(file_in(home), lake_in(home))
    with Warehouse(lake_in(home)) as lake:
        assert lake.row_counts()[CAPS] == 0


def test_nothing_more_is_committed_once_the_lock_is_lost(home: Path) -> None:
    def lost() -> None:
        raise LockLostError("lost")

    with pytest.raises(LockLostError):
        copy(file_in(home), lake_in(home), guard=lost)
    with Warehouse(lake_in(home)) as lake:
        assert set(lake.row_counts().values()) == {0}


def test_calls_that_a_killed_run_left_in_its_journal_are_copied(home: Path) -> None:
    script = (
        "import os, sys; from datetime import UTC, datetime; from marketflows_pipeline.warehouse.ledger import *;"
        "from marketflows_pipeline.warehouse.store import Warehouse; from pathlib import Path;"
        "WarehouseLedger(Warehouse(Path(sys.argv[1])), 'killed').begin('coingecko', '/x', '', 1, datetime.now(UTC));"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(file_in(home).path)], check=False)
    journal = file_in(home).path.with_name("warehouse.duckdb.calls").read_bytes()
    assert journal.count(b"call_id") == 1

    copy(file_in(home), lake_in(home))
    assert file_in(home).path.with_name("warehouse.duckdb.calls").read_bytes() == journal
    with Warehouse(lake_in(home)) as lake:
        assert sorted(lake.read("meta.api_calls")["run_id"]) == ["killed", "run"]


def test_rows_that_are_copied_are_told_to_the_reporter(home: Path) -> None:
    told: list[tuple[str, int]] = []
    steps: list[int] = []

    class Told:
        @contextmanager
        def track(self, label: str, total: int) -> Iterator[Advance]:
            told.append((label, total))
            yield steps.append

    done = copy(file_in(home), lake_in(home), reporter=Told())
    assert told == [("Copying rows", done.rows)]
    assert sum(steps) == done.rows


def test_without_a_source_nothing_is_made(tmp_path: Path) -> None:
    for source, target in ((file_in(tmp_path), lake_in(tmp_path)), (lake_in(tmp_path), file_in(tmp_path))):
        with pytest.raises(UserInputError, match="there is nothing to copy: expected the tables of runs in"):
            copy(source, target)
        assert not target.exists()


def _newest_snapshot(home: Path) -> int:
    lake = lake_in(home)
    with lake.connect() as connection:
        lake.place.attach(connection, "work", "work", "read_only")
        ((number,),) = connection.execute("select id from work.current_snapshot()").fetchall()
    return int(number)
