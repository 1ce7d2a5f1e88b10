"""Readers of a lake on Postgres and S3: a snapshot answers alike whatever is published and deleted meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.settings.object_storage import ObjectPlace
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline.warehouse.lake_maintenance import KEEPS_SNAPSHOTS, maintain
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.published import LakeSnapshot, open_published
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.lake import LakeStore
from marketflows_pipeline.warehouse.stores.lake_place import LakePlace
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.services.postgres import PASSWORD, PostgresServer
from marketflows_pipeline_tests.services.seaweedfs import ADMIN, SeaweedFS
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps
from marketflows_pipeline_tests.warehouse.lakes import needs_lake

pytestmark = [pytest.mark.cluster, needs_lake]

_SQL = "select market_cap_usd from raw.market_caps"


@pytest.fixture
def place(postgres: PostgresTarget, seaweedfs: SeaweedFS, bucket: ObjectPlace) -> LakePlace:
    return LakePlace(postgres, bucket, password=PASSWORD, storage=seaweedfs.storage, keys=ADMIN)


def _opened(place: LakePlace, folder: Path) -> Warehouse:
    return Warehouse(LakeStore(place, folder / "warehouse.duckdb"))


def _publish(warehouse: Warehouse, folder: Path, n: int) -> LakeSnapshot:
    """Publish one market cap, of so many dollars; hundreds of other tables would show no more."""
    at, run_id = NOW + n * HOUR, f"run-{n}"
    begin_part(warehouse, "market_caps", run_id, at)
    warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, float(n))))
    link = folder / "published" / "marketflows.duckdb"
    report = publish(warehouse, part="market_caps", run_id=run_id, now=at, published_path=link)
    assert isinstance(warehouse.store, LakeStore)
    return LakeSnapshot(warehouse.store.place, report.snapshot)


def _now() -> datetime:
    """Lakes date their snapshots by the machine's clock."""
    return SystemClock().now()


@contextmanager
def _asking(snapshot: LakeSnapshot) -> Iterator[list[object]]:
    """Answers of a reader that asks again and again while the block lasts."""
    answers: list[object] = []
    is_over = Event()

    def ask() -> None:
        with open_published(snapshot) as connection:
            while not is_over.wait(0.2) or not answers:
                answers.append(connection.execute(_SQL).fetchall())

    reader = Thread(target=ask)
    reader.start()
    try:
        yield answers
    finally:
        is_over.set()
        reader.join()


def test_a_snapshot_answers_alike_before_during_and_after_publishes_and_maintenance(
    place: LakePlace, tmp_path: Path
) -> None:
    with _opened(place, tmp_path) as warehouse:
        pinned = _publish(warehouse, tmp_path, 1)
        assert query_rows(pinned, _SQL).rows == [(1.0,)]
        with _asking(pinned) as answers:
            _publish(warehouse, tmp_path, 2)
            before = len(answers)
            # Files of an hour ago are old enough to be deleted.
            maintain(warehouse, _now() + timedelta(days=1) + HOUR)
            _publish(warehouse, tmp_path, 3)
        assert len(answers) > before
        assert answers == [[(1.0,)]] * len(answers)
        maintain(warehouse, _now() + timedelta(days=1) + HOUR)
    assert query_rows(pinned, _SQL).rows == [(1.0,)]
    assert query_rows(LakeSnapshot(place), _SQL).rows == [(3.0,)]


def test_published_snapshots_stay_for_the_window_and_the_newest_for_ever(place: LakePlace, tmp_path: Path) -> None:
    with _opened(place, tmp_path) as warehouse:
        first, _ = (_publish(warehouse, tmp_path, n) for n in (1, 2))
        maintain(warehouse, _now() + KEEPS_SNAPSHOTS - HOUR)
        assert query_rows(first, _SQL).rows == [(1.0,)]

        assert maintain(warehouse, _now() + KEEPS_SNAPSHOTS + 2 * HOUR) >= 1
        with pytest.raises(MarketflowsError, match=f"snapshot {first.number} is not there: maintenance keeps"):
            query_rows(first, _SQL)
        assert query_rows(LakeSnapshot(place), _SQL).rows == [(2.0,)]
        # What is published afterwards is not troubled by the snapshots that are gone.
        _publish(warehouse, tmp_path, 3)
    assert query_rows(LakeSnapshot(place), _SQL).rows == [(3.0,)]


@pytest.mark.parametrize("is_locked", [True, False])
def test_maintenance_leaves_the_files_of_a_transaction_in_progress(
    place: LakePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    """It waits for the writer's lock; and were that lost, files of the last day would still not be deleted."""
    many = caps(*((f"coin{n}", NOW, 1.0) for n in range(500)))
    is_done = Event()
    with _opened(place, tmp_path / "writer") as writer, _opened(place, tmp_path / "keeper") as keeper:

        def keep() -> None:
            maintain(keeper, _now())
            is_done.set()

        if not is_locked:
            monkeypatch.setattr(keeper.store, "writing", nullcontext)
        keeping = Thread(target=keep)
        with writer.transaction():
            writer.merge("raw.market_caps", many)
            keeping.start()
            # Long enough for maintenance to be over, were it not held back; a slow machine cannot fail this.
            assert is_done.wait(3 if is_locked else 120) is not is_locked
        keeping.join()
        assert is_done.is_set()
        assert keeper.query("select count(distinct coin_id) as n from raw.market_caps")["n"].item() == 500


def test_a_reader_may_read_tables_that_were_inlined_after_its_rights_were_given(
    postgres_server: PostgresServer, postgres: PostgresTarget, place: LakePlace, tmp_path: Path
) -> None:
    """As docs/ducklake.md has it; without the default, Postgres refuses the rows that the catalog holds itself."""
    roles = {f"{kind}_{postgres.dbname[-8:]}": kind == "reader" for kind in ("reader", "stranger")}

    def as_reader(role: str) -> LakeSnapshot:
        target = PostgresTarget(postgres.dbname, postgres.host, postgres.port, role)
        return LakeSnapshot(LakePlace(target, place.data, PASSWORD, storage=place.storage, keys=place.keys))

    with _opened(place, tmp_path) as warehouse:
        for role, has_default in roles.items():
            postgres_server.execute(
                f"create role {role} login password '{PASSWORD}'",
                f"grant usage on schema pub to {role}",
                f"grant select on all tables in schema pub to {role}",
                *([f"alter default privileges in schema pub grant select on tables to {role}"] if has_default else []),
                dbname=postgres.dbname,
            )
        try:
            inlined = (
                "select count(*) from pg_tables where schemaname = 'pub' and tablename like 'ducklake_inlined_data_%'"
            )
            ((before,),) = postgres_server.execute(inlined, dbname=postgres.dbname)
            _publish(warehouse, tmp_path, 1)
            ((after,),) = postgres_server.execute(inlined, dbname=postgres.dbname)
            assert after > before
            reader, stranger = map(as_reader, roles)
            assert query_rows(reader, _SQL).rows == [(1.0,)]
            # DuckLake hides what Postgres says of it.
            with pytest.raises(UserInputError, match=r"INTERNAL Error|permission denied"):
                query_rows(stranger, _SQL)
        finally:
            for role in roles:
                postgres_server.execute(f"drop owned by {role}", f"drop role {role}", dbname=postgres.dbname)
