"""Putting a published file together: tables from two files into one, described and checked.

What belongs here: the inside of the file. What does not: which parts have passed (`publish`) and where the file goes
(`versions`). All work is done on copies, by a DuckDB of its own, so that a full disk harms neither the private file
nor the one published before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.catalog import make_views, run_all, stored_columns, write_table
from marketflows_pipeline.warehouse.describe import describe

_DESCRIBING = ("meta.tables", "meta.columns", "meta.lineage", "meta.publish")


@dataclass(frozen=True)
class Origin:
    """Where a published table comes from: its rows, ``fresh`` or ``carried_over``, whose run, first published when."""

    rows: int
    status: str
    run_id: str
    published_at: datetime


def fresh_origins(
    counts: Mapping[str, int], runs: Mapping[str, str], before: pl.DataFrame, run_id: str, now: datetime
) -> dict[str, Origin]:
    """Origins of the tables taken from the private file: those of passed parts, and those about the warehouse.

    Args:
        counts: rows of each table there.
        runs: passed part to the run that wrote it.
        before: ``meta.publish`` of the publish before; a table of the same run keeps its date.
        run_id: the run that publishes.
        now: the present.
    """
    since = {(row["table_name"], row["run_id"]): row["published_at"] for row in before.iter_rows(named=True)}
    origins = {}
    for name, rows in counts.items():
        part = TABLES[name].part
        if name in _DESCRIBING:
            continue
        if part == "meta":
            origins[name] = Origin(rows, "fresh", run_id, now)
        elif part in runs:
            origins[name] = Origin(rows, "fresh", runs[part], since.get((name, runs[part]), now))
    return origins


def carried_origins(path: Path, parts: Sequence[str]) -> dict[str, Origin] | None:
    """Origins of some parts' tables in a copy of a file published before.

    Returns:
        Origins by table; None if a session has changed one of the tables since it was published.
    """
    with _opened(path, read_only=True) as cursor:
        rows = cursor.execute(
            "select table_name, run_id, published_at, n_rows, fingerprint from meta.publish where n_rows is not null"
        ).fetchall()
        stored = stored_columns(cursor)
        origins = {}
        for name, run_id, published_at, n_rows, fingerprint in rows:
            if name in TABLES and TABLES[name].part in parts:
                if name not in stored or _fingerprint(cursor, name) != fingerprint:
                    return None
                origins[name] = Origin(n_rows, "carried_over", run_id, published_at)
    return origins


def assemble(
    target: Path,
    other: Path,
    *,
    taken: Mapping[str, Origin],
    origins: Mapping[str, Origin],
    run_id: str,
    now: datetime,
) -> pl.DataFrame:
    """Make a copy of one file into the file to publish.

    Args:
        target: the copy, which already holds those tables that are not `taken`.
        other: the file that holds the `taken` ones; it may be missing if there are none.
        taken: tables to bring over.
        origins: every table the file shall hold; any other is dropped.
        run_id: the run that publishes.
        now: the present.

    Returns:
        The rows of ``meta.publish``.
    """
    with _opened(target, read_only=False) as cursor:
        _drop_all_but(cursor, set(origins) - set(taken))
        if taken:
            cursor.execute(f"attach {ddl.literal(str(other))} as other (read_only)")
            for name in taken:
                entry = TABLES[name]
                cursor.execute(ddl.create_schema(entry))
                cursor.execute(f"create table {ddl.qualified(name)} as from {ddl.qualified(name, 'other')}")
                run_all(cursor, ddl.comments(entry, stored_columns(cursor)[name]))
            cursor.execute("detach other")
        for name in _DESCRIBING:
            write_table(cursor, TABLES[name], TABLES[name].empty())
        make_views(cursor)
        for name, frame in describe(stored_columns(cursor)).items():
            write_table(cursor, TABLES[name], frame)
    # Opened anew, because a table has its place in the file only once the file was closed.
    with _opened(target, read_only=False) as cursor:
        published = _published_rows(cursor, origins, run_id, now)
        write_table(cursor, TABLES["meta.publish"], published)
    return published


def check(path: Path, expected: Mapping[str, Origin], published: pl.DataFrame) -> None:
    """Open a finished file as a reader would and compare it with what it should hold.

    Args:
        path: the file.
        expected: origins of its tables, with the rows counted where they came from.
        published: what its ``meta.publish`` says.

    Raises:
        WarehouseError: if a table's rows are not as many as expected, or not where they were put.
    """
    fingerprints = dict(published.select("table_name", "fingerprint").iter_rows())
    with _opened(path, read_only=True) as cursor:
        for name, origin in expected.items():
            found = _count(cursor, name)
            if found != origin.rows:
                raise WarehouseError(
                    f"nothing was published: {name} has {found} rows in the new file instead of {origin.rows}"
                )
            if _fingerprint(cursor, name) != fingerprints[name]:
                raise WarehouseError(f"nothing was published: {name} changed while the new file was put together")


def _published_rows(
    cursor: duckdb.DuckDBPyConnection, origins: Mapping[str, Origin], run_id: str, now: datetime
) -> pl.DataFrame:
    stored = stored_columns(cursor)
    rows = []
    for name, entry in TABLES.items():
        if name not in stored:
            continue
        if entry.view_sql is None:
            origin = origins.get(name, Origin(_count(cursor, name), "fresh", run_id, now))
        else:
            origin = min(
                (origins[source] for source in ddl.view_sources(entry)), key=lambda source: source.published_at
            )
        as_of = None
        if entry.as_of is not None and entry.as_of in stored[name]:
            newest = f"select max({ddl.identifier(entry.as_of)}) from {ddl.qualified(name)}"
            ((as_of,),) = cursor.execute(newest).fetchall()
        rows.append(
            {
                "table_name": name,
                "part": entry.part,
                "status": origin.status,
                "as_of": as_of,
                "n_rows": origin.rows if entry.view_sql is None else None,
                "run_id": origin.run_id,
                "published_at": origin.published_at,
                "fingerprint": _fingerprint(cursor, name) if entry.view_sql is None else None,
            }
        )
    frame = pl.DataFrame(rows, schema=TABLES["meta.publish"].polars_schema)
    itself = pl.col("table_name") == "meta.publish"
    return frame.with_columns(
        n_rows=pl.when(itself).then(pl.lit(frame.height, pl.Int64)).otherwise("n_rows"),
        as_of=pl.when(itself).then(pl.lit(now).cast(pl.Datetime("us", "UTC"))).otherwise("as_of"),
        fingerprint=pl.when(~itself).then("fingerprint"),
    )


def _drop_all_but(cursor: duckdb.DuckDBPyConnection, kept: set[str]) -> None:
    views = cursor.execute(
        "select schema_name || '.' || view_name from duckdb_views() "
        "where database_name = current_database() and not internal"
    ).fetchall()
    for (name,) in views:
        cursor.execute(f"drop view {ddl.qualified(name)}")
    for name in stored_columns(cursor).keys() - kept:
        cursor.execute(f"drop table {ddl.qualified(name)}")


def _count(cursor: duckdb.DuckDBPyConnection, table: str) -> int:
    ((rows,),) = cursor.execute(f"select count(*) from {ddl.qualified(table)}").fetchall()
    return int(rows)


def _fingerprint(cursor: duckdb.DuckDBPyConnection, table: str) -> str:
    """Digest of where a table lies in the file; DuckDB writes changed rows to other blocks and moves no others."""
    segments = cursor.execute(
        'select row_group_id, column_path, segment_id, "start", "count", stats, block_id, block_offset '
        f"from pragma_storage_info({ddl.literal(table)}) order by all"
    ).fetchall()
    return hashlib.md5(repr(segments).encode(), usedforsecurity=False).hexdigest()


@contextmanager
def _opened(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own with the file as its current catalog; closing it leaves the file complete, without a log."""
    connection = duckdb.connect()
    try:
        connection.execute("set global TimeZone = 'UTC'")
        connection.execute(f"set temp_directory = {ddl.literal(f'{path}.spill')}")
        connection.execute(f"attach {ddl.literal(str(path))} as published{' (read_only)' if read_only else ''}")
        connection.execute("use published")
        yield connection
        connection.execute("use memory")
        connection.execute("detach published")
        if not read_only and path.with_name(f"{path.name}.wal").exists():
            raise WarehouseError(f"nothing was published: {path} could not be closed whole")
    finally:
        connection.close()
