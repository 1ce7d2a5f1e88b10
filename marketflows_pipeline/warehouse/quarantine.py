"""Rows of raw tables that are left out: setting them, letting them go, and what is set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from marketflows_pipeline.schema import TABLES, DType, Table
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.row_keys import QUARANTINE, fields_of, key_text, key_values, without_left_out
from marketflows_pipeline.warehouse.store import Warehouse

_SHOWN = "table_name, key, column_name, reason, set_by, added_at, released_at, released_by"
_NEWEST_FIRST = "order by added_at desc, table_name, key, column_name"
# What a rule must leave alone: what is set already, and what a person released after anyone had set it.
_SETTLED = f"""
select key, column_name from (
    select key, column_name, released_at, released_by from {QUARANTINE} where table_name = ?
    qualify row_number() over (partition by key, column_name order by added_at desc) = 1
) where released_at is null or released_by = 'user'
"""


def quarantine(warehouse: Warehouse, table: str, rows: pl.DataFrame, *, rule: str, at: datetime) -> pl.DataFrame:
    """Bring a rule's rows of one table up to what it finds now.

    What it has found is left out from now on, except what a person released; what it had left out before and finds no
    more, since the stored value was corrected, counts again.

    Args:
        warehouse: the open private file.
        table: the raw table.
        rows: all that the rule finds at fault in the table: its key columns, ``column_name`` and ``reason``.
        rule: the rule's name; each rule settles its own rows only.
        at: the present, aware.

    Returns:
        ``key, column_name, reason`` of what was not left out before, by key.
    """
    entry = TABLES[table]
    if rows.is_empty() and not _has_left_out(warehouse, table, rule):
        # So it is in nearly every run.
        return pl.DataFrame(schema=dict.fromkeys(("key", "column_name", "reason"), pl.String))
    with warehouse.transaction() as cursor:
        cursor.register("found_rows", rows)
        cursor.execute(
            f"create or replace temp table found as select {key_text(entry, 'found_rows')} as key, column_name,"
            " any_value(reason) as reason from found_rows group by all"
        ).fetchall()
        cursor.unregister("found_rows")
        cursor.execute(
            f"update {QUARANTINE} set released_at = ?, released_by = 'rule' where table_name = ? and rule = ?"
            " and released_at is null and (key, column_name) not in (select (key, column_name) from found)",
            [at, table, rule],
        ).fetchall()
        cursor.execute(
            f"create or replace temp table added as from found anti join ({_SETTLED}) using (key, column_name)", [table]
        ).fetchall()
        cursor.execute(
            f"insert into {QUARANTINE} by name select ? as table_name, key, column_name, reason, 'rule' as set_by,"
            " ? as rule, ? as added_at from added",
            [table, rule, at],
        ).fetchall()
        return cursor.sql("select key, column_name, reason from added order by all").pl()


def _has_left_out(warehouse: Warehouse, table: str, rule: str) -> bool:
    asked = f"select 1 from {QUARANTINE} where table_name = ? and rule = ? and released_at is null limit 1"
    return not warehouse.query(asked, [table, rule]).is_empty()


def left_by_others(
    warehouse: Warehouse, table: str, *, rule: str, where: str = "true", params: Sequence[Any] = ()
) -> pl.DataFrame:
    """Rows of a raw table that a rule is to judge: all but those left out for another reason.

    What the rule left out itself is judged again. ``where`` is a further condition in SQL on the table's columns.
    """
    others = f"rule is distinct from {ddl.literal(rule)}"
    return warehouse.query(f"from ({without_left_out(TABLES[table], others)}) where {where}", list(params))


def quarantine_by_hand(warehouse: Warehouse, table: str, key: str, column: str, *, reason: str, at: datetime) -> bool:
    """Leave one row out until it is released by hand.

    The key is as `canonical_key` gives it; the column whose value is at fault is empty for the row as a whole.

    Returns:
        False if that is so already.
    """
    if column in active_columns(warehouse, table, key):
        return False
    values = {"table_name": table, "key": key, "column_name": column, "reason": reason, "set_by": "user"}
    row = {**dict.fromkeys(TABLES[QUARANTINE].column_names), **values, "added_at": at}
    warehouse.merge(QUARANTINE, pl.DataFrame([row], schema=TABLES[QUARANTINE].polars_schema))
    return True


def release_by_hand(warehouse: Warehouse, table: str, key: str, columns: Sequence[str], *, at: datetime) -> None:
    """Let a row count again as far as these columns go; no rule leaves it out for them again."""
    warehouse.execute(
        f"update {QUARANTINE} set released_at = ?, released_by = 'user'"
        " where table_name = ? and key = ? and released_at is null and list_contains(?, column_name)",
        [at, table, key, list(columns)],
    )


def active_columns(warehouse: Warehouse, table: str, key: str) -> list[str]:
    """The columns for which a row is left out now; empty text is the row as a whole."""
    return warehouse.query(
        f"select column_name from {QUARANTINE} where table_name = ? and key = ? and released_at is null order by all",
        [table, key],
    )["column_name"].to_list()


def active(warehouse: Warehouse, table: str) -> pl.DataFrame:
    """Every row of a table that is left out: ``key, column_name, reason, set_by, added_at``, the newest first."""
    return warehouse.query(
        f"select key, column_name, reason, set_by, added_at from {QUARANTINE}"
        f" where table_name = ? and released_at is null {_NEWEST_FIRST}",
        [table],
    )


def active_rows(warehouse: Warehouse, table: str, *, released_too: bool = False) -> pl.DataFrame:
    """The key columns of every row of a table that is left out, or ever was, in their types; one row each."""
    columns = ", ".join(key_values(TABLES[table], "fields"))
    condition = "" if released_too else " and released_at is null"
    return warehouse.query(
        f"select distinct {columns} from (select {fields_of('key')} as fields from {QUARANTINE}"
        f" where table_name = ?{condition}) order by all",
        [table],
    )


def listing_sql(*, released_too: bool) -> str:
    """The question for the whole list, to the private or the published file, the newest first."""
    condition = "" if released_too else "where released_at is null "
    columns = _SHOWN if released_too else _SHOWN.removesuffix(", released_at, released_by")
    return f"select {columns} from {QUARANTINE} {condition}{_NEWEST_FIRST}"


def canonical_key(warehouse: Warehouse, table: str, text: str) -> str | None:
    """A key that a person wrote, as this program writes it; None if it is not one of that table."""
    entry = TABLES[table]
    with warehouse.transaction() as cursor:
        values = _values(cursor, entry, text)
        if values is None:
            return None
        given = ", ".join(
            f"cast(? as {entry.column(name).dtype.value}) as {ddl.identifier(name)}" for name in entry.key
        )
        ((key,),) = cursor.execute(f"select {key_text(entry)} from (select {given})", values).fetchall()
    return str(key)


def has_row(warehouse: Warehouse, table: str, key: str) -> bool:
    """Whether the table holds a row of that key."""
    entry = TABLES[table]
    where = " and ".join(f"{ddl.identifier(name)} = ?" for name in entry.key)
    with warehouse.transaction() as cursor:
        values = _values(cursor, entry, key)
        return bool(cursor.execute(f"select 1 from {ddl.qualified(table)} where {where} limit 1", values).fetchall())


def nearest_keys(warehouse: Warehouse, table: str, key: str, limit: int = 3) -> list[str]:
    """Keys of stored rows that share the most with a key: the same ids, and of those the nearest times."""
    entry = TABLES[table]
    times = [name for name in entry.key if entry.column(name).dtype in {DType.TIME, DType.DATE}]
    ids = [name for name in entry.key if name not in times]
    same = " + ".join(f"cast({ddl.identifier(name)} = ${name} as integer)" for name in ids)
    apart = " + ".join(
        f"abs(epoch({ddl.identifier(name)}) - epoch(cast(${name} as {entry.column(name).dtype.value})))"
        for name in times
    )
    with warehouse.transaction() as cursor:
        values = _values(cursor, entry, key) or [None] * len(entry.key)
        found = cursor.execute(
            f"select {key_text(entry)} from {ddl.qualified(table)} where {same} > 0"
            f" order by {', '.join(filter(None, (f'{same} desc', apart, key_text(entry))))} limit {limit}",
            dict(zip(entry.key, values, strict=True)),
        ).fetchall()
    return [near for (near,) in found]


def example_key(warehouse: Warehouse, table: str) -> str:
    """The key of some stored row; the names of the key columns where there is none."""
    entry = TABLES[table]
    rows = warehouse.query(f"select {key_text(entry)} as key from {ddl.qualified(table)} limit 1")
    return ",".join(entry.key) if rows.is_empty() else str(rows.item())


def ids_of(warehouse: Warehouse, table: str) -> list[str]:
    """All values of a table's first id column, such as coin ids."""
    entry = TABLES[table]
    name = next(name for name in entry.key if entry.column(name).dtype is DType.TEXT)
    return warehouse.query(f"select distinct {ddl.identifier(name)} as id from {ddl.qualified(table)}")["id"].to_list()


def _values(cursor: duckdb.DuckDBPyConnection, entry: Table, text: str) -> list[Any] | None:
    """The typed values of a key text; None if there are not as many as key columns, or one is of another type."""
    columns = ", ".join(key_values(entry, "fields"))
    asked = f"select len(fields), {columns} from (select {fields_of('?')} as fields)"
    ((count, *values),) = cursor.execute(asked, [text]).fetchall()
    return None if count != len(entry.key) or None in values else values
