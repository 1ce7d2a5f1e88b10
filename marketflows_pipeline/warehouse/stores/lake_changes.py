"""Which tables of a lake have changed since a snapshot, out of its catalog."""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.stores.lake_place import Lake, LakePlace

# What a snapshot says of a table; the last ones move rows to other files.
_CHANGE = re.compile(r"(?P<what>\w+):(?P<table_id>\d+)")
_MOVES = frozenset({"compacted_table", "merge_adjacent", "rewrite_delete", "flushed_inlined", "inline_flush"})


@dataclass(frozen=True)
class LakeState:
    """A lake as it is now.

    Attributes:
        snapshot: its newest snapshot.
        oldest: its oldest one that was not expired.
        tables: ``schema.table`` to its id in the catalog, and to the id that no other table ever has.
        last_changes: id of a table to the newest snapshot that changed its rows, its columns or its comments.
    """

    snapshot: int
    oldest: int
    tables: dict[str, tuple[int, str]]
    last_changes: dict[int, int]

    def fingerprint(self, table: str) -> str:
        """What tells the table's rows of now from those of other times."""
        return f"{self.tables[table][1]}@{self.snapshot}" if table in self.tables else ""

    def is_as(self, table: str, fingerprint: str | None) -> bool:
        """Whether a table's rows are those that had the fingerprint; not where that cannot be told any more."""
        snapshot = self.known_since(table, fingerprint)
        return snapshot is not None and self.last_changes.get(self.tables[table][0], 0) <= snapshot

    def known_since(self, table: str, fingerprint: str | None) -> int | None:
        """The snapshot of a fingerprint of this very table, where the catalog still tells what has changed since."""
        uuid, _, snapshot = (fingerprint or "").partition("@")
        if table not in self.tables or not snapshot.isdecimal() or int(snapshot) < self.oldest:
            return None
        return int(snapshot) if uuid == self.tables[table][1] else None


def metadata(place: LakePlace, lake: Lake, catalog: str) -> str:
    """The catalog tables of a lake that is attached under a name, as what a table name follows after a dot."""
    schema = lake if isinstance(place.catalog, PostgresTarget) else "main"
    return f"{ddl.identifier(f'__ducklake_metadata_{catalog}')}.{ddl.identifier(schema)}"


def state_of(cursor: duckdb.DuckDBPyConnection, catalog: str) -> LakeState:
    """The state of the lake whose catalog tables are there; see `metadata`."""
    ((oldest, newest),) = cursor.execute(
        f"select min(snapshot_id), max(snapshot_id) from {catalog}.ducklake_snapshot"
    ).fetchall()
    alive = "t.end_snapshot is null and s.end_snapshot is null"
    tables = cursor.execute(
        "select schema_name || '.' || table_name, table_id, cast(table_uuid as varchar)"
        f" from {catalog}.ducklake_table t join {catalog}.ducklake_schema s using (schema_id) where {alive}"
    ).fetchall()
    changes = cursor.execute(
        f"select snapshot_id, changes_made from {catalog}.ducklake_snapshot_changes order by snapshot_id"
    ).fetchall()
    last = {
        int(found["table_id"]): snapshot
        for snapshot, made in changes
        for found in _CHANGE.finditer(made or "")
        if found["what"] not in _MOVES
    }
    return LakeState(newest, oldest, {name: (table_id, uuid) for name, table_id, uuid in tables}, last)
