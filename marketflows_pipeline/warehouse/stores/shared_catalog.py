"""What a lake keeps in Postgres beside its catalog: schemas for both lakes, the calls of all hosts, the write lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict

import duckdb

from marketflows_pipeline.coordination.database import Database
from marketflows_pipeline.coordination.locks import StoreWriteLock
from marketflows_pipeline.coordination.tables import SCHEMA
from marketflows_pipeline.schema import TABLES, DType
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.call_journal import Call
from marketflows_pipeline.warehouse.catalog import stored_columns
from marketflows_pipeline.warehouse.stores.lake_place import LAKES, LakePlace

CALLS = "meta.api_calls"
# Under which the database is attached, for the view of the calls.
ATTACHED = "shared"
CALLS_OF_ALL_HOSTS = f"{ATTACHED}.{SCHEMA}.api_calls"
_TYPES = {
    DType.TEXT: "text",
    DType.TIME: "timestamptz",
    DType.INT: "integer",
    DType.BIGINT: "bigint",
    DType.FLOAT: "double precision",
}
_OUTCOME = ("status_code", "outcome", "error", "duration_ms")


class SharedCatalog:
    """The database of a lake's catalog, as far as DuckLake does not see to it.

    Args:
        place: the lake, whose catalog is in Postgres.
    """

    def __init__(self, place: LakePlace) -> None:
        assert isinstance(place.catalog, PostgresTarget)
        self._place = place
        self._database = Database(place.catalog, place.password, allow_plain=place.allow_plain)
        self._lock = StoreWriteLock(self._database, str(place.catalog))

    def exists(self) -> bool:
        """Whether a run has ever opened the lake."""
        return self._database.ask("select to_regclass('work.ducklake_metadata') is not null") == [(True,)]

    def prepare(self) -> None:
        """Make schemas and the table of the calls where they are missing; a role that owns them needs no other right.

        Raises:
            CoordinationError: if the database cannot be reached.
        """
        self._database.prepare()
        for schema in LAKES:
            if self._database.ask("select to_regnamespace(%s)", (schema,)) == [(None,)]:
                self._database.ask(f"create schema if not exists {schema}")
        if self._database.ask("select to_regclass(%s)", (f"{SCHEMA}.api_calls",)) == [(None,)]:
            self._database.ask(_create_calls())

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Attach the schema with the calls, to be read."""
        assert isinstance(self._place.catalog, PostgresTarget)
        address = self._place.catalog.conninfo(allow_plain=self._place.allow_plain)
        connection.execute(
            f"attach {ddl.literal(address)} as {ATTACHED} (type postgres, schema {ddl.literal(SCHEMA)}, read_only)"
        )

    def view_calls(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make ``meta.api_calls`` of the cursor's catalog a view of the calls of all hosts, if it is not there."""
        if CALLS in stored_columns(cursor):
            return
        entry = TABLES[CALLS]
        cursor.execute(ddl.create_schema(entry))
        cursor.execute(
            f"create view {ddl.qualified(CALLS)} as select {ddl.column_list(entry.column_names)}"
            f" from {CALLS_OF_ALL_HOSTS}"
        )

    def calls(self) -> SharedCalls:
        """The calls of all hosts."""
        return SharedCalls(self)

    def writing(self) -> AbstractContextManager[None]:
        """The lock under which one process of all hosts writes."""
        return self._lock.held()

    def note(self, call: Call) -> None:
        """Put an attempt, or its outcome, on record.

        Raises:
            CoordinationError: if it cannot be; then the attempt must not be sent.
        """
        row = asdict(call)
        marks = ", ".join(["%s"] * len(row))
        outcome = ", ".join(f"{name} = excluded.{name}" for name in _OUTCOME)
        self._database.ask(
            f"insert into {SCHEMA}.api_calls ({', '.join(row)}) values ({marks})"
            f" on conflict (call_id) do update set {outcome}",
            tuple(row.values()),
        )

    def replace_calls(self, rows: Iterable[Sequence[str | None]]) -> None:
        """Store calls in place of all that are on record, in one transaction.

        Args:
            rows: values as text, in the order of the registry's columns.

        Raises:
            CoordinationError: if they cannot be stored; what was on record stays.
        """
        columns = ddl.column_list(TABLES[CALLS].column_names)
        with self._database.translated(), self._database.pool.connection() as connection:
            connection.execute(f"delete from {SCHEMA}.api_calls".encode())
            with connection.cursor().copy(f"copy {SCHEMA}.api_calls ({columns}) from stdin".encode()) as copying:
                for row in rows:
                    copying.write_row(row)

    def close(self) -> None:
        """Close the connections."""
        self._lock.close()
        self._database.close()


class SharedCalls:
    """The calls of all hosts, each on record before it is sent; nothing waits for a transaction."""

    is_empty = True

    def __init__(self, catalog: SharedCatalog) -> None:
        self._catalog = catalog

    def note(self, call: Call) -> None:
        """Put an attempt, or its outcome, on record.

        Raises:
            WarehouseError: if it cannot be; then the attempt must not be sent.
        """
        self._catalog.note(call)

    def write_into(self, cursor: duckdb.DuckDBPyConnection) -> Mapping[str, Call]:
        """Nothing is pending."""
        return {}

    def settle(self, stored: Mapping[str, Call]) -> None:
        """Nothing was pending."""

    def close(self) -> None:
        """The store closes the connections."""


def _create_calls() -> str:
    columns = ddl.column_definitions((each.name, _TYPES[each.dtype], each.nullable) for each in TABLES[CALLS].columns)
    return f"create table if not exists {SCHEMA}.api_calls ({columns}, primary key (call_id))"
