"""A lake does what the private file does: the same counts, the same published rows, the same walls."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from marketflows_pipeline.errors import MarketflowsError, UserInputError, WarehouseError
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse.published import LakeSnapshot
from marketflows_pipeline.warehouse.revisions import Provenance
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.lake_place import LakePlace
from marketflows_pipeline.warehouse.user_query import write_result
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps
from marketflows_pipeline_tests.warehouse.lakes import lake_in, needs_lake
from marketflows_pipeline_tests.warehouse.runs import Runs, caps_and_volumes

pytestmark = [pytest.mark.slow, pytest.mark.lake, needs_lake]

_CAPS = st.lists(
    st.tuples(st.sampled_from(["bitcoin", "ether", "tron"]), st.integers(0, 5), st.sampled_from([1.0, 2.0, 3.0])),
    unique_by=lambda row: row[:2],
    max_size=12,
)
_PROVENANCE = Provenance("history", seen_at=NOW, closed_before=NOW)
_WRITES_PAIRS = """
import sys
from pathlib import Path
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps
from marketflows_pipeline_tests.warehouse.lakes import lake_in
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.lake_place import LakePlace
from marketflows_pipeline.warehouse.user_query import write_result
import polars as pl
with Warehouse(lake_in(Path(sys.argv[1]))) as warehouse:
    print("open", flush=True)
    for n in range(int(sys.argv[2]), 10_000):
        with warehouse.transaction():
            warehouse.merge("raw.market_caps", caps((f"coin{n}", NOW, 1.0), (f"coin{n}", NOW - HOUR, 1.0)))
            warehouse.merge("raw.coins", pl.DataFrame([{
                "coin_id": f"coin{n}", "symbol": "x", "name": "x", "first_seen_at": NOW, "last_seen_at": NOW,
                "is_active": True, "observed_at": NOW, "fetched_at": NOW,
            }], schema_overrides=dict(warehouse.read("raw.coins").schema)).select(warehouse.read("raw.coins").columns))
        print(n, flush=True)
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Warehouse]]:
    """A file and a lake."""
    folder = tmp_path_factory.mktemp("both")
    with Warehouse(folder / "file" / "warehouse.duckdb") as file, Warehouse(lake_in(folder / "lake")) as lake:
        yield file, lake


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Warehouse]:
    with Warehouse(lake_in(tmp_path)) as opened:
        yield opened


@given(first=_CAPS, then=_CAPS, revise=st.booleans())
@settings(max_examples=12, deadline=None)
def test_a_merge_counts_on_a_lake_what_it_counts_on_a_file(
    both: tuple[Warehouse, Warehouse],
    first: list[tuple[str, int, float]],
    then: list[tuple[str, int, float]],
    revise: bool,
) -> None:
    answers = []
    for warehouse in both:
        with warehouse.transaction() as cursor:
            cursor.execute("delete from raw.market_caps").fetchall()
            cursor.execute("delete from meta.revisions").fetchall()
        counts = [
            warehouse.merge("raw.market_caps", _caps(rows), revise=revise, provenance=_PROVENANCE)
            for rows in (first, then)
        ]
        rows, revisions = (warehouse.read(name) for name in ("raw.market_caps", "meta.revisions"))
        answers.append((counts, rows.sort("coin_id", "ts"), revisions.sort("key", "column_name")))
    (of_file, *tables_of_file), (of_lake, *tables_of_lake) = answers

    assert of_lake == of_file
    for lake_table, file_table in zip(tables_of_lake, tables_of_file, strict=True):
        assert_frame_equal(lake_table, file_table)


def test_what_is_published_from_a_lake_is_what_is_published_from_a_file(tmp_path: Path, lake: Warehouse) -> None:
    links = [tmp_path / "published" / "marketflows.duckdb", tmp_path / "of_file" / "marketflows.duckdb"]
    with Warehouse(tmp_path / "file" / "warehouse.duckdb") as file:
        for warehouse, link in zip((lake, file), links, strict=True):
            runs = Runs(warehouse, link)
            runs.passes(value=1.0)
            runs.fails("exchanges", "run-2", 2.0)
            assert runs.passes(run_id="run-3", value=3.0, hour=1).left_out == ("exchanges",)
    tables = (
        "select schema_name || '.' || table_name from duckdb_tables() where not internal"
        " union all select schema_name || '.' || view_name from duckdb_views() where not internal"
    )
    names = [[name for (name,) in query_rows(link, f"from ({tables}) order by all").rows] for link in links]

    assert names[0] == names[1]
    for name in names[0]:
        but = "exclude (fingerprint)" if name == "meta.publish" else ""
        lakes, files = (query_rows(link, f"select * {but} from {name} order by all").rows for link in links)
        assert lakes == files, name
    for kind in ("tables", "views", "columns"):
        words = f"select count(*) from duckdb_{kind}() where not internal and comment is null"
        assert query_rows(links[0], words).rows == [(0,)]


def test_a_part_that_has_not_passed_stays_as_it_was_published(tmp_path: Path, lake: Warehouse) -> None:
    link = tmp_path / "published" / "marketflows.duckdb"
    runs = Runs(lake, link)
    runs.passes()
    runs.passes("exchanges", "run-2", 2.0)
    before = lake.query("from pub.current_snapshot()").item()
    runs.fails("exchanges", "run-3", 9.0, hour=1)
    report = runs.passes(run_id="run-4", value=5.0, hour=1)

    assert report.carried_over == ("exchanges",)
    assert caps_and_volumes(link) == [(2.0,), (5.0,)]
    assert lake.query("select volume_24h_btc from pub.raw.exchange_volumes").rows() == [(2.0,)]
    assert lake.query(f"select market_cap_usd from pub.raw.market_caps at (version => {before})").rows() == [(1.0,)]
    said = lake.query("select commit_message, commit_extra_info from pub.snapshots() order by snapshot_id desc limit 1")
    assert said.rows() == [
        (
            "publish market_caps",
            '{"run_id": "run-4", "fresh": ["market_caps"], "carried_over": ["exchanges"]}',
        )
    ]


def test_a_table_that_has_not_changed_is_not_replaced(tmp_path: Path) -> None:
    with Warehouse(lake_in(tmp_path, exports=False)) as lake:
        runs = Runs(lake, tmp_path / "published" / "marketflows.duckdb")
        runs.passes()
        newest = runs.publish("market_caps", "run-2", NOW + HOUR).snapshot

        changes = "select count(*) from ducklake_table_changes('pub', '{}', '{}', {}, {})"
        assert lake.query(changes.format("raw", "market_caps", newest, newest)).item() == 0
        assert lake.query(changes.format("meta", "publish", newest, newest)).item() > 0


def test_a_changed_comment_reaches_tables_that_are_stored_and_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "published" / "marketflows.duckdb"
    with Warehouse(lake_in(tmp_path)) as lake:
        Runs(lake, link).passes()
    for name in ("raw.market_caps", "core.market_cap_grid"):
        first, *columns = TABLES[name].columns
        changed = replace(
            TABLES[name], description="Otherwise.", columns=(replace(first, description="New.", unit=""), *columns)
        )
        monkeypatch.setitem(TABLES, name, changed)
    with Warehouse(lake_in(tmp_path)) as lake:
        Runs(lake, link).passes(run_id="run-2", value=2.0, hour=1)
        for kind, words in (("tables", "Otherwise."), ("columns", "New.")):
            found = lake.query(f"select database_name, table_name from duckdb_{kind}() where comment = '{words}'")
            names = ("market_cap_grid", "market_caps")
            assert sorted(found.rows()) == [(catalog, name) for catalog in ("marketflows", "pub") for name in names]
    assert caps_and_volumes(link) == [(2.0,)]


def test_an_export_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, lake: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "published" / "marketflows.duckdb"
    runs = Runs(lake, link)
    runs.passes()

    def no_space(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("marketflows_pipeline.warehouse.lake_publish.build.check", no_space)
        with pytest.raises(WarehouseError, match="no space left on device"):
            runs.passes(run_id="run-2", value=2.0, hour=1)
    assert caps_and_volumes(link) == [(1.0,)]

    runs.publish("market_caps", "run-3", NOW + 2 * HOUR)
    assert caps_and_volumes(link) == [(2.0,)]


def test_the_connection_reaches_nothing_but_the_lake(tmp_path: Path, lake: Warehouse) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for sql in (f"from read_csv('{tmp_path}/secret.csv')", f"attach '{tmp_path}/other.db'", "install spatial"):
        with pytest.raises(WarehouseError, match="disabled by configuration"):
            lake.query(sql)


def test_a_killed_writer_tears_no_transaction(tmp_path: Path) -> None:
    start = 0
    for _ in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITES_PAIRS, str(tmp_path), str(start)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "open\n"
            seen = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
        with Warehouse(lake_in(tmp_path)) as warehouse:
            stored = set(warehouse.read("raw.coins")["coin_id"])
            points = warehouse.read("raw.market_caps").group_by("coin_id").len()
            assert f"coin{seen}" in stored
            assert set(points["coin_id"]) == stored
            assert set(points["len"]) == {2}
        start = len(stored)


def test_a_conflict_is_tried_again(lake: Warehouse) -> None:
    tries = []

    def write() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise WarehouseError("x") from duckdb.TransactionException("Transaction conflict - attempting to insert")
        return "written"

    assert lake.store.repeated(write) == "written"
    assert len(tries) == 3


def _caps(rows: list[tuple[str, int, float]]) -> pl.DataFrame:
    return caps(*((coin, NOW - (hours + 1) * HOUR, usd) for coin, hours, usd in rows))


@pytest.fixture(scope="module")
def published_lake(tmp_path_factory: pytest.TempPathFactory) -> LakePlace:
    """A lake with two publishes."""
    folder = tmp_path_factory.mktemp("published_lake")
    store = lake_in(folder, exports=False)
    with Warehouse(store) as warehouse:
        runs = Runs(warehouse, folder / "published" / "marketflows.duckdb")
        runs.passes(value=1.0)
        runs.passes(run_id="run-2", value=2.0, hour=1)
    return store.place


def test_a_snapshot_is_asked_by_its_number(published_lake: LakePlace) -> None:
    sql = "select market_cap_usd from raw.market_caps"
    assert _asked(published_lake, sql) == "market_cap_usd\n2.0\n"
    assert _asked(published_lake, sql, number=1) == "market_cap_usd\n1.0\n"
    with pytest.raises(MarketflowsError, match="snapshot 77 is not there: maintenance keeps"):
        _asked(published_lake, sql, number=77)


@pytest.mark.parametrize(
    "sql",
    [
        "from __ducklake_metadata_marketflows.main.ducklake_table",
        "from ducklake_snapshots('marketflows')",
        "from postgres_scan('dbname=x', 'work', 'ducklake_table')",
        "from query('from __duck' || 'lake_metadata_marketflows.main.ducklake_table')",
        "from read_text('/etc/hostname')",
        "from read_parquet('{data}/work/raw/market_caps/*.parquet')",
        "insert into raw.market_caps select * from raw.market_caps returning *",
        "set threads = 1",
        "attach '{data}/x.db'",
    ],
)
def test_a_question_to_a_snapshot_reaches_nothing_else(published_lake: LakePlace, sql: str) -> None:
    with pytest.raises(UserInputError):
        _asked(published_lake, sql.format(data=published_lake.data))


def _asked(place: LakePlace, sql: str, number: int | None = None) -> str:
    out = io.BytesIO()
    write_result(sql, LakeSnapshot(place, number), "csv", out)
    return out.getvalue().decode()
