"""The published file: what is in it, where it comes from, and what stays when something goes wrong."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import PARTS, TABLES, tables_of
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.publish import PublishReport, begin_part, publish
from marketflows_pipeline.warehouse.published import run_sql
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.engines import engine_environment
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, fill
from marketflows_pipeline_tests.warehouse.publishing import Run, actions, answer

pytestmark = pytest.mark.slow


@pytest.fixture
def run(warehouse: Warehouse, link: Path) -> Run:
    """A run of a part: every float column gets `value`, then the part passes and is published."""

    def run_part(part: Any = "market_caps", run_id: str = "run-1", value: float = 1.0, hour: int = 0) -> PublishReport:
        now = NOW + hour * HOUR
        begin_part(warehouse, part, run_id, now)
        fill(warehouse, part, value)
        return publish(warehouse, part=part, run_id=run_id, now=now + timedelta(minutes=5), published_path=link)

    return run_part


def raise_no_space(*_: object) -> None:
    raise OSError("no space left on device")


def test_every_registered_table_and_no_other_is_published(warehouse: Warehouse, link: Path, run: Run) -> None:
    warehouse.execute("create table raw.of_an_older_version as select 1 as x")
    for part in PARTS:
        run(part)

    found = answer(
        link,
        "select schema_name || '.' || table_name from duckdb_tables() where not internal union all "
        "select schema_name || '.' || view_name from duckdb_views() where not internal",
    )
    accepted = {accepted_name(name) for name in TABLES if name.startswith("raw.")}
    assert sorted(found) == sorted((name,) for name in {*TABLES, *accepted})


def test_published_rows_are_those_of_the_private_file(warehouse: Warehouse, link: Path, run: Run) -> None:
    run(value=3.5)

    for entry in tables_of("market_caps"):
        rows = f"select * from {entry.name} order by all"
        assert_frame_equal(run_sql(link, rows), warehouse.query(rows))
        assert answer(link, f"select count(*) > 0 from {entry.name}") == [(True,)]


def test_the_file_says_what_it_is(link: Path, run: Run) -> None:
    run("exchanges", run_id="run-0")
    run("cross_asset", run_id="run-0")
    run(run_id="run-1")

    assert answer(
        link,
        "select status, as_of, n_rows, run_id, published_at from meta.publish where table_name = 'raw.market_caps'",
    ) == [("fresh", NOW, 1, "run-1", NOW + timedelta(minutes=5))]
    assert answer(link, "select kind, grain from meta.tables where table_name = 'mart.metrics'") == [
        ("view", TABLES["mart.metrics"].grain)
    ]
    described = [*TABLES.values(), *(entry for entry in TABLES.values() if entry.schema_name == "raw")]
    assert answer(link, "select count(*) from meta.tables") == [(len(described),)], "raw tables as accepted.* too"
    columns = sum(len(entry.columns) for entry in described)
    assert answer(link, "select count(*) from meta.columns") == [(columns,)]
    assert answer(link, "select source_table, source_column from meta.lineage where table_name = 'core.cohort'") == [
        ("core.market_cap_grid", "market_cap_usd")
    ]
    assert answer(link, "select n_rows from meta.publish where table_name = 'meta.publish'") == [(len(TABLES),)]


def test_every_table_and_column_of_the_file_has_its_words(link: Path, run: Run) -> None:
    run()
    for kind in ("tables", "views", "columns"):
        assert answer(link, f"select count(*) from duckdb_{kind}() where not internal and comment is null") == [(0,)]


def test_meta_columns_agrees_with_the_file(link: Path, run: Run) -> None:
    run()
    assert answer(
        link,
        "select count(*) from meta.columns c full join (select * from duckdb_columns() where not internal) d on "
        "c.table_name = d.schema_name || '.' || d.table_name and c.column_name = d.column_name and "
        "c.position = d.column_index where c.column_name is null or d.column_name is null",
    ) == [(0,)]


def test_only_a_link_and_two_versions_stay(link: Path, run: Run) -> None:
    paths = [run(run_id=f"run-{hour}", hour=hour).path for hour in range(4)]

    assert sorted(link.parent.iterdir()) == sorted([link, *paths[-2:]])
    assert link.readlink() == Path(paths[-1].name)
    assert paths[-1].name == "marketflows.000004.20261120T210500Z.run3.duckdb"


def test_publishes_of_one_second_and_a_clock_set_back_keep_their_order(link: Path, run: Run) -> None:
    run(value=1.0, hour=5)
    run(value=2.0, hour=0)
    run(value=3.0, hour=0)

    assert answer(link, "select market_cap_usd from raw.market_caps") == [(3.0,)]


def test_a_publish_that_failed_changes_no_dates(
    warehouse: Warehouse, link: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    before = warehouse.read("meta.publish")
    monkeypatch.setattr("marketflows_pipeline.warehouse.publish.copy_in_subprocess", raise_no_space)
    with pytest.raises(WarehouseError, match="no space left on device"):
        run(run_id="run-2", value=2.0, hour=1)
    assert_frame_equal(warehouse.read("meta.publish"), before)


def test_what_a_killed_publish_left_is_cleared_away(link: Path, run: Run) -> None:
    first = run()
    half = link.with_name(".marketflows.private.building")
    half.write_bytes(b"half")
    half.with_name(f"{half.name}.spill").mkdir()
    never_linked = link.with_name("marketflows.000009.20261120T190000Z.dead.duckdb")
    never_linked.write_bytes(first.path.read_bytes())
    link.with_name("marketflows.duckdb.wal").write_bytes(b"of an older DuckDB")

    second = run(run_id="run-2")

    assert sorted(link.parent.iterdir()) == sorted([link, first.path, second.path])


def test_an_analysts_own_files_in_the_folder_are_left_alone(link: Path, run: Run) -> None:
    link.parent.mkdir()
    others = [link.with_name(name) for name in ("notes.duckdb", "marketflows.backup.duckdb", "queries.sql")]
    for other in others:
        other.write_text("mine")
    for _ in range(3):
        run()
    assert all(other.read_text() == "mine" for other in others)


def test_a_file_of_the_users_own_in_the_links_place_is_never_overwritten(link: Path, run: Run) -> None:
    link.parent.mkdir()
    link.write_text("precious")
    with pytest.raises(WarehouseError, match="is not a link made by this program"):
        run()
    assert link.read_text() == "precious"


def test_a_link_to_a_version_that_was_deleted_heals(link: Path, run: Run) -> None:
    run().path.unlink()
    run(run_id="run-2", value=2.0)
    assert answer(link, "select market_cap_usd from raw.market_caps") == [(2.0,)]


def test_a_folder_that_cannot_hold_links_is_a_clear_error(
    link: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("operation not supported")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(WarehouseError, match="cannot hold a symbolic link"):
        run()
    assert list(link.parent.iterdir()) == []


def test_a_copy_that_differs_is_not_published(link: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(value=1.0)
    counted = Warehouse.row_counts
    monkeypatch.setattr(Warehouse, "row_counts", lambda itself: {**counted(itself), "raw.market_caps": 99})

    with pytest.raises(WarehouseError, match=r"raw\.market_caps has 1 rows in the new file instead of 99"):
        run(run_id="run-2", value=2.0)

    assert answer(link, "select market_cap_usd from raw.market_caps") == [(1.0,)]


PUBLISH_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.warehouse import publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW

def files_may_grow_to(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def copy_then_no_space(source, target):
    copy(source, target)
    files_may_grow_to(10_000)

private, link, full_from = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
copy = publish.copy_in_subprocess
with Warehouse(private) as warehouse:
    warehouse.checkpoint()
    if full_from == "start":
        files_may_grow_to(1_000)
    elif full_from == "copy":
        files_may_grow_to(private.stat().st_size // 2)
    else:
        publish.copy_in_subprocess = copy_then_no_space
    try:
        publish.publish(warehouse, part="market_caps", run_id="run-2", now=NOW, published_path=link)
    except WarehouseError as fault:
        print(type(fault).__name__)
files_may_grow_to(resource.RLIM_INFINITY)
with Warehouse(private) as warehouse:
    print(warehouse.read("raw.market_caps")["market_cap_usd"].to_list())
"""


@pytest.mark.parametrize("full_from", ["start", "copy", "build"])
def test_a_full_disk_leaves_the_published_file_and_the_private_one(private: Path, link: Path, full_from: str) -> None:
    with Warehouse(private) as warehouse:
        run, fail = actions(warehouse, link)
        run("market_caps", "run-1", 1.0)
        fail("market_caps", "run-2", 2.0)
        if full_from == "build":
            warehouse.execute("create table raw.of_an_older_version as select 1 as x")

    command = [sys.executable, "-c", PUBLISH_ON_A_FULL_DISK, str(private), str(link), full_from]
    child = subprocess.run(command, env=engine_environment(), capture_output=True, text=True, check=True)

    assert child.stdout == "WarehouseError\n[2.0]\n"
    assert answer(link, "select market_cap_usd from raw.market_caps") == [(1.0,)]
    assert not list(link.parent.glob(".*"))
    with Warehouse(private) as warehouse:
        publish(warehouse, part="market_caps", run_id="run-2", now=NOW, published_path=link)
    assert answer(link, "select market_cap_usd from raw.market_caps") == [(2.0,)]


def test_the_private_file_stays_locked_while_it_is_published(
    private: Path, link: Path, warehouse: Warehouse, run: Run
) -> None:
    run()
    intrude = f"import duckdb; duckdb.connect({str(private)!r})"
    child = subprocess.run([sys.executable, "-c", intrude], capture_output=True, text=True, check=False)
    assert "Could not set lock" in child.stderr


@pytest.mark.parametrize("version", ["1.2.2", "1.5.5", "2.0.0"])
def test_the_file_opens_with_other_versions_of_duckdb(link: Path, run: Run, version: str) -> None:
    run(value=4.25)
    ask = (
        f"import duckdb; con = duckdb.connect({str(link)!r}, read_only=True); "
        "print(duckdb.__version__, con.execute('select sum(value) from mart.metrics').fetchall())"
    )
    child = subprocess.run(
        [sys.executable, "-c", ask], env=engine_environment(version), capture_output=True, text=True, check=True
    )
    assert child.stdout == f"{version} [(17.0,)]\n"
