"""A row's key as one text, and the views that leave quarantined rows out: SQL made from registry entries.

A key is one CSV record of the table's key columns in their order: ``bitcoin,2026-11-01T00:00:00Z``. Times are ISO 8601
in UTC, dates ``2026-11-01``; a text that is empty or has a comma, a quotation mark or a line break stands in quotation
marks, with those inside doubled. Only what DuckDB has had since 1.2 is used, as readers of the published file may have
any later one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from marketflows_pipeline.schema import Column, DType, Table
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.accepted import accepted_name

QUARANTINE = "meta.quarantine"

# A field after the start or a comma: in quotation marks, within which they are doubled, or up to the next comma.
_FIELD = """'(?:^|,)("(?:[^"]|"")*"|[^,]*)'"""
_NEEDS_QUOTES = """'[",\\r\\n]|^$'"""


def key_text(table: Table, alias: str = "") -> str:
    """The expression that gives a row's key as text.

    ``alias`` is of the relation that has the key columns.
    """
    return " || ',' || ".join(_as_text(table.column(name), alias) for name in table.key)


def fields_of(text: str) -> str:
    """The expression that gives the list of a key text's fields, still in their quotation marks."""
    return f"regexp_extract_all({text}, {_FIELD}, 1)"


def key_values(table: Table, fields: str) -> Iterator[str]:
    """Expressions for each key column of its typed value, named; null where a field can't be read.

    ``fields`` is the expression of the list that `fields_of` gives.
    """
    for place, name in enumerate(table.key, start=1):
        field = f"{fields}[{place}]"
        unquoted = f"replace(substring({field}, 2, length({field}) - 2), '\"\"', '\"')"
        bare = f"case when starts_with({field}, '\"') then {unquoted} else {field} end"
        yield f"try_cast({bare} as {table.column(name).dtype.value}) as {ddl.identifier(name)}"


def accepted_view(table: Table) -> Table:
    """The registry entry of a raw table's view without its quarantined rows."""
    rest = f"the rows that {QUARANTINE} leaves out"
    return replace(
        table,
        name=accepted_name(table.name),
        description=f"{table.name} without {rest}. Everything is computed from these rows.",
        columns=tuple(replace(each, derived_from=(f"{table.name}.{each.name}",)) for each in table.columns),
        view_sql=without_left_out(table),
    )


def without_left_out(table: Table, condition: str = "") -> str:
    """The query for a raw table's rows without those that active entries of the quarantine leave out.

    ``condition`` says which of them count; all by default.
    """
    left_out = (
        f"select {', '.join(key_values(table, 'fields'))} from (select {fields_of('key')} as fields"
        f" from {ddl.qualified(QUARANTINE)} where table_name = {ddl.literal(table.name)} and released_at is null"
        f"{condition and f' and {condition}'})"
    )
    return (
        f"select * from {ddl.qualified(table.name)} anti join ({left_out}) as left_out"
        f" using ({ddl.column_list(table.key)})"
    )


def _as_text(column: Column, alias: str) -> str:
    name = (f"{alias}." if alias else "") + ddl.identifier(column.name)
    if column.dtype is DType.TIME:
        # Between day and time only: a year before Christ is followed by a space too.
        return f"regexp_replace(cast({name} at time zone 'UTC' as varchar), ' (\\d\\d:)', 'T\\1') || 'Z'"
    if column.dtype is DType.TEXT:
        quoted = f"'\"' || replace({name}, '\"', '\"\"') || '\"'"
        return f"case when regexp_matches({name}, {_NEEDS_QUOTES}) then {quoted} else {name} end"
    return f"cast({name} as varchar)"
