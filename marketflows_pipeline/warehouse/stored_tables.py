"""Tables as they are stored, registered or not, in the catalogs that one connection has attached."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.stores.shared_catalog import CALLS, CALLS_OF_ALL_HOSTS
from marketflows_pipeline.warehouse.table_digest import Columns

_TABLES = """
select schema_name, table_name, list(column_name), list(data_type), list(column_name) filter (not is_nullable)
from (from duckdb_columns() order by column_index)
where database_name = $catalog and not internal
    and (schema_name, table_name) in
        (select (schema_name, table_name) from duckdb_tables() where database_name = $catalog)
group by all order by all
"""
_IS_VIEW = "from duckdb_views() where database_name = $catalog and schema_name || '.' || view_name = $name"


@dataclass(frozen=True)
class StoredTable:
    """A table of a catalog.

    Attributes:
        schema: its schema.
        name: its name in the schema.
        columns: name to DuckDB type.
        filled: columns that may not be null.
    """

    schema: str
    name: str
    columns: Columns
    filled: frozenset[str]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from the other tables of its catalog."""
        return self.schema, self.name

    def within(self, catalog: str) -> str:
        """The table of this name in a catalog, quoted."""
        return ".".join(map(ddl.identifier, (catalog, *self.key)))

    def create(self, catalog: str) -> str:
        """The statement that makes an empty table with these columns, in place of one that is there."""
        columns = ddl.column_definitions((name, kind, name not in self.filled) for name, kind in self.columns.items())
        return f"create or replace table {self.within(catalog)} ({columns})"


def stored_tables(cursor: duckdb.DuckDBPyConnection, catalog: str) -> dict[tuple[str, str], StoredTable]:
    """Every table of an attached catalog by its key; of views that one alone which has the calls of all hosts."""
    rows = cursor.execute(_TABLES, {"catalog": catalog}).fetchall()
    tables = [
        StoredTable(schema, name, dict(zip(columns, kinds, strict=True)), frozenset(filled or ()))
        for schema, name, columns, kinds, filled in rows
    ]
    if cursor.execute(_IS_VIEW, {"catalog": catalog, "name": CALLS}).fetchall():
        # A lake that is attached under another name than runs give it cannot make sense of the view itself.
        columns = cursor.execute(f"describe from {CALLS_OF_ALL_HOSTS}").fetchall()
        schema, _, name = CALLS.partition(".")
        tables.append(StoredTable(schema, name, {column: kind for column, kind, *_ in columns}, frozenset()))
    return {table.key: table for table in tables}


def count_of(cursor: duckdb.DuckDBPyConnection, relation: str) -> int:
    """How many rows a relation has."""
    ((rows,),) = cursor.execute(f"select count(*) from {relation}").fetchall()
    return int(rows)
