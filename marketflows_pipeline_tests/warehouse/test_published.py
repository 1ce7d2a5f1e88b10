"""Answers from the published file."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.warehouse import render
from marketflows_pipeline.warehouse.published import open_published
from marketflows_pipeline.warehouse.render import Format
from marketflows_pipeline.warehouse.user_query import write_result
from marketflows_pipeline_tests.published_answers import query_rows, run_sql
from marketflows_pipeline_tests.warehouse.engines import ROOT, engine_environment
from marketflows_pipeline_tests.warehouse.frames import NOW
from marketflows_pipeline_tests.warehouse.sessions import Session

EVERY_KIND = """
select 'Bitcoin' as name, 1234567.891 as market_cap_usd, 12.3456789 as gain_pct, 3::bigint as n, null::double as gap,
       true as ok, timestamptz '2026-11-20 18:00:00+00' as ts, date '2026-11-20' as day, 1.50::decimal(9, 2) as exact,
       'nan'::double as lost, [1, 2] as list
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "marketflows.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select timestamptz '2026-11-20 18:00:00+00' as ts, 1 as x")
    return path


def written(file: Path, sql: str, output_format: Format) -> str:
    out = io.BytesIO()
    write_result(sql, file, output_format, out)
    return out.getvalue().decode()


@pytest.mark.slow
def test_times_are_utc_wherever_the_session_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")

    assert query_rows(file, "select ts, ts::varchar from t").rows == [(NOW, "2026-11-20 18:00:00+00")]
    assert run_sql(file, "select ts from t").schema["ts"] == pl.Datetime("us", "UTC")


def test_an_answer_names_its_columns_and_types(file: Path) -> None:
    answer = query_rows(file, "select x, x::double as y from t")
    assert (answer.columns, answer.types, answer.rows) == (("x", "y"), ("INTEGER", "DOUBLE"), [(1, 1.0)])


def test_before_the_first_publish_the_command_to_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(MarketflowsError, match=r"nothing is published at .* yet; run `marketflows` first") as caught:
        query_rows(tmp_path / "marketflows.duckdb", "select 1")
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("selec 1", 'syntax error at or near "selec"'),
        ("select y from t", 'Referenced column "y" not found'),
        ("select * from nowhere", "nowhere does not exist"),
        ("insert into t values (now(), 2)", "read-only"),
        ("select error('on the way') from range(3)", "on the way"),
    ],
)
@pytest.mark.parametrize("output_format", ["table", "csv", "parquet"])
def test_sql_that_duckdb_refuses_is_the_users_to_mend_in_one_line(
    file: Path, sql: str, message: str, output_format: Format
) -> None:
    with pytest.raises(UserInputError, match=message) as caught:
        written(file, sql, output_format)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.slow
def test_a_file_open_for_writing_elsewhere_names_the_program(file: Path) -> None:
    with (
        Session(file, duckdb.__version__, "write"),
        pytest.raises(MarketflowsError, match=r"open for writing in .*pid"),
    ):
        query_rows(file, "select 1")


def test_nothing_can_be_written_through_a_published_connection(file: Path) -> None:
    with open_published(file) as connection, pytest.raises(duckdb.Error):
        connection.execute("create table u as select 1 as x")


@pytest.mark.slow
def test_a_new_version_is_seen_though_the_old_one_is_still_open_here(file: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "v2.duckdb")) as connection:
        connection.execute("create table t as select 2 as x")
    link = tmp_path / "link.duckdb"
    link.symlink_to(file.name)
    with open_published(link):
        link.unlink()
        link.symlink_to("v2.duckdb")
        assert query_rows(link, "select x from t").rows == [(2,)]


def test_the_table_lines_numbers_up_on_the_right_and_says_how_many_rows(file: Path) -> None:
    sql = "select * from (values ('bitcoin', 2000000000.5, null), ('ether', 0.00001234, true)) v(coin, cap_usd, ok)"
    assert written(file, sql, "table") == (
        "coin              cap_usd  ok\n"
        "───────────────────────────────\n"
        "bitcoin  2,000,000,000.50  null\n"
        "ether          0.00001234  true\n"
        "\n2 rows\n"
    )


def test_the_table_is_lined_up_with_wide_letters_and_shows_control_characters(file: Path) -> None:
    sql = "select * from (values ('日本', 1), ('a' || chr(10) || 'b', 2)) v(name, n)"
    assert written(file, sql, "table") == "name  n\n───────\n日本  1\na\\nb  2\n\n2 rows\n"


@pytest.mark.slow
def test_the_table_never_leaves_rows_out_in_silence(file: Path) -> None:
    text = written(file, f"select * from range({render.TABLE_ROWS + 1})", "table")
    assert text.endswith("The first 1,000 rows; --format csv gives them all.\n")
    assert written(file, f"select * from range({render.TABLE_ROWS})", "table").endswith("\n1,000 rows\n")


@pytest.mark.slow
def test_an_empty_answer_still_names_its_columns(file: Path) -> None:
    assert written(file, "select x from t where false", "table") == "x\n─\n\n0 rows\n"
    assert written(file, "select x from t where false", "csv") == "x\n"
    assert json.loads(written(file, "select x from t where false", "json")) == []


def test_json_has_iso_times_and_null_for_what_is_missing(file: Path) -> None:
    assert json.loads(written(file, EVERY_KIND, "json")) == [
        {
            "name": "Bitcoin",
            "market_cap_usd": 1234567.891,
            "gain_pct": 12.3456789,
            "n": 3,
            "gap": None,
            "ok": True,
            "ts": "2026-11-20T18:00:00+00:00",
            "day": "2026-11-20",
            "exact": 1.5,
            "lost": None,
            "list": [1, 2],
        }
    ]


def test_json_keeps_both_of_two_columns_of_one_name(file: Path) -> None:
    assert json.loads(written(file, "select a.x, b.x from t a, (select 7 as x) b", "json")) == [{"x": 1, "x_2": 7}]


def test_json_keeps_a_column_that_bears_the_name_another_one_is_given(file: Path) -> None:
    """Of x, x and x_2 only two came out."""
    (row,) = json.loads(written(file, "select 1 as x, 2 as x, 3 as x_2, 4 as x", "json"))
    assert row == {"x": 1, "x_3": 2, "x_2": 3, "x_4": 4}


def test_csv_is_read_back_as_it_was(file: Path) -> None:
    rows = list(csv.reader(io.StringIO(written(file, "select 'a,\"b' || chr(10) as s, ts, null as n from t", "csv"))))
    assert rows == [["s", "ts", "n"], ['a,"b\n', "2026-11-20T18:00:00+00:00", ""]]


@pytest.mark.slow
def test_csv_gives_every_row_and_every_digit(file: Path) -> None:
    text = written(file, "select i, 1.0 / 3 as third from range(25000) r(i)", "csv")
    assert text.count("\n") == 25_001
    assert text.endswith("24999,0.3333333333333333\n")


def test_csv_gives_every_digit_of_a_decimal(file: Path) -> None:
    """A sum of decimals came out as 1.2345678901234568e+17."""
    sql = "select 123456789012345678.123456789::decimal(38, 9) as long, 1.50::decimal(9, 2) as short"
    assert written(file, sql, "csv") == "long,short\n123456789012345678.123456789,1.5\n"


def test_parquet_of_what_gives_no_rows_is_refused(file: Path) -> None:
    """A table made for the session ended in a traceback."""
    with pytest.raises(UserInputError, match="gives no rows for parquet"):
        written(file, "create temp table mine as select 1", "parquet")


def test_a_file_of_another_kind_is_told_in_one_line_and_loads_no_extension(tmp_path: Path) -> None:
    """For a file of SQLite's DuckDB loaded the extension that reads it, where one was installed."""
    path = tmp_path / "sqlite.duckdb"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("create table t (x int)")
    with pytest.raises(MarketflowsError, match="not a valid DuckDB database file") as raised:
        written(path, "select 1", "csv")
    assert "xtension" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("is_link", "words"), [(True, "the next run publishes it anew"), (False, "no run replaces it")]
)
def test_only_a_link_is_said_to_be_published_anew(tmp_path: Path, *, is_link: bool, words: str) -> None:
    """A run refuses to replace a file of the user's, which status promised it would."""
    path, named = tmp_path / "some.duckdb", tmp_path / "published.duckdb"
    path.write_bytes(b"no database")
    named.symlink_to(path.name)
    with pytest.raises(MarketflowsError, match=words):
        written(named if is_link else path, "select 1", "csv")


def test_parquet_is_read_back_as_it_was(file: Path) -> None:
    out = io.BytesIO()
    write_result("select * from t", file, "parquet", out)

    frame = pl.read_parquet(io.BytesIO(out.getvalue()))
    assert frame.rows() == [(datetime(2026, 11, 20, 18, tzinfo=UTC), 1)]


@pytest.mark.slow
def test_only_what_an_answer_needs_is_imported() -> None:
    script = (
        "import sys, marketflows_pipeline.warehouse.published as _; "
        "print([name for name in ('dagster', 'altair', 'polars', 'pyarrow', 'numpy', 'pandas') if name in sys.modules])"
    )
    child = subprocess.run(
        [sys.executable, "-c", script], env=engine_environment(), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert child.stdout == "[]\n"
