"""What a table and a column are: the vocabulary of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import polars as pl


class DType(StrEnum):
    """A column's type, by its DuckDB name; `POLARS` gives the frame's."""

    TEXT = "VARCHAR"
    TIME = "TIMESTAMPTZ"
    FLOAT = "DOUBLE"
    INT = "INTEGER"
    BIGINT = "BIGINT"
    BOOL = "BOOLEAN"
    DATE = "DATE"


POLARS: Mapping[DType, pl.DataType] = {
    DType.TEXT: pl.String(),
    DType.TIME: pl.Datetime("us", "UTC"),
    DType.FLOAT: pl.Float64(),
    DType.INT: pl.Int32(),
    DType.BIGINT: pl.Int64(),
    DType.BOOL: pl.Boolean(),
    DType.DATE: pl.Date(),
}

Part = Literal["market_caps", "exchanges", "cross_asset", "meta"]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: snake case, with the unit where there is one (``_usd``, ``_pct``, ``_at``).
        dtype: its type in the warehouse.
        description: one sentence, without the unit.
        unit: ``USD``, ``%``, ``UTC``, … or empty where the value has none.
        nullable: whether null is a legal value; key columns never are.
        derived_from: ``schema.table.column`` names that this column is computed from.
    """

    name: str
    dtype: DType
    description: str
    unit: str = ""
    nullable: bool = False
    derived_from: tuple[str, ...] = ()

    @property
    def comment(self) -> str:
        """The text that becomes the column's comment in the database."""
        return f"{self.description} [{self.unit}]" if self.unit else self.description


@dataclass(frozen=True)
class Table:
    """One table or view.

    Attributes:
        name: ``schema.table``.
        part: which part of the warehouse publishes it.
        grain: what one row is.
        key: the columns that are unique together and never null.
        description: what it holds and how it is made.
        columns: in stored order.
        as_of: the time column whose newest value is the table's as-of, which is never later than its publish; or None.
        replaces: how a write treats what is stored. ``merge``: rows are added or revised by key, never removed (raw
            history); ``replace``: the table is computed anew as a whole; ``append``: rows are only added.
        revised_by: for a merged table, the columns in which a later answer must differ to count as a revision (a new
            fetch time alone is none); empty means any column outside the key.
        set_once: for a merged table, columns that are written together once, with the first answer in which the last of
            them is not null; no later answer changes them.
        may_be_empty: whether an empty frame is a legal answer (a derived table that loses all rows is a fault).
        view_sql: for a view, its select; None for a table.
    """

    name: str
    part: Part
    grain: str
    key: tuple[str, ...]
    description: str
    columns: tuple[Column, ...]
    as_of: str | None = None
    replaces: Literal["merge", "replace", "append"] = "replace"
    revised_by: tuple[str, ...] = ()
    set_once: tuple[str, ...] = ()
    may_be_empty: bool = False
    view_sql: str | None = field(default=None, repr=False)

    @property
    def schema_name(self) -> str:
        """The part before the dot."""
        return self.name.split(".")[0]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in stored order."""
        return tuple(column.name for column in self.columns)

    @property
    def revisable(self) -> tuple[str, ...]:
        """Columns outside the key that a later answer may change."""
        return tuple(name for name in self.column_names if name not in self.key and name not in self.set_once)

    @property
    def polars_schema(self) -> dict[str, pl.DataType]:
        """Column name to polars type, in stored order."""
        return {column.name: POLARS[column.dtype] for column in self.columns}

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: if the table has none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    def empty(self) -> pl.DataFrame:
        """A frame with this table's columns and no rows."""
        return pl.DataFrame(schema=self.polars_schema)

    def stored_form(self, rows: pl.LazyFrame) -> pl.DataFrame:
        """The rows with this table's columns in stored order and in their types, by key."""
        return rows.select(self.column_names).cast(pl.Schema(self.polars_schema)).sort(self.key).collect()
