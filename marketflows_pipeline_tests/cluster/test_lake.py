"""A lake with its catalog in Postgres and its tables in S3: hosts in turns, readers held to what is published."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from marketflows_pipeline.errors import MarketflowsError, WarehouseError
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.settings.object_storage import ObjectPlace
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline.warehouse.ledger import WarehouseLedger
from marketflows_pipeline.warehouse.published import LakeSnapshot, open_published
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.store_copy import copy_store
from marketflows_pipeline.warehouse.stores.file import FileStore
from marketflows_pipeline.warehouse.stores.lake import LakeStore
from marketflows_pipeline.warehouse.stores.lake_place import LakePlace
from marketflows_pipeline_tests.services.postgres import PASSWORD, PostgresServer
from marketflows_pipeline_tests.services.seaweedfs import ADMIN, READER, SeaweedFS
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps
from marketflows_pipeline_tests.warehouse.lakes import needs_lake

pytestmark = [pytest.mark.cluster, needs_lake]

_WRITES = """
import sys
from pathlib import Path
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.lake import LakeStore
from marketflows_pipeline.warehouse.stores.lake_place import LakePlace
from marketflows_pipeline_tests.warehouse.frames import NOW, caps
catalog, data, folder, host, password = sys.argv[1:]
place = LakePlace(PostgresTarget.parse(catalog), Path(data), password=password)
with Warehouse(LakeStore(place, Path(folder) / "warehouse.duckdb")) as warehouse:
    for n in range(6):
        warehouse.merge("raw.market_caps", caps((f"{host}-{n}", NOW, 1.0), ("bitcoin", NOW, float(n))))
"""


def _address(target: PostgresTarget) -> str:
    return f"postgres:dbname={target.dbname} host={target.host} port={target.port} user={target.user}"


def _store(place: LakePlace, folder: Path) -> LakeStore:
    return LakeStore(place, folder / "warehouse.duckdb")


def test_three_hosts_that_write_one_table_lose_nothing(postgres: PostgresTarget, tmp_path: Path) -> None:
    place = LakePlace(postgres, tmp_path / "data", password=PASSWORD)
    with Warehouse(_store(place, tmp_path / "first")):
        pass
    writers = [
        subprocess.Popen([
            *(sys.executable, "-c", _WRITES, _address(postgres), str(tmp_path / "data")),
            *(str(tmp_path / host), host, PASSWORD),
        ])
        for host in ("a", "b", "c")
    ]  # fmt: skip
    assert [writer.wait(timeout=300) for writer in writers] == [0, 0, 0]

    with Warehouse(_store(place, tmp_path / "first"), create=False) as warehouse:
        coins = warehouse.read("raw.market_caps")["coin_id"].to_list()
    assert sorted(coins) == sorted(["bitcoin", *(f"{host}-{n}" for host in "abc" for n in range(6))])


def test_calls_of_all_hosts_are_on_record_at_once(postgres: PostgresTarget, tmp_path: Path) -> None:
    place = LakePlace(postgres, tmp_path / "data", password=PASSWORD)
    with Warehouse(_store(place, tmp_path / "a")) as here, Warehouse(_store(place, tmp_path / "b")) as there:
        call = WarehouseLedger(here, "run-a").begin("coingecko", "/ping", "", 1, NOW)
        assert there.read("meta.api_calls").select("call_id", "outcome", "run_id").rows() == [(call, "sent", "run-a")]
        assert WarehouseLedger(there, "run-b").spent("coingecko", NOW) == 1


def test_a_reader_sees_what_is_published_and_can_write_nothing(
    postgres_server: PostgresServer, postgres: PostgresTarget, seaweedfs: SeaweedFS, bucket: ObjectPlace, tmp_path: Path
) -> None:
    import psycopg

    place = LakePlace(postgres, bucket, password=PASSWORD, storage=seaweedfs.storage, keys=ADMIN)
    with Warehouse(_store(place, tmp_path)) as warehouse:
        warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 1.0)))
        with warehouse.held_back() as cursor:
            cursor.execute("create schema pub.raw")
            cursor.execute("create table pub.raw.market_caps as from raw.market_caps")
    role = f"reader_{postgres.dbname[-8:]}"
    postgres_server.execute(
        f"create role {role} login password '{PASSWORD}'",
        f"grant usage on schema pub to {role}",
        f"grant select on all tables in schema pub to {role}",
        dbname=postgres.dbname,
    )
    target = PostgresTarget(postgres.dbname, postgres.host, postgres.port, role)
    reader = LakePlace(target, bucket, password=PASSWORD, storage=seaweedfs.storage, keys=READER)
    try:
        with open_published(LakeSnapshot(reader)) as connection:
            assert connection.execute("select market_cap_usd from raw.market_caps").fetchall() == [(1.0,)]
            with pytest.raises(Exception, match=r"read-only|permission denied"):
                connection.execute("create table raw.x as select 1")
        with pytest.raises((MarketflowsError, WarehouseError)), Warehouse(_store(reader, tmp_path / "reader")):
            pass
        with (
            psycopg.connect(target.conninfo(), password=PASSWORD) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("select * from work.ducklake_table")
    finally:
        postgres_server.execute(f"drop owned by {role}", f"drop role {role}", dbname=postgres.dbname)


def test_a_service_that_dies_in_mid_write_commits_nothing_and_the_next_run_heals(
    postgres: PostgresTarget, seaweedfs: SeaweedFS, bucket: ObjectPlace, tmp_path: Path
) -> None:
    place = LakePlace(postgres, bucket, password=PASSWORD, storage=seaweedfs.storage, keys=ADMIN)
    many = caps(*((f"coin{n}", NOW, 1.0) for n in range(500)))
    with Warehouse(_store(place, tmp_path)) as warehouse:
        warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 1.0)))
        seaweedfs.kill()
        try:
            with pytest.raises(WarehouseError, match="what was stored is unchanged"):
                warehouse.merge("raw.market_caps", many)
        finally:
            seaweedfs.start()
    with Warehouse(_store(place, tmp_path), create=False) as warehouse:
        assert warehouse.row_counts()["raw.market_caps"] == 1
        assert warehouse.merge("raw.market_caps", many).inserted == 500


def test_postgres_that_restarts_in_mid_run_leaves_what_was_committed(
    postgres_server: PostgresServer, postgres: PostgresTarget, tmp_path: Path
) -> None:
    place = LakePlace(postgres, tmp_path / "data", password=PASSWORD)
    with Warehouse(_store(place, tmp_path)) as warehouse:
        warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 1.0)))

        def write_meanwhile() -> None:
            with warehouse.transaction():
                warehouse.merge("raw.market_caps", caps(("ether", NOW, 1.0)))
                postgres_server.stop()
                postgres_server.start()

        with pytest.raises(WarehouseError):
            write_meanwhile()
    with Warehouse(_store(place, tmp_path), create=False) as warehouse:
        assert warehouse.read("raw.market_caps")["coin_id"].to_list() == ["bitcoin"]
        assert warehouse.merge("raw.market_caps", caps(("ether", NOW - HOUR, 1.0))).inserted == 1


def test_a_file_is_copied_to_postgres_and_s3_with_its_calls_and_back(
    postgres_server: PostgresServer, postgres: PostgresTarget, seaweedfs: SeaweedFS, bucket: ObjectPlace, tmp_path: Path
) -> None:
    place = LakePlace(postgres, bucket, password=PASSWORD, storage=seaweedfs.storage, keys=ADMIN)
    file, back = FileStore(tmp_path / "warehouse.duckdb"), FileStore(tmp_path / "back" / "warehouse.duckdb")
    with Warehouse(file) as warehouse:
        warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, -0.0), ("ether", NOW, 0.1 + 0.2)))
        ledger = WarehouseLedger(warehouse, "run-a")
        ledger.finish(ledger.begin("coingecko", "/ping", "a\tb\\N", 1, NOW), 200, "ok", None, 0.1 + 0.2)
        ledger.begin("coingecko", "/ping", "", 1, NOW)
        calls = warehouse.read("meta.api_calls").sort("call_id")
    to_lake = copy_store(file, _store(place, tmp_path), replaces=False, reporter=LogReporter())
    assert postgres_server.execute("select count(*) from marketflows.api_calls", dbname=postgres.dbname) == [(2,)]
    again = copy_store(file, _store(place, tmp_path), replaces=False, reporter=LogReporter())
    assert (to_lake.earlier, again.earlier) == (0, 2)
    with Warehouse(_store(place, tmp_path), create=False) as warehouse:
        assert WarehouseLedger(warehouse, "run-b").spent("coingecko", NOW) == 2
        assert_frame_equal(warehouse.read("meta.api_calls").sort("call_id"), calls)

    assert copy_store(_store(place, tmp_path), back, replaces=False, reporter=LogReporter()) == to_lake
    with Warehouse(back, create=False) as warehouse:
        assert_frame_equal(warehouse.read("meta.api_calls").sort("call_id"), calls)
        assert sorted(map(str, warehouse.read("raw.market_caps")["market_cap_usd"])) == ["-0.0", str(0.1 + 0.2)]
