"""A question, and a file received from somebody, reach the published file and nothing else."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import duckdb
import polars as pl
import pyarrow.parquet
import pytest

from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.published import open_published, read_published
from marketflows_pipeline.warehouse.render import Format
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.user_query import write_result
from marketflows_pipeline_tests.published_answers import run_sql
from marketflows_pipeline_tests.warehouse.frames import NOW, caps, fill

FORMATS: tuple[Format, ...] = get_args(Format)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the reader's that no question may see."""
    path = tmp_path / "secret.csv"
    path.write_text("word\ncanary\n")
    return path


@pytest.fixture
def received(tmp_path: Path, secret: Path) -> Path:
    """A published file of somebody else's, who hopes that it is opened."""
    path = tmp_path / "marketflows.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select range as x, 'row ' || range as name from range(10)")
        connection.execute("create schema mart")
        connection.execute(f"create view mart.metrics as select * from read_csv('{secret}')")
        connection.execute(f"create view listing as select * from glob('{tmp_path}/*')")
        connection.execute(f"create macro stolen() as (select content from read_text('{secret}'))")
        connection.execute(f"create macro stolen_rows() as table select * from read_csv('{secret}')")
    return path


def written(file: Path, sql: str, output_format: Format = "csv", **options: Any) -> bytes:
    out = io.BytesIO()
    write_result(sql, file, output_format, out, **options)
    return out.getvalue()


REACHES_OUT = [
    "select * from read_text('{secret}')",
    "select * from read_blob('{secret}')",
    "select * from read_csv('{secret}')",
    "select * from read_json('{secret}')",
    "select * from read_text(['{secret}'])",
    "select * from '{secret}'",
    "select * from query_table('{secret}')",
    "select * from query('select * from read_text(''{secret}'')')",
    "select * from json_execute_serialized_sql(json_serialize_sql('select * from read_text(''{secret}'')'))",
    "select * from sniff_csv('{secret}')",
    "select * from glob('{folder}/*')",
    "select * from parquet_scan('{secret}')",
    "select * from parquet_metadata('{secret}')",
    "select * from 'https://example.invalid/file.parquet'",
    "select * from 's3://bucket/file.parquet'",
    "select * from iceberg_scan('{folder}')",
    "select * from sqlite_scan('{secret}', 't')",
    "select * from mart.metrics",
    "select * from listing",
    "select stolen()",
    "select * from stolen_rows()",
    "with inner_one as (select * from read_text('{secret}')) select * from inner_one",
    "select (select content from read_text('{secret}')) from t",
    "summarize from read_csv('{secret}')",
    "describe from read_csv('{secret}')",
    "explain analyze select * from read_csv('{secret}')",
    "copy t to '{folder}/out.csv'",
    "copy (select 1) to '{folder}/out.parquet' (format parquet)",
    "copy (select 1) to '{published}' (format csv, use_tmp_file false)",
    "explain analyze copy (select 1) to '{published}' (format csv, use_tmp_file false)",
    "EXPLAIN (analyze) copy (select 1) to '{published}' (format csv, use_tmp_file false)",
    "explain /* */ analyze copy (select 1) to '{published}' (format csv, use_tmp_file false)",
    "-- explain\nexplain analyze copy (select 1) to '{published}' (format csv, use_tmp_file false)",
    "/* explain */ explain (analyze) copy (select 1) to '{published}' (format csv, use_tmp_file false)",
    "-- a comment\nexplain analyze copy (select 1) to '{published}' (format csv, use_tmp_file false)",
    # Taken for a plain select where the text was edited to find what is explained.
    "/* explain (format */ explain analyze copy t to '{published}' -- ) */ select 1 /*\n (use_tmp_file false) -- */",
    "/* é€ */ explain analyze copy t to '{published}.wal' -- ) */ select 1 /*\n (use_tmp_file false) -- */",
    "call enable_logging(storage='file', storage_config={{'path': '{folder}'}})",
    "from enable_profiling()",
    "select * from \"enable_logging\"(level := 'trace', storage := 'stdout')",
    "select write_log('forged')",
    "from arrow_scan(1, 2, 3)",
    "export database '{folder}/exported'",
    "import database '{folder}/exported'",
    "pragma import_database('{folder}/exported')",
    "attach '{folder}/other.duckdb'",
    "install httpfs",
    "load httpfs",
    "load '{secret}'",
    "set enable_external_access = true",
    "set allowed_directories = ['/']",
    "set lock_configuration = false",
    "reset lock_configuration",
    "pragma threads = 2",
    "call load_aws_credentials()",
    "create secret (type s3, key_id 'x')",
    "create persistent secret (type http, bearer_token 'x')",
    "select getenv('HOME')",
    "select * from a_frame_of_this_process",
    "update extensions",
]


@pytest.mark.slow
@pytest.mark.parametrize("output_format", ["csv", "parquet"])
@pytest.mark.parametrize("sql", REACHES_OUT)
def test_a_question_reaches_no_other_file_address_extension_or_setting(
    received: Path, secret: Path, tmp_path: Path, sql: str, output_format: Format
) -> None:
    """`marketflows sql "select * from read_text('/etc/passwd')"` once answered; COPY TO wrote anywhere."""
    a_frame_of_this_process = pl.DataFrame({"word": ["canary"]})
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(UserInputError) as refused:
        written(received, sql.format(secret=secret, folder=tmp_path, published=received), output_format)

    assert "\n" not in str(refused.value)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(a_frame_of_this_process) == 1


def _read(path: Path, sql: str) -> object:
    with read_published(path) as reading:
        return reading.rows(sql)


def _executed(path: Path, sql: str) -> object:
    with open_published(path) as connection:
        return connection.execute(sql).fetchall()


ASKERS: list[Callable[[Path, str], object]] = [_read, _executed]


@pytest.mark.parametrize("ask", ASKERS, ids=["read_published", "open_published"])
@pytest.mark.parametrize(
    "sql", ["from mart.metrics", "select stolen()", "from '{secret}'", "set enable_external_access = true"]
)
def test_every_way_to_open_a_published_file_is_shut(
    received: Path, secret: Path, ask: Callable[[Path, str], object], sql: str
) -> None:
    """Answer commands read what a received file calls mart.metrics."""
    with pytest.raises((MarketflowsError, duckdb.Error), match=r"disabled by configuration|has been locked"):
        ask(received, sql.format(secret=secret))


def test_the_refusal_says_how_to_allow_it(received: Path, secret: Path) -> None:
    with pytest.raises(UserInputError, match=r"file system operations are disabled.*`marketflows sql --allow-files`"):
        written(received, f"from '{secret}'")


def test_files_can_be_allowed(received: Path, secret: Path, tmp_path: Path) -> None:
    """A table of one's own beside the published ones is a fair use."""
    assert (
        written(received, f"select word, x from '{secret}', t where x = 3", allow_files=True) == b"word,x\ncanary,3\n"
    )
    written(received, f"copy t to '{tmp_path / 'out.csv'}'", allow_files=True)
    assert (tmp_path / "out.csv").read_text().startswith("x,name\n0,row 0\n")


def test_even_then_no_extension_is_loaded_and_no_setting_changed(received: Path) -> None:
    for sql in ("from sqlite_scan('x', 'y')", "from 'https://example.invalid/x.csv'", "call enable_peg_parser()"):
        with pytest.raises(UserInputError):
            written(received, sql, allow_files=True)


@pytest.mark.slow
@pytest.mark.parametrize("output_format", FORMATS)
def test_questions_of_every_kind_are_answered_as_before(received: Path, output_format: Format) -> None:
    for sql in (
        "select * from t",
        "from t order by x desc",
        "values (1)",
        "show tables",
        "describe t",
        "summarize t",
        "explain select * from t",
        "explain analyze select * from t",
        '-- explain\n explain select \'explain\', "copy" from (select 1 as "copy")',
        "explain /* why */ select 1",
        "pragma table_info('t')",
        "pivot t on name using sum(x)",
        "select * from duckdb_tables()",
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select * from r",
    ):
        assert written(received, sql, output_format)


@pytest.mark.parametrize("plant", ["fifo", "folder"])
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path, plant: str) -> None:
    path = tmp_path / "marketflows.duckdb"
    if plant == "fifo":
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to("pipe")
    else:
        path.mkdir()
    with pytest.raises(MarketflowsError, match=f"{path} is no file"):
        run_sql(path, "select 1")


def test_without_a_place_for_temporary_files_answers_go_on(received: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may have no folder that can be written to."""

    def refuse(**_: object) -> None:
        raise FileNotFoundError("no usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    assert written(received, "select count(*) as n from t") == b"n\n10\n"
    with pytest.raises(MarketflowsError, match="TMPDIR"):
        written(received, "select 1", "parquet")


def test_two_questions_at_once_do_not_lock_each_other_out(received: Path) -> None:
    with open_published(received) as first, open_published(received) as second:
        for connection in (first, second, first):
            assert connection.execute("select count(*) from t").fetchall() == [(10,)]


@pytest.mark.slow
def test_a_sort_larger_than_memory_is_spilled(received: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without external access DuckDB may still write to its own spill folder."""
    from marketflows_pipeline.warehouse import engine

    monkeypatch.setattr(engine, "_SETTINGS", engine._SETTINGS | {"memory_limit": "60MB", "threads": 1})
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with open_published(received) as connection:
        wide = "select i, repeat(md5(i::varchar), 8) as text from range(400000) r(i) order by text"
        connection.execute(f"create temp table sorted as {wide}")
        spilled = [path for path in tmp_path.glob("marketflows-*/*") if path.stat().st_size]
        assert spilled
        assert connection.execute("select count(distinct i) from sorted").fetchall() == [(400_000,)]
    assert not list(tmp_path.glob("marketflows-*"))


EVERY_TYPE = """
select 1.50::decimal(9, 2) as exact, 12345678901234567890123.45::decimal(38, 2) as wide,
       timestamptz '2026-11-20 18:00:00+00' as ts, timestamp_ns '2026-11-20 18:00:00.123456789' as ns,
       'a'::enum('a', 'b') as kind, uuid '00000000-0000-0000-0000-000000000001' as id, [1, null, 3] as list,
       {'a': 1, 'b': ['x']} as struct, map {'k': 1.5} as map, null::double as gap,
       170141183460469231731::hugeint as huge, interval 1 month as pause, 'abc'::blob as bytes,
       date '2026-11-20' as day, time '12:00:00' as hour
"""


def test_parquet_keeps_every_type_of_duckdbs_own_writer(received: Path, tmp_path: Path) -> None:
    """An answer of decimals once would have come back as floats from another writer."""
    with duckdb.connect() as plain:
        plain.execute("set TimeZone = 'UTC'")
        plain.sql(EVERY_TYPE).write_parquet(str(tmp_path / "expected.parquet"))

    answer = written(received, EVERY_TYPE, "parquet")

    assert answer == (tmp_path / "expected.parquet").read_bytes()
    assert pyarrow.parquet.read_table(io.BytesIO(answer)).column("exact").to_pylist() == [Decimal("1.50")]


@pytest.mark.slow
def test_a_large_answer_is_whole_in_parquet(received: Path) -> None:
    answer = written(received, "select range as i, range::varchar as s from range(300000)", "parquet")
    assert pl.read_parquet(io.BytesIO(answer))["i"].sum() == 300_000 * 299_999 // 2


HOSTILE = [
    "create macro main.stolen() as (select content from read_text('{secret}'))",
    "create macro mart.stolen_rows() as table select * from read_csv('{secret}')",
    "create view mart.stolen as select * from read_csv('{secret}')",
    "create or replace view mart.metrics as select * from read_csv('{secret}')",
    "create sequence main.steps",
    'create view main."a.view" as select 1 as x; create table main."a.table" (x integer default 5)',
    "create macro main.duckdb_views() as table select 1 as view_name where false; create view stolen as select 1",
    "create macro main.current_database() as 'nothing'",
    "create macro main.count(x) as 99",
    "create schema theirs; create type theirs.mood as enum ('a'); create table theirs.t (m theirs.mood)",
    "create type main.mood as enum ('a')",
]
CHANGES = [
    "drop table meta.publish; create view meta.publish as select * from read_csv('{secret}')",
    "drop table mart.ema; create view mart.ema as select * from read_csv('{secret}')",
    "alter table mart.ema alter column value set default error('run')",
    "create index on_series on mart.ema (series)",
    "create table main.a (x integer primary key); create table main.b (x integer references main.a (x))",
]


@cache
def published_once(rows: int) -> TemporaryDirectory[str]:
    """A folder with both files after a run of either part."""
    folder = TemporaryDirectory()
    with Warehouse(Path(folder.name) / "private" / "warehouse.duckdb") as warehouse:
        begin_part(warehouse, "market_caps", "caps-1", NOW)
        fill(warehouse, "market_caps", 1.0)
        # The larger half stays in place, the other one is brought over.
        warehouse.merge("raw.market_caps", caps(*((f"coin-{n}", NOW, 1.0) for n in range(rows))))
        for part in ("market_caps", "exchanges"):
            link = Path(folder.name) / "published" / "marketflows.duckdb"
            publish(warehouse, part=part, run_id="run-1", now=NOW, published_path=link)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("statement", HOSTILE + CHANGES)
@pytest.mark.parametrize("rows", [1, 5_000])
def test_nothing_but_the_rows_of_a_published_file_is_carried_over(
    tmp_path: Path, secret: Path, statement: str, rows: int
) -> None:
    """Whoever could write to a published file could have left a macro in all that were published after it."""
    shutil.copytree(published_once(rows).name, tmp_path, symlinks=True, dirs_exist_ok=True)
    link, private = tmp_path / "published" / "marketflows.duckdb", tmp_path / "private" / "warehouse.duckdb"
    with duckdb.connect(str(link)) as session:
        session.execute(statement.format(secret=secret))
        session.execute("checkpoint")
    with Warehouse(private, create=False) as warehouse:
        begin_part(warehouse, "market_caps", "caps-2", NOW)
        publish(warehouse, part="exchanges", run_id="run-2", now=NOW, published_path=link)

    with duckdb.connect(str(link), read_only=True) as reader:
        ours = f"database_name = '{link.resolve().stem}' and not internal"
        assert reader.execute(f"select function_name from duckdb_functions() where {ours}").fetchall() == []
        assert reader.execute(f"select type_name from duckdb_types() where {ours}").fetchall() == []
        assert reader.execute("select sequence_name from duckdb_sequences()").fetchall() == []
        tables = f"select table_name from duckdb_tables() where {ours} and schema_name in ('main', 'theirs')"
        assert reader.execute(tables).fetchall() == []
        views = f"select view_name from duckdb_views() where {ours} and schema_name = 'main'"
        assert reader.execute(views).fetchall() == []
        assert reader.execute("select index_name from duckdb_indexes()").fetchall() == []
        assert reader.execute(f"select sql from duckdb_views() where {ours} and sql like '%read_csv%'").fetchall() == []
        defaults = f"select column_default from duckdb_columns() where {ours} and column_default is not null"
        assert reader.execute(defaults).fetchall() == []
        assert reader.execute("select count(*), sum(market_cap_usd) from raw.market_caps").fetchall() == [
            (rows + 1, rows + 1.0)
        ]
        assert "canary" not in json.dumps(reader.execute("select * from meta.publish").fetchall(), default=str)


@pytest.mark.parametrize(
    "program",
    [
        "create view mart.loud as select * from enable_logging(level := 'trace', storage := 'stdout')",
        "create view mart.loud as select write_log(chr(27) || '[31mforged', level := 'error') as word",
        "create view mart.loud as select * from query('from ena' || 'ble_profiling()')",
        "create macro mart.loud() as (select count(*) from enable_profiling())",
        "create macro mart.loud() as table from system.main.ENABLE_LOGGING()",
        "create table mart.loud (x integer check (write_log('checked') is null))",
    ],
)
def test_a_received_file_that_would_do_more_than_answer_is_not_asked(received: Path, program: str) -> None:
    """A view of a received file switched DuckDB's log to standard output, amid the answer, or ended the process."""
    with duckdb.connect(str(received)) as theirs:
        theirs.execute(program)

    with pytest.raises(MarketflowsError, match=r"was not published by this program: it holds loud, which calls \w+;"):
        _read(received, "select 1")
    assert written(received, "select 1 as one", allow_files=True) == b"one\n1\n"
