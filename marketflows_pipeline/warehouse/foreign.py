"""What others may have put into a file that was published before: only rows of plain tables are taken from it.

Every function of DuckDB is named with its catalog here, since the file may hold macros of the same names, which would
answer instead.
"""

from __future__ import annotations

import duckdb

from marketflows_pipeline.warehouse import ddl

# A foreign key keeps its table from being dropped; such a file is not taken from at all.
_PLAIN_TABLES = """
select schema_name, table_name from system.main.duckdb_tables()
where database_name = $catalog and not internal and index_count = 0
and table_oid not in (
    select table_oid from system.main.duckdb_columns()
    where database_name = $catalog and column_default is not null
)
and table_oid not in (
    select table_oid from system.main.duckdb_constraints()
    where database_name = $catalog and constraint_type <> 'NOT NULL'
)
and not exists (
    from system.main.duckdb_constraints() where database_name = $catalog and constraint_type = 'FOREIGN KEY'
)
"""
# In the order in which they can be dropped.
_ENTRIES = """
select kind, schema_name, name from (
    select distinct 1 as step, case function_type when 'macro' then 'macro' else 'macro table' end as kind,
        schema_name, function_name as name
    from system.main.duckdb_functions() where database_name = $catalog and not internal
    union all select 2, 'view', schema_name, view_name
    from system.main.duckdb_views() where database_name = $catalog and not internal
    union all select 3, 'table', schema_name, table_name
    from system.main.duckdb_tables() where database_name = $catalog and not internal
    union all select 4, 'sequence', schema_name, sequence_name
    from system.main.duckdb_sequences() where database_name = $catalog
    union all select 5, 'type', schema_name, type_name
    from system.main.duckdb_types() where database_name = $catalog and not internal
) order by step
"""


def plain_tables(cursor: duckdb.DuckDBPyConnection, catalog: str) -> set[str]:
    """``schema.table`` of each table that is columns and nothing else: no view, default, constraint or index."""
    found = cursor.execute(_PLAIN_TABLES, {"catalog": catalog}).fetchall()
    return {f"{schema}.{name}" for schema, name in found}


def drop_all_but(cursor: duckdb.DuckDBPyConnection, catalog: str, kept: set[str]) -> None:
    """Drop everything but some tables: views, which are made anew, and what readers of the next file would run."""
    for kind, schema, name in cursor.execute(_ENTRIES, {"catalog": catalog}).fetchall():
        if kind != "table" or f"{schema}.{name}" not in kept:
            place = ".".join(map(ddl.identifier, (catalog, schema, name)))
            cursor.execute(f"drop {kind} {place}")
