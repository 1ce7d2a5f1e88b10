"""Putting a published file together: tables from two files into one, described and checked.

Tables are put together in copies, by a DuckDB of its own, so that a full disk harms neither the private file nor the
one published before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import TABLES, Table
from marketflows_pipeline.warehouse import ddl, engine
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.catalog import (
    count_rows,
    make_accepted,
    make_views,
    run_all,
    stored_columns,
    write_table,
)
from marketflows_pipeline.warehouse.describe import describe
from marketflows_pipeline.warehouse.file_fingerprints import Fingerprints, fingerprints_in_file
from marketflows_pipeline.warehouse.foreign import drop_all_but, plain_tables
from marketflows_pipeline.warehouse.stores.dialect import DUCKDB, Dialect

CATALOG = "published"
DESCRIBING = ("meta.tables", "meta.columns", "meta.lineage", "meta.publish")


@dataclass(frozen=True)
class Origin:
    """Where a published table comes from: its rows, ``fresh`` or ``carried_over``, whose run, first published when."""

    rows: int
    status: str
    run_id: str
    published_at: datetime


def published_origins(before: pl.DataFrame) -> dict[str, Origin]:
    """Origins of the tables that a publish holds, by the rows of its ``meta.publish``."""
    rows = before.filter(pl.col("n_rows").is_not_null()).iter_rows(named=True)
    return {
        row["table_name"]: Origin(row["n_rows"], row["status"], row["run_id"], row["published_at"])
        for row in rows
        if row["table_name"] in TABLES
    }


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
        kept = [row for row in rows if row[0] in TABLES and TABLES[row[0]].part in parts]
        if not plain_tables(cursor, CATALOG).issuperset(name for name, *_ in kept):
            return None
        found = fingerprints_in_file(cursor, [name for name, *_ in kept])
    if any(found[name] != fingerprint for name, *_, fingerprint in kept):
        return None
    return {
        name: Origin(n_rows, "carried_over", run_id, published_at) for name, run_id, published_at, n_rows, _ in kept
    }


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
    fingerprints: Fingerprints | None = None,
    dialect: Dialect = DUCKDB,
) -> pl.DataFrame:
    """Write what a file says about itself: ``meta.tables``, ``meta.columns``, ``meta.lineage`` and ``meta.publish``.

    The cursor's catalog is the file, checkpointed; ``origins`` are those of its other tables. By default fingerprints
    are of where tables lie in a file.

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
    frames["meta.publish"] = _published_rows(
        cursor, stored, {**origins, **described}, now, fingerprints or fingerprints_in_file
    )
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
        found = count_rows(cursor, expected)
    for name, origin in expected.items():
        if found[name] != origin.rows:
            raise WarehouseError(
                f"nothing was published: {name} has {found[name]} rows in the new file instead of {origin.rows}"
            )


def _published_rows(
    cursor: duckdb.DuckDBPyConnection,
    stored: Mapping[str, Mapping[str, str]],
    origins: Mapping[str, Origin],
    now: datetime,
    fingerprints: Fingerprints,
) -> pl.DataFrame:
    entries = [entry for name, entry in TABLES.items() if name in stored]
    others = [entry for entry in entries if entry.name not in DESCRIBING]
    newest = _newest(cursor, others, stored)
    told_by = fingerprints(cursor, [entry.name for entry in others if entry.view_sql is None])
    rows = []
    for entry in entries:
        sources = (entry.name,) if entry.view_sql is None else ddl.view_sources(entry)
        origin = min((origins[source] for source in sources), key=lambda source: source.published_at)
        as_of = now if entry.name == "meta.publish" else newest.get(entry.name)
        rows.append(
            {
                "table_name": entry.name,
                "part": entry.part,
                "status": origin.status,
                # Lists of members stand at the midnight to come, and a service's clock may be ahead.
                "as_of": None if as_of is None else min(as_of, origin.published_at),
                "n_rows": origin.rows if entry.view_sql is None else None,
                "run_id": origin.run_id,
                "published_at": origin.published_at,
                "fingerprint": told_by.get(entry.name),
            }
        )
    return pl.DataFrame(rows, schema=TABLES["meta.publish"].polars_schema)


def _newest(
    cursor: duckdb.DuckDBPyConnection, entries: Iterable[Table], stored: Mapping[str, Mapping[str, str]]
) -> dict[str, datetime | None]:
    """The newest time in each of these tables that has one."""
    dated = [entry for entry in entries if entry.as_of is not None and entry.as_of in stored[entry.name]]
    # A row left out for its impossible time would make the table look newer than it is.
    counted = (accepted if (accepted := accepted_name(entry.name)) in stored else entry.name for entry in dated)
    asked = ddl.newest_times(zip(dated, counted, strict=True))
    return dict(cursor.execute(asked).fetchall()) if asked else {}


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
