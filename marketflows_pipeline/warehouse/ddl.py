"""The registry as SQL: statements that create, comment and describe tables.

Only what DuckLake also has is used: no primary keys, indexes, sequences or enums; views name ``schema.table`` and
never the catalog.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marketflows_pipeline.schema import Column, Table


def identifier(name: str) -> str:
    """A column or alias, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string value, quoted."""
    return "'" + text.replace("'", "''") + "'"


def moment(at: datetime) -> str:
    """An aware time, quoted."""
    return f"timestamptz {literal(at.isoformat())}"


def qualified(table: str, catalog: str = "") -> str:
    """``schema.table``, each part quoted, within a catalog where one is named."""
    parts = (*((catalog,) if catalog else ()), *table.split("."))
    return ".".join(identifier(part) for part in parts)


def column_list(columns: Iterable[str], alias: str = "") -> str:
    """Quoted column names, comma separated."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(prefix + identifier(column) for column in columns)


def column_definitions(columns: Iterable[tuple[str, str, bool]]) -> str:
    """Columns as a new table has them, each of its name, its type, and whether it may be null."""
    return ", ".join(f"{identifier(name)} {kind}{'' if nullable else ' not null'}" for name, kind, nullable in columns)


def create_schema(table: Table) -> str:
    """The statement that makes the table's schema exist."""
    return f"create schema if not exists {identifier(table.schema_name)}"


def create_table(table: Table, *, replace: bool = False) -> str:
    """The statement that makes an empty table."""
    verb = "create or replace table" if replace else "create table if not exists"
    definitions = column_definitions((each.name, each.dtype.value, each.nullable) for each in table.columns)
    return f"{verb} {qualified(table.name)} ({definitions})"


def add_column(table: Table, column: Column) -> Iterator[str]:
    """The statements that add a nullable column to a stored table, with its comment."""
    name = identifier(column.name)
    yield f"alter table {qualified(table.name)} add column {name} {column.dtype.value}"
    yield f"comment on column {qualified(table.name)}.{name} is {literal(column.comment)}"


def create_view(table: Table) -> str:
    """The statement that makes a registered view, in place of an older one."""
    return f"create or replace view {qualified(table.name)} as {(table.view_sql or '').strip()}"


def view_sources(table: Table) -> frozenset[str]:
    """The tables a registered view reads: those its columns are derived from."""
    return frozenset(source.rpartition(".")[0] for column in table.columns for source in column.derived_from)


def comments(table: Table, present: Iterable[str] | None = None) -> Iterator[str]:
    """The comments of a table or view and of its columns, as statements.

    ``present`` are the columns that the stored table has; all by default.
    """
    kind = "view" if table.view_sql else "table"
    yield f"comment on {kind} {qualified(table.name)} is {literal(table.description)}"
    stored = set(table.column_names if present is None else present)
    for column in table.columns:
        if column.name in stored:
            name = f"{qualified(table.name)}.{identifier(column.name)}"
            yield f"comment on column {name} is {literal(column.comment)}"


def merge(table: Table, *, revise: bool, bound: str | None, returns_rows: bool = True) -> str:
    """The statement that adds the rows of the relation ``incoming`` and revises those whose values differ.

    Without ``revise`` each stored row stays. The stored rows looked at lie between two parameters of the key column
    ``bound``.

    Returns:
        A MERGE that returns one ``INSERT`` or ``UPDATE`` per row it touched, or how many these are.
    """
    on = _same_key(table, bound)
    values = table.revisable
    deciding = table.revised_by or values
    clauses = []
    if revise and values:
        differs = " or ".join(
            f"stored.{identifier(name)} is distinct from incoming.{identifier(name)}" for name in deciding
        )
        assignments = ", ".join(f"{identifier(name)} = incoming.{identifier(name)}" for name in values)
        clauses.append(f"when matched and ({differs}) then update set {assignments}")
    clauses.append(
        f"when not matched then insert ({column_list(table.column_names)}) "
        f"values ({column_list(table.column_names, 'incoming')})"
    )
    return (
        f"merge into {qualified(table.name)} as stored using incoming on {' and '.join(on)} "
        f"{' '.join(clauses)}{' returning merge_action' if returns_rows else ''}"
    )


def _same_key(table: Table, bound: str | None) -> list[str]:
    conditions = [f"stored.{identifier(name)} = incoming.{identifier(name)}" for name in table.key]
    if bound is not None:
        conditions.append(f"stored.{identifier(bound)} between ? and ?")
    return conditions


def write_once(table: Table, *, bound: str | None) -> str:
    """The statement that gives stored rows their ``set_once`` columns from ``incoming``, where they have none yet."""
    decisive = identifier(table.set_once[-1])
    conditions = [
        *_same_key(table, bound),
        f"stored.{decisive} is null",
        f"incoming.{decisive} is not null",
    ]
    assignments = ", ".join(f"{identifier(name)} = incoming.{identifier(name)}" for name in table.set_once)
    return f"update {qualified(table.name)} as stored set {assignments} from incoming where {' and '.join(conditions)}"


@dataclass(frozen=True)
class RowMerge:
    """The statements that merge a single row, with its values as named parameters.

    A difference in the ``deciding`` columns makes a revision. ``find`` gives whether the stored row differs, in one
    row, and none where no row of that key is stored.
    """

    deciding: tuple[str, ...]
    find: str
    update: str
    insert: str


def merge_row(table: Table) -> RowMerge:
    """What `merge` does, for one row of a table that has more than its key."""
    values = table.revisable
    deciding = table.revised_by or values
    stored = qualified(table.name)

    def pairs(names: Iterable[str], operator: str, separator: str) -> str:
        return separator.join(f"{identifier(name)} {operator} ${name}" for name in names)

    key = pairs(table.key, "=", " and ")
    return RowMerge(
        deciding=deciding,
        find=f"select {pairs(deciding, 'is distinct from', ' or ')} from {stored} where {key}",
        update=f"update {stored} set {pairs(values, '=', ', ')} where {key}",
        insert=f"insert into {stored} ({column_list(table.column_names)}) "
        f"values ({', '.join(f'${name}' for name in table.column_names)})",
    )


def newest_times(relations: Iterable[tuple[Table, str]]) -> str:
    """The question for the newest time of each of these tables, by name: to ask one by one takes longer than to look.

    With each table comes what is read of it; each has an ``as_of``.
    """
    return " union all ".join(
        f"select {literal(table.name)} as name, max({identifier(table.as_of)}) as newest from {qualified(relation)}"
        for table, relation in relations
        if table.as_of is not None
    )
