"""The published file where something goes wrong: a session, a kill, a full disk, another version of DuckDB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.warehouse.publish import publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.engines import engine_environment
from marketflows_pipeline_tests.warehouse.frames import NOW
from marketflows_pipeline_tests.warehouse.runs import Runs, answer, caps_and_volumes

pytestmark = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("statement", "carried"),
    [
        ("create table scratch as select 1 as x", 2.0),
        ("update raw.market_caps set market_cap_usd = 666", 1.0),
        ("delete from mart.ema", 1.0),
        ("drop table meta.publish", 1.0),
    ],
)
def test_rows_that_a_session_changed_are_never_carried_over(
    private: Path, link: Path, statement: str, carried: float
) -> None:
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        runs.passes("market_caps", "caps-2", 2.0)
        with duckdb.connect(str(link)) as session:
            session.execute(statement)
            session.execute("checkpoint")
        runs.fails("market_caps", "caps-3", 3.0)

        runs.passes("exchanges", "volumes-1", 10.0)

    assert caps_and_volumes(link) == [(carried,), (10.0,)]
    assert answer(link, "select distinct value from mart.metrics") == [(carried,)]
    assert answer(link, "select count(*) from duckdb_tables() where table_name = 'scratch'") == [(0,)]


def test_what_a_killed_publish_left_is_cleared_away(published: Path, link: Path, runs: Runs) -> None:
    half = link.with_name(".marketflows.private.building")
    half.write_bytes(b"half")
    half.with_name(f"{half.name}.spill").mkdir()
    never_linked = link.with_name("marketflows.000009.20261120T190000Z.dead.duckdb")
    never_linked.write_bytes(published.read_bytes())
    link.with_name("marketflows.duckdb.wal").write_bytes(b"of an older DuckDB")

    second = runs.passes(run_id="run-2")

    assert sorted(link.parent.iterdir()) == sorted([link, published, second.path])


@pytest.mark.usefixtures("published")
def test_an_analysts_own_files_in_the_folder_are_left_alone(link: Path, runs: Runs) -> None:
    others = [link.with_name(name) for name in ("notes.duckdb", "marketflows.backup.duckdb", "queries.sql")]
    for other in others:
        other.write_text("mine")
    for _ in range(2):
        runs.passes()
    assert all(other.read_text() == "mine" for other in others)


def test_a_file_of_the_users_own_in_the_links_place_is_never_overwritten(link: Path, runs: Runs) -> None:
    link.parent.mkdir()
    link.write_text("precious")
    with pytest.raises(WarehouseError, match="is not a link made by this program"):
        runs.passes()
    assert link.read_text() == "precious"


def test_a_link_to_a_version_that_was_deleted_heals(published: Path, link: Path, runs: Runs) -> None:
    published.unlink()
    runs.passes(run_id="run-2", value=2.0)
    assert answer(link, "select market_cap_usd from raw.market_caps") == [(2.0,)]


def test_a_folder_that_cannot_hold_links_is_a_clear_error(
    link: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("operation not supported")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(WarehouseError, match="cannot hold a symbolic link"):
        runs.passes()
    assert list(link.parent.iterdir()) == []


@pytest.mark.usefixtures("published")
def test_a_copy_that_differs_is_not_published(link: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Warehouse.row_counts
    monkeypatch.setattr(Warehouse, "row_counts", lambda itself: {**counted(itself), "raw.market_caps": 99})

    with pytest.raises(WarehouseError, match=r"raw\.market_caps has 1 rows in the new file instead of 99"):
        runs.passes(run_id="run-2", value=2.0)

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


@pytest.mark.slow
@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("full_from", ["start", "copy", "build"])
def test_a_full_disk_leaves_the_published_file_and_the_private_one(private: Path, link: Path, full_from: str) -> None:
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        runs.fails("market_caps", "run-2", 2.0)
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
    private: Path, link: Path, warehouse: Warehouse, runs: Runs
) -> None:
    runs.passes()
    intrude = f"import duckdb; duckdb.connect({str(private)!r})"
    child = subprocess.run([sys.executable, "-c", intrude], capture_output=True, text=True, check=False)
    assert "Could not set lock" in child.stderr


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("version", ["1.2.2", "1.5.5", "2.0.0"])
def test_the_file_opens_with_other_versions_of_duckdb(link: Path, version: str) -> None:
    ask = (
        f"import duckdb; con = duckdb.connect({str(link)!r}, read_only=True); "
        "print(duckdb.__version__, con.execute('select sum(value) from mart.metrics').fetchall())"
    )
    child = subprocess.run(
        [sys.executable, "-c", ask], env=engine_environment(version), capture_output=True, text=True, check=True
    )
    assert child.stdout == f"{version} [(4.0,)]\n"


@pytest.mark.usefixtures("published")
def test_an_older_file_that_cannot_be_removed_costs_a_warning_and_no_publish(
    link: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    """The new file is in place by then: a run that failed there would say that nothing was published."""

    def refuse(*_: object) -> None:
        raise OSError("operation not permitted")

    monkeypatch.setattr("marketflows_pipeline.warehouse.publish.VersionFolder.keep", refuse)
    runs.passes(run_id="caps-2", value=2.0, hour=1)

    assert answer(link, "select market_cap_usd from raw.market_caps") == [(2.0,)]
    assert "An older published file could not be removed: operation not permitted" in log.text


def test_of_two_failing_parts_the_one_never_published_is_left_out(private: Path, link: Path) -> None:
    """Being carried over is a part's own matter: the other one's tables must not speak for it."""
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        runs.passes("exchanges", "volumes-1", 10.0)
        runs.fails("exchanges", "volumes-2", 20.0)
        runs.fails("market_caps", "caps-1", 1.0)
        report = runs.passes("cross_asset", "bars-1", 5.0)

    assert (report.carried_over, report.left_out) == (("exchanges",), ("market_caps",))
