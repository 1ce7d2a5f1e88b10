"""Putting a published file together: tables from two files into one, described and checked.

Tables are put together in copies, by a DuckDB of its own, so that a full disk harms neither the private file nor the
one published before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import duckdb
import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline.warehouse import ddl, engine
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.catalog import make_accepted, make_views, run_all, stored_columns, write_table
from marketflows_pipeline.warehouse.describe import describe
from marketflows_pipeline.warehouse.foreign import drop_all_but, plain_tables
from marketflows_pipeline.warehouse.stores.dialect import DUCKDB, Dialect

CATALOG = "published"
# What a table's rows are told by: a text that differs where they do.
Fingerprint: TypeAlias = Callable[[duckdb.DuckDBPyConnection, str], str]
DESCRIBING = ("meta.tables", "meta.columns", "meta.lineage", "meta.publish")


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
    """Origins of the tables taken from the private file.

    ``runs`` leads from the parts that are taken from there to the run that wrote them; a table of the same run as in
    ``before``, the ``meta.publish`` of the publish before, keeps its date.
    """
    since = {(row["table_name"], row["run_id"]): row["published_at"] for row in before.iter_rows(named=True)}
    origins = {}
    for name, rows in counts.items():
        part = TABLES[name].part
        if part == "meta" and name not in DESCRIBING:
            origins[name] = Origin(rows, "fresh", run_id, now)
        elif part in runs:
            origins[name] = Origin(rows, "fresh", runs[part], since.get((name, runs[part]), now))
    return origins


def carried_origins(path: Path, parts: Sequence[str]) -> dict[str, Origin] | None:
    """Origins of some parts' tables in a copy of a file published before.

    Returns:
        Origins by table; None if a session has changed one of the tables since it was published, or the file says
        of one what this program never does, such as a default that is computed.
    """
    with _opened(path, read_only=True) as cursor:
        rows = cursor.execute(
            "select table_name, run_id, published_at, n_rows, fingerprint from meta.publish where n_rows is not null"
        ).fetchall()
        plain = plain_tables(cursor, CATALOG)
        origins = {}
        for name, run_id, published_at, n_rows, fingerprint in rows:
            if name in TABLES and TABLES[name].part in parts:
                if name not in plain or _fingerprint(cursor, name) != fingerprint:
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

    The target is a copy that already holds those tables that are not ``taken``; the other file holds these, and may be
    missing if there are none. Tables that ``origins`` does not name are dropped.

    Returns:
        The rows of ``meta.publish``.
    """
    with _opened(target, read_only=False, other=other if taken else None) as cursor:
        drop_all_but(cursor, CATALOG, set(origins) - set(taken))
        if taken:
            _take(cursor, other, taken)
        make_views(cursor)
        make_accepted(cursor)
        return describe_file(cursor, origins, run_id, now)


def reduce(path: Path, tables: Iterable[str]) -> None:
    """Make a copy of a file small: in its place comes one that holds these tables alone."""
    small = path.with_name(f"{path.name}.reduced")
    with _opened(small, read_only=False, other=path) as cursor:
        _take(cursor, path, list(tables))
    path.unlink()
    small.rename(path)


def describe_file(
    cursor: duckdb.DuckDBPyConnection,
    origins: Mapping[str, Origin],
    run_id: str,
    now: datetime,
    *,
    fingerprint: Fingerprint | None = None,
    dialect: Dialect = DUCKDB,
) -> pl.DataFrame:
    """Write what a file says about itself: ``meta.tables``, ``meta.columns``, ``meta.lineage`` and ``meta.publish``.

    The cursor's catalog is the file, checkpointed; ``origins`` are those of its other tables. By default a table's
    fingerprint is of where it lies in a file.

    Returns:
        The rows of ``meta.publish``.
    """
    before = stored_columns(cursor)
    stored = {**before, **{name: _registered_columns(name) for name in DESCRIBING}}
    frames = describe(stored)
    heights = {
        **{name: frame.height for name, frame in frames.items()},
        "meta.publish": len(stored.keys() & TABLES.keys()),
    }
    described = {name: Origin(height, "fresh", run_id, now) for name, height in heights.items()}
    frames["meta.publish"] = _published_rows(cursor, stored, {**origins, **described}, now, fingerprint or _fingerprint)
    for name, frame in frames.items():
        is_same = before.get(name) == stored[name]
        write_table(cursor, TABLES[name], [frame], anew=dialect.replaces_tables or not is_same)
    return frames["meta.publish"]


def _take(cursor: duckdb.DuckDBPyConnection, other: Path, taken: Iterable[str]) -> None:
    """Bring tables over from another file."""
    engine.attach(cursor, other, "other", "read_only")
    bring(cursor, "other", taken)
    cursor.execute("detach other")
    checkpointed(cursor)


def bring(cursor: duckdb.DuckDBPyConnection, source: str, names: Iterable[str]) -> None:
    """Copy tables of an attached catalog into the cursor's own, with their comments."""
    names = list(names)
    for name in names:
        cursor.execute(ddl.create_schema(TABLES[name]))
        cursor.execute(
            f"create or replace table {ddl.qualified(name)} as from {ddl.qualified(name, source)}"
        ).fetchall()
    stored = stored_columns(cursor)
    for name in names:
        run_all(cursor, ddl.comments(TABLES[name], stored[name]))


def checkpointed(cursor: duckdb.DuckDBPyConnection) -> None:
    """Move the tables to their places in the file."""
    # Only then have the new tables a place in the file, which their fingerprints tell.
    cursor.execute(f"checkpoint {CATALOG}")


def _registered_columns(table: str) -> dict[str, str]:
    return {column.name: column.dtype.value for column in TABLES[table].columns}


def check(path: Path, expected: Mapping[str, Origin]) -> None:
    """Open a finished file as a reader would and compare it with what it should hold.

    Raises:
        WarehouseError: if a table's rows are not as many as were counted where they come from.
    """
    with _opened(path, read_only=True) as cursor:
        for name, origin in expected.items():
            found = _count(cursor, name)
            if found != origin.rows:
                raise WarehouseError(
                    f"nothing was published: {name} has {found} rows in the new file instead of {origin.rows}"
                )


def _published_rows(
    cursor: duckdb.DuckDBPyConnection,
    stored: Mapping[str, Mapping[str, str]],
    origins: Mapping[str, Origin],
    now: datetime,
    fingerprint: Fingerprint,
) -> pl.DataFrame:
    rows = []
    for name, entry in TABLES.items():
        if name not in stored:
            continue
        sources = (name,) if entry.view_sql is None else ddl.view_sources(entry)
        origin = min((origins[source] for source in sources), key=lambda source: source.published_at)
        as_of = now if name == "meta.publish" else None
        if name not in DESCRIBING and entry.as_of is not None and entry.as_of in stored[name]:
            # A row left out for its impossible time would make the table look newer than it is.
            counted = accepted_name(name) if accepted_name(name) in stored else name
            newest = f"select max({ddl.identifier(entry.as_of)}) from {ddl.qualified(counted)}"
            ((as_of,),) = cursor.execute(newest).fetchall()
            # Lists of members stand at the midnight to come, and a service's clock may be ahead.
            as_of = None if as_of is None else min(as_of, origin.published_at)
        rows.append(
            {
                "table_name": name,
                "part": entry.part,
                "status": origin.status,
                "as_of": as_of,
                "n_rows": origin.rows if entry.view_sql is None else None,
                "run_id": origin.run_id,
                "published_at": origin.published_at,
                "fingerprint": None if entry.view_sql or name in DESCRIBING else fingerprint(cursor, name),
            }
        )
    return pl.DataFrame(rows, schema=TABLES["meta.publish"].polars_schema)


def _count(cursor: duckdb.DuckDBPyConnection, table: str) -> int:
    ((rows,),) = cursor.execute(f"select count(*) from {ddl.qualified(table)}").fetchall()
    return int(rows)


def _fingerprint(cursor: duckdb.DuckDBPyConnection, table: str) -> str:
    """Digest of where a table lies in the file; DuckDB writes changed rows to other blocks and moves no others."""
    segments = cursor.execute(
        'select row_group_id, column_path, segment_id, "start", "count", block_id, block_offset, stats '
        f"from pragma_storage_info({ddl.literal(table)}) order by all"
    ).fetchall()
    kept = [(*place, _extremes(stats)) for *place, stats in segments]
    return hashlib.md5(repr(kept).encode(), usedforsecurity=False).hexdigest()


def _extremes(stats: str | dict[str, object]) -> object:
    """What the file keeps of a segment's statistics; they stand for the values where all are the same."""
    return stats if isinstance(stats, str) else (str(stats.get("min")), str(stats.get("max")), stats.get("has_null"))


@contextmanager
def _opened(path: Path, *, read_only: bool, other: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own with the file as its current catalog; closing it leaves the file complete, without a log.

    The file may be one that was published before, into which anybody may have put views and macros since; so nothing
    but it, and the `other` one, can be opened.
    """
    connection = engine.connect(path.with_name(f"{path.name}.spill"), memory=engine.OF_A_RUN)
    try:
        engine.attach(connection, path, CATALOG, "read_only" if read_only else "")
        engine.shut(connection, [other] if other else [])
        connection.execute(f"use {CATALOG}")
        yield connection
        connection.execute("use memory")
        connection.execute(f"detach {CATALOG}")
        if not read_only and path.with_name(f"{path.name}.wal").exists():
            raise WarehouseError(f"nothing was published: {path} could not be closed whole")
    finally:
        connection.close()
