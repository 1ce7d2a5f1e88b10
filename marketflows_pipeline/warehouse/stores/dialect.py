"""What SQL a store does not take, beside what `ddl` does without anyway."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """What the statements of a store may use.

    Attributes:
        returns_rows: MERGE ... RETURNING says what became of each row.
        comments_view_columns: the columns of a view can have comments.
        replaces_tables: a table is written as a whole by making it anew; otherwise by deleting its rows, since a lake
            reads its catalog again after every change of tables.
    """

    returns_rows: bool
    comments_view_columns: bool
    replaces_tables: bool


DUCKDB = Dialect(returns_rows=True, comments_view_columns=True, replaces_tables=True)
DUCKLAKE = Dialect(returns_rows=False, comments_view_columns=False, replaces_tables=False)
