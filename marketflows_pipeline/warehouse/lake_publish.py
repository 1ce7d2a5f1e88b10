"""Publishing from a lake: one short transaction brings the tables of the parts that passed from ``work`` to ``pub``.

A table that is carried over is one that is not touched, and so is one that has not changed since it was published.
Readers of ``pub`` see all of a publish or nothing of it, and may go on with the snapshot before it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from marketflows_pipeline.schema import PARTS, TABLES, Table
from marketflows_pipeline.warehouse import build, ddl, engine
from marketflows_pipeline.warehouse.build import Origin
from marketflows_pipeline.warehouse.catalog import make_accepted, make_views, renew_comments, stored_columns
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.file import STORAGE_VERSION
from marketflows_pipeline.warehouse.stores.lake import PUB, LakeStore
from marketflows_pipeline.warehouse.stores.lake_changes import LakeState, metadata, state_of
from marketflows_pipeline.warehouse.stores.seam import CATALOG

AUTHOR = "marketflows"
# Where more of its keys were written, a table is brought as a whole.
_MOST_OF_A_TABLE = 0.2


@dataclass(frozen=True)
class PublishedSnapshot:
    """A snapshot of ``pub``, its rows of ``meta.publish``, and what its files take up."""

    number: int
    tables: pl.DataFrame
    size_bytes: int


def published_rows(warehouse: Warehouse) -> pl.DataFrame:
    """``meta.publish`` of the newest publish; empty where nothing is published."""
    entry = TABLES["meta.publish"]
    if not warehouse.query(
        f"from duckdb_tables() where database_name = '{PUB}' and schema_name = 'meta' and table_name = 'publish'"
    ).height:
        return entry.empty()
    columns = ddl.column_list(entry.column_names)
    return warehouse.query(f"select {columns} from {ddl.qualified(entry.name, PUB)}").cast(
        {name: entry.polars_schema[name] for name in entry.column_names}
    )


def replace_published(
    warehouse: Warehouse,
    store: LakeStore,
    *,
    before: pl.DataFrame,
    fresh: Mapping[str, Origin],
    carried: Mapping[str, Origin],
    run_id: str,
    now: datetime,
) -> PublishedSnapshot:
    """Bring the fresh tables to ``pub``, leave those that are carried over, drop the others; all or nothing.

    Args:
        warehouse: the open lake; writes of all hosts wait meanwhile.
        store: the same, as its store.
        before: ``meta.publish`` of the publish before.
        fresh: origins of the tables of ``work`` that passed.
        carried: origins of those that stay as they are.
        run_id: the run that publishes.
        now: the present, aware.
    """
    fingerprints = dict(before.select("table_name", "fingerprint").iter_rows())

    def once() -> pl.DataFrame:
        with warehouse.held_back() as cursor:
            state = state_of(cursor, metadata(store.place, "work", CATALOG))
            cursor.execute(f"use {PUB}")
            cursor.begin()
            _bring(cursor, state, fresh, carried, fingerprints)
            tables = build.describe_file(
                cursor,
                {**fresh, **carried},
                run_id,
                now,
                fingerprints=lambda _, names: {
                    name: state.fingerprint(name) if name in fresh else fingerprints.get(name) or "" for name in names
                },
                dialect=store.dialect,
            )
            said = {"run_id": run_id, "fresh": _parts(fresh), "carried_over": _parts(carried)}
            cursor.execute(
                f"call {PUB}.set_commit_message($author, $message, extra_info => $said)",
                {"author": AUTHOR, "message": f"publish {', '.join(said['fresh'])}", "said": json.dumps(said)},
            ).fetchall()
            warehouse.check_lock()
            cursor.commit()
            # After an error the cursor is not used again, and in a transaction that was aborted this would hide it.
            cursor.execute(f"use {CATALOG}")
            return tables

    tables = store.repeated(once)
    ((snapshot,),) = warehouse.query(f"from {PUB}.current_snapshot()").rows()
    sizes = warehouse.query(f"select sum(file_size_bytes) as size from ducklake_table_info('{PUB}')")
    return PublishedSnapshot(snapshot, tables, int(sizes["size"].item() or 0))


def _parts(origins: Mapping[str, Origin]) -> list[str]:
    """The parts that are of a run, in their order."""
    found = {TABLES[name].part for name, origin in origins.items() if origin.rows}
    return [part for part in PARTS if part in found]


def _bring(
    cursor: duckdb.DuckDBPyConnection,
    state: LakeState,
    fresh: Mapping[str, Origin],
    carried: Mapping[str, Origin],
    fingerprints: Mapping[str, str | None],
) -> None:
    stored = stored_columns(cursor)
    there = {name for name in stored if name in TABLES and TABLES[name].view_sql is None}
    for name in there - {*fresh, *carried, *build.DESCRIBING}:
        cursor.execute(f"drop table {ddl.qualified(name)}")
    changed = [name for name in fresh if name not in there or not state.is_as(name, fingerprints.get(name))]
    of_work = _columns_of_work(cursor)
    others = {name for name in changed if stored.get(name) != of_work.get(name)}
    build.bring(cursor, CATALOG, (name for name in changed if name in others))
    for name in changed:
        since = state.known_since(name, fingerprints.get(name))
        if name not in others and not (since is not None and _bring_changes(cursor, TABLES[name], since, state)):
            cursor.execute(f"delete from {ddl.qualified(name)}").fetchall()
            cursor.execute(f"insert into {ddl.qualified(name)} from {ddl.qualified(name, CATALOG)}").fetchall()
    renew_comments(cursor)
    if stored_columns(cursor) != stored:
        make_views(cursor, LakeStore.dialect)
        make_accepted(cursor, LakeStore.dialect)


def _bring_changes(cursor: duckdb.DuckDBPyConnection, entry: Table, since: int, state: LakeState) -> bool:
    """Bring the rows of a history table whose keys were written since a snapshot; whether the table is whole then.

    All rows of such a key come anew, so that it does not matter how often each was written. Of a table that is computed
    anew as a whole nothing is the same.
    """
    if entry.replaces == "replace" or not entry.key or entry.name not in state.tables:
        return False
    table, of_work = ddl.qualified(entry.name), ddl.qualified(entry.name, CATALOG)
    keys, schema, name = ddl.column_list(entry.key), *map(ddl.literal, entry.name.split("."))
    cursor.execute(
        f"create or replace temp table written as select distinct {keys} from"
        f" ducklake_table_changes({ddl.literal(CATALOG)}, {schema}, {name}, {since + 1}, {state.snapshot})"
    ).fetchall()
    ((n_written, n_rows),) = cursor.execute(
        f"select (select count(*) from written), (select count(*) from {of_work})"
    ).fetchall()
    if n_written > n_rows * _MOST_OF_A_TABLE:
        return False
    is_same = " and ".join(f"stored.{ddl.identifier(each)} = written.{ddl.identifier(each)}" for each in entry.key)
    cursor.execute(f"delete from {table} as stored using written where {is_same}").fetchall()
    columns = ddl.column_list(entry.column_names)
    cursor.execute(
        f"insert into {table} ({columns}) select {columns} from {of_work} as stored"
        f" where exists (from written where {is_same})"
    ).fetchall()
    ((n_published,),) = cursor.execute(f"select count(*) from {table}").fetchall()
    return bool(n_published == n_rows)


def _columns_of_work(cursor: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """As `stored_columns`, of the lake that is written."""
    cursor.execute(f"use {CATALOG}")
    columns = stored_columns(cursor)
    cursor.execute(f"use {PUB}")
    return columns


def export(warehouse: Warehouse, target: Path, origins: Mapping[str, Origin], run_id: str, now: datetime) -> None:
    """Write what is published into a new DuckDB file, as it would be published from a private file."""
    with warehouse.held_back() as cursor:
        engine.attach(cursor, target, build.CATALOG, f"storage_version {ddl.literal(STORAGE_VERSION)}")
        try:
            cursor.execute(f"use {build.CATALOG}")
            build.bring(cursor, PUB, origins)
            build.checkpointed(cursor)
            make_views(cursor)
            make_accepted(cursor)
            build.describe_file(cursor, origins, run_id, now)
        finally:
            cursor.execute(f"use {CATALOG}")
            cursor.execute(f"detach {build.CATALOG}")
    build.check(target, origins)
