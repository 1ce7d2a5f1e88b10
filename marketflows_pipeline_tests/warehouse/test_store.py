"""The private file: reading, replacing, merging."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES, Table
from marketflows_pipeline.warehouse import catalog
from marketflows_pipeline.warehouse.merging import MergeResult
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.engines import engine_environment
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps, fill, frame

BOTH_STORES = True


def test_what_is_written_is_read_back_in_the_types_of_the_registry(warehouse: Warehouse) -> None:
    written = frame(
        "mart.percent_gains", {"hours_ago": 4.0, "gain_pct": None, "reason": "no value"}, {"hours_ago": 8.0}
    )

    warehouse.replace("mart.percent_gains", written.select(reversed(written.columns)))

    assert_frame_equal(warehouse.read("mart.percent_gains"), written, check_row_order=False)
    assert warehouse.read("mart.percent_gains").schema["as_of"] == pl.Datetime("us", "UTC")


@pytest.mark.slow
def test_a_session_in_another_time_zone_reads_the_same_moment(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with Warehouse(private) as warehouse:
        warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 1.0)))
        assert warehouse.read("raw.market_caps")["ts"].to_list() == [NOW]
        assert warehouse.query("select ts from raw.market_caps").schema["ts"] == pl.Datetime("us", "UTC")


def test_read_gives_the_columns_and_rows_asked_for(warehouse: Warehouse) -> None:
    warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 2.0), ("bitcoin", NOW - HOUR, 1.0), ("ether", NOW, 3.0)))

    answer = warehouse.read(
        "raw.market_caps", columns=["market_cap_usd", "ts"], where="coin_id = ? and ts >= ?", params=["bitcoin", NOW]
    )

    assert answer.rows() == [(2.0, NOW)]


def test_a_table_that_may_be_empty_reads_as_empty_before_its_first_write(warehouse: Warehouse) -> None:
    for table in ("raw.market_caps", "raw.narrative_members", "core.cohort", "meta.part_runs"):
        assert_frame_equal(warehouse.read(table), TABLES[table].empty())


def test_a_table_that_may_not_be_empty_is_an_error_before_its_first_write(warehouse: Warehouse) -> None:
    for table in ("core.market_cap_grid", "mart.metrics"):
        with pytest.raises(WarehouseError, match=f"{table} was never written; run `marketflows` first"):
            warehouse.read(table)


def test_a_name_that_is_not_registered_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match=r"raw\.nothing is not a registered table"):
        warehouse.read("raw.nothing")


def test_a_view_cannot_be_written(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match=r"mart.metrics is a view"):
        warehouse.replace("mart.metrics", TABLES["mart.metrics"].empty())


def test_replace_leaves_nothing_of_what_was_stored(warehouse: Warehouse) -> None:
    warehouse.replace("core.series", frame("core.series", {"series": "a"}, {"series": "b"}))
    result = warehouse.replace("core.series", frame("core.series", {"series": "c"}))

    assert result == 1
    assert warehouse.read("core.series")["series"].to_list() == ["c"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (pl.all().exclude("n_assets"), "core.group_totals was not written: the frame lacks n_assets"),
        ([pl.all(), pl.lit(1).alias("extra")], "has extra, which is not registered"),
        ([pl.all().exclude("n_assets"), pl.col("n_assets").cast(pl.Int64)], "holds n_assets as Int64 instead of Int32"),
        (pl.all().exclude("ts"), "lacks ts"),
        (
            [pl.all().exclude("n_assets"), pl.lit(None, pl.Int32).alias("n_assets")],
            "n_assets is null where it may not be in 2 rows, such as category=x, series=a",
        ),
        (
            [pl.all().exclude("market_cap_usd"), pl.lit(float("nan")).alias("market_cap_usd")],
            r"market_cap_usd is not finite \(a missing value is null\) in 2 rows",
        ),
        (
            [pl.all().exclude("series"), pl.lit("same").alias("series")],
            "category, series, ts is there more than once in 2 rows, such as category=x, series=same",
        ),
    ],
)
def test_a_frame_that_is_not_as_registered_changes_nothing(
    warehouse: Warehouse, fault: pl.Expr | list[pl.Expr], message: str
) -> None:
    good = frame("core.group_totals", {"series": "a", "market_cap_usd": 5.0}, {"series": "b"})
    warehouse.replace("core.group_totals", good)

    with pytest.raises(WarehouseError, match=message):
        warehouse.replace("core.group_totals", good.select(fault))

    assert_frame_equal(warehouse.read("core.group_totals"), good, check_row_order=False)


def test_an_error_shows_at_most_five_rows(warehouse: Warehouse) -> None:
    repeated = frame("core.series", *({"series": "same", "sort_order": place} for place in range(9)))

    with pytest.raises(WarehouseError) as caught:
        warehouse.replace("core.series", repeated)

    assert str(caught.value).count("series=same") == 5


def test_an_empty_frame_never_replaces_a_table_that_may_not_be_empty(warehouse: Warehouse) -> None:
    warehouse.replace("core.series", frame("core.series", {"series": "kept"}))

    with pytest.raises(WarehouseError, match=r"core.series was not written: the frame is empty"):
        warehouse.replace("core.series", TABLES["core.series"].empty())
    warehouse.replace("core.cohort", TABLES["core.cohort"].empty())

    assert warehouse.read("core.series")["series"].to_list() == ["kept"]
    assert warehouse.read("core.cohort").is_empty()


def test_merge_adds_revises_and_leaves_alone(warehouse: Warehouse) -> None:
    warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0), ("b", NOW, 1.0)))

    result = warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0), ("b", NOW, 2.0), ("c", NOW, 3.0)))

    assert result == MergeResult(inserted=1, revised=1, unchanged=1)
    stored = warehouse.read("raw.market_caps").sort("coin_id")
    assert stored.select("coin_id", "market_cap_usd").rows() == [("a", 1.0), ("b", 2.0), ("c", 3.0)]


def test_a_shorter_an_empty_or_an_older_answer_removes_nothing(warehouse: Warehouse) -> None:
    history = caps(*(("a", NOW - hours * HOUR, 1.0 + hours) for hours in range(5)))
    warehouse.merge("raw.market_caps", history)

    assert warehouse.merge("raw.market_caps", history.head(2)) == MergeResult(0, 0, 2)
    assert warehouse.merge("raw.market_caps", history.clear()) == MergeResult(0, 0, 0)
    assert warehouse.merge("raw.market_caps", caps(("a", NOW - 9 * HOUR, 7.0))) == MergeResult(1, 0, 0)

    assert warehouse.read("raw.market_caps").height == 6


def test_a_new_fetch_time_or_source_alone_is_no_revision_of_a_market_cap(warehouse: Warehouse) -> None:
    warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0), source="first"))

    again = warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0), source="second", fetched_at=NOW + HOUR))
    revised = warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0), source="third", volume_usd=9.0))

    assert again == MergeResult(0, 0, 1)
    assert revised == MergeResult(0, 1, 0)
    assert warehouse.read("raw.market_caps")["source"].to_list() == ["third"]


def test_in_other_merged_tables_any_column_makes_a_revision(warehouse: Warehouse) -> None:
    warehouse.merge("raw.coins", frame("raw.coins", {"coin_id": "a", "last_seen_at": NOW}))
    result = warehouse.merge("raw.coins", frame("raw.coins", {"coin_id": "a", "last_seen_at": NOW + HOUR}))

    assert result == MergeResult(0, 1, 0)


def test_merge_can_keep_what_is_stored(warehouse: Warehouse) -> None:
    warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0)))

    result = warehouse.merge("raw.market_caps", caps(("a", NOW, 2.0), ("b", NOW, 2.0)), revise=False)

    assert result == MergeResult(1, 0, 1)
    assert warehouse.read("raw.market_caps", where="coin_id = 'a'")["market_cap_usd"].to_list() == [1.0]


def test_a_null_becomes_a_value_and_back_only_as_a_revision(warehouse: Warehouse) -> None:
    warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0)))

    assert warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0), price_usd=2.0)) == MergeResult(0, 1, 0)
    assert warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0), price_usd=2.0)) == MergeResult(0, 0, 1)


def test_append_adds_to_what_is_stored(warehouse: Warehouse) -> None:
    warehouse.append("meta.repairs", frame("meta.repairs", {"coin_id": "a"}))
    result = warehouse.append("meta.repairs", frame("meta.repairs", {"coin_id": "b"}))

    assert result == 1
    assert sorted(warehouse.read("meta.repairs")["coin_id"]) == ["a", "b"]


def test_writes_in_one_transaction_stand_or_fall_together_and_are_seen_by_it_alone(warehouse: Warehouse) -> None:
    seen_elsewhere: list[int] = []
    elsewhere = threading.Thread(target=lambda: seen_elsewhere.append(warehouse.read("meta.repairs").height))

    with contextlib.suppress(ZeroDivisionError), warehouse.transaction():
        warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0)))
        warehouse.append("meta.repairs", frame("meta.repairs", {"coin_id": "a"}))
        assert warehouse.read("meta.repairs").height == 1
        elsewhere.start()
        elsewhere.join()
        raise ZeroDivisionError

    assert seen_elsewhere == [0]
    assert warehouse.read("raw.market_caps").is_empty()
    assert warehouse.read("meta.repairs").is_empty()
    with warehouse.transaction():
        warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0)))
        warehouse.merge("raw.market_caps", caps(("b", NOW, 1.0)))
    assert warehouse.read("raw.market_caps").height == 2


@pytest.mark.slow
def test_the_view_appears_with_the_last_of_its_tables_and_unites_them(warehouse: Warehouse) -> None:
    assert "mart.metrics" not in warehouse.tables()

    fill(warehouse, "market_caps", 1.0)

    metrics = warehouse.read("mart.metrics")
    assert metrics.height == 4
    assert metrics["is_unit"].sum() == 1


@pytest.mark.slow
def test_tables_and_columns_carry_the_words_of_the_registry(warehouse: Warehouse) -> None:
    fill(warehouse, "market_caps", 1.0)
    for name in ("raw.market_caps", "mart.normalized", "mart.metrics"):
        entry = TABLES[name]
        said = warehouse.query(
            "select comment from duckdb_tables() where schema_name || '.' || table_name = $1 union all "
            "select comment from duckdb_views() where schema_name || '.' || view_name = $1",
            [name],
        )
        columns = warehouse.query(
            "select column_name, comment from duckdb_columns() where schema_name || '.' || table_name = ?", [name]
        )
        assert said["comment"].to_list() == [entry.description]
        has_comments = entry.view_sql is None or warehouse.store.dialect.comments_view_columns
        words = {column.name: column.comment if has_comments else None for column in entry.columns}
        assert dict(columns.iter_rows()) == words


@pytest.mark.slow
def test_nothing_is_used_that_a_lake_lacks(warehouse: Warehouse) -> None:
    fill(warehouse, "market_caps", 1.0)

    constraints = warehouse.query("select distinct constraint_type from duckdb_constraints()")
    assert set(constraints["constraint_type"]) <= {"NOT NULL"}
    assert warehouse.query("select * from duckdb_indexes()").is_empty()
    assert warehouse.query("select * from duckdb_sequences()").is_empty()


def test_a_write_that_fails_inside_its_transaction_leaves_the_old_rows(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.replace("core.series", frame("core.series", {"series": "old"}))

    insert = catalog.insert

    def inserts_and_fails(cursor: duckdb.DuckDBPyConnection, table: Table, rows: pl.DataFrame) -> None:
        insert(cursor, table, rows)
        cursor.execute("comment on table nowhere.at_all is ''")

    monkeypatch.setattr(catalog, "insert", inserts_and_fails)
    with pytest.raises(WarehouseError, match="what was stored is unchanged"):
        warehouse.replace("core.series", frame("core.series", {"series": "new"}))

    assert warehouse.read("core.series")["series"].to_list() == ["old"]


def test_sql_that_duckdb_refuses_is_an_error_of_ours(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="nowhere"):
        warehouse.query("select * from nowhere")


def test_a_fault_of_duckdb_is_one_line_without_its_advice(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too little memory took six lines, which advised settings that no user of this program can reach."""

    def too_little_memory(*_: object) -> None:
        advice = "Possible solutions:\n* Reducing the number of threads (SET threads=X)\n\nSee also https://duckdb.org"
        raise duckdb.OutOfMemoryException(f"Out of Memory Error: failed to allocate 8388608 bytes\n\n{advice}")

    monkeypatch.setattr("marketflows_pipeline.warehouse.store.insert", too_little_memory)
    with pytest.raises(WarehouseError) as raised:
        warehouse.append("raw.market_caps", caps(("bitcoin", NOW, 1.0)))

    said = f"{warehouse.store}: Out of Memory Error: failed to allocate 8388608 bytes; what was stored is unchanged"
    assert str(raised.value) == said


@pytest.mark.slow
def test_threads_write_and_read_at_once_without_losing_a_row(warehouse: Warehouse) -> None:
    def write(coin: int) -> None:
        for hour in range(5):
            warehouse.merge("raw.market_caps", caps((f"coin-{coin}", NOW - hour * HOUR, 1.0)))
            warehouse.read("raw.market_caps")

    threads = [threading.Thread(target=write, args=(coin,)) for coin in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert warehouse.read("raw.market_caps").height == 20


@pytest.mark.slow
def test_what_was_written_is_there_after_reopening(private: Path) -> None:
    with Warehouse(private) as warehouse:
        warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0)))
    with Warehouse(private, create=False) as warehouse:
        assert warehouse.read("raw.market_caps").height == 1


def test_a_missing_file_is_not_made_where_it_should_be_there(private: Path) -> None:
    with pytest.raises(WarehouseError, match="run `marketflows` first"):
        Warehouse(private, create=False)
    assert not private.exists()


def test_a_file_that_is_no_database_is_named(private: Path) -> None:
    private.parent.mkdir()
    private.write_text("not a database " * 1000)
    with pytest.raises(WarehouseError, match=r"warehouse\.duckdb could not be opened as a DuckDB warehouse"):
        Warehouse(private)


@pytest.mark.slow
def test_a_file_held_by_another_process_names_the_holder(private: Path) -> None:
    Warehouse(private).close()
    hold = f"import duckdb, sys; con = duckdb.connect({str(private)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(WarehouseError, match=rf"is held open by .*\(pid {holder.pid}\)"):
            Warehouse(private)
        holder.communicate()


@pytest.mark.slow
def test_a_write_survives_kill_nine_the_moment_it_returned(private: Path) -> None:
    script = (
        "import os, sys; from marketflows_pipeline.warehouse.store import Warehouse\n"
        "from marketflows_pipeline_tests.warehouse.frames import NOW, caps\n"
        "Warehouse(sys.argv[1]).merge('raw.market_caps', caps(('a', NOW, 1.0)))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    child = subprocess.run([sys.executable, "-c", script, private], env=engine_environment(), check=False)

    assert child.returncode == -9
    with Warehouse(private) as warehouse:
        assert warehouse.read("raw.market_caps").height == 1


@pytest.mark.slow
def test_a_checkpoint_moves_all_that_is_committed_into_the_file_itself(private: Path) -> None:
    with Warehouse(private) as warehouse:
        warehouse.merge("raw.market_caps", caps(("a", NOW, 1.0)))
        log = private.with_name("warehouse.duckdb.wal")

        assert log.stat().st_size
        warehouse.checkpoint()
        assert not log.exists() or not log.stat().st_size


def test_microseconds_survive(warehouse: Warehouse) -> None:
    moment = datetime(2026, 11, 20, 18, 0, 0, 123456, tzinfo=UTC)
    warehouse.merge("raw.market_caps", caps(("a", moment, 1.0)))
    assert warehouse.read("raw.market_caps")["ts"].to_list() == [moment]
