"""What SQL a store does not take, beside what `ddl` does without anyway."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """What the statements of a store may use.

    Attributes:
        returns_rows: MERGE ... RETURNING says what became of each row.
        comments_view_columns: the columns of a view can have comments.
    """

    returns_rows: bool
    comments_view_columns: bool


DUCKDB = Dialect(returns_rows=True, comments_view_columns=True)
DUCKLAKE = Dialect(returns_rows=False, comments_view_columns=False)
