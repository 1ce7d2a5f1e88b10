"""Revisions: what a merge is about to overwrite in a period that is over, kept in ``meta.revisions``.

Runs inside the merge's own transaction, before it, so that a killed run neither loses a revision nor records it twice.
Beside them stand corrections: figures that turn out otherwise, and are not overwritten. Members of a past day are never
among them, since a later answer adds a list of its own moment and changes no earlier one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from marketflows_pipeline.schema import TABLES, Column, DType, Table
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.catalog import insert
from marketflows_pipeline.warehouse.pruning import prune

if TYPE_CHECKING:
    from marketflows_pipeline.warehouse.store import Warehouse

REVISIONS = "meta.revisions"
# Services round and recompute: a smaller relative change is noise.
SMALLEST_CHANGE = 1e-6
# More of one entity in one answer, as after a split or a re-labelled wallet, become one row.
MOST_ROWS_OF_AN_ENTITY = 100
KEPT_FOR = timedelta(days=400)

_NUMBERS = (DType.FLOAT, DType.INT, DType.BIGINT)
_PERIODS = (DType.TIME, DType.DATE)


@dataclass(frozen=True)
class Provenance:
    """Which answer the rows of a merge are from.

    ``cause`` is what was asked, such as ``history`` or ``page``. Periods before ``closed_before`` are over: a change in
    them is a revision. None where none is.
    """

    cause: str
    seen_at: datetime
    closed_before: datetime | None


def record_revisions(
    cursor: duckdb.DuckDBPyConnection, entry: Table, rows: pl.DataFrame, provenance: Provenance
) -> None:
    """Record which stored figures the rows will overwrite.

    A figure counts where it changes by more than 1e-6 of itself, or goes; a null that becomes a figure does not. Of
    more than 100 changes of one entity (the key without its period) only the largest is kept, with their number. The
    cursor's transaction merges the rows afterwards.
    """
    period, figures = _period(entry), _figures(entry)
    if period is None or not figures or provenance.closed_before is None:
        return
    limit = provenance.closed_before if period.dtype is DType.TIME else provenance.closed_before.astimezone(UTC).date()
    closed = rows.filter(pl.col(period.name) < limit)
    if closed.is_empty():
        return
    changes = _changes(entry, closed, _stored(cursor, entry, closed, period, figures), figures)
    if not changes.is_empty():
        insert(cursor, TABLES[REVISIONS], _as_revisions(entry, period, changes, provenance))


def record_corrections(
    warehouse: Warehouse, table: str, changes: pl.DataFrame, *, cause: str, seen_at: datetime
) -> int:
    """Record figures that turn out otherwise without being overwritten, such as those that are never rewritten.

    The same thresholds hold as for revisions. What is on record already, with the same new figure, is not repeated.

    Args:
        warehouse: the private file.
        table: whose figures they are.
        changes: its key columns, and column_name, old, new: the figure as it is stored, and as it would be now.
        cause: what ``meta.revisions`` names as such.
        seen_at: when that was found.

    Returns:
        How many rows were added.
    """
    entry = TABLES[table]
    period, changed = _period(entry), _that_count(changes.lazy()).collect()
    if changed.is_empty() or period is None:
        return 0
    rows = _as_revisions(entry, period, changed, Provenance(cause, seen_at, closed_before=None))
    known = warehouse.query(
        f"select key, column_name, arg_max(new, seen_at) as known from {ddl.qualified(REVISIONS)}"
        " where table_name = ? and cause = ? group by all",
        [table, cause],
    )
    is_known = (pl.col("new") - pl.col("known")).abs() <= SMALLEST_CHANGE * pl.col("known").abs()
    news = rows.join(known, on=["key", "column_name"], how="left").filter(~is_known.fill_null(value=False))
    return warehouse.append(REVISIONS, news.select(rows.columns)) if news.height else 0


def forget_old_revisions(warehouse: Warehouse, now: datetime) -> None:
    """Delete what was recorded more than 400 days ago."""
    prune(warehouse, REVISIONS, now - KEPT_FOR)


def _period(entry: Table) -> Column | None:
    """The key column that says which time a row is about."""
    return next((entry.column(name) for name in entry.key if entry.column(name).dtype in _PERIODS), None)


def _figures(entry: Table) -> list[str]:
    """The columns of which a change can be a revision."""
    return [name for name in entry.revised_by or entry.revisable if entry.column(name).dtype in _NUMBERS]


def _stored(
    cursor: duckdb.DuckDBPyConnection, entry: Table, closed: pl.DataFrame, period: Column, figures: list[str]
) -> pl.DataFrame:
    """Key and figures of the stored rows that may have the closed rows' keys.

    Joined in polars, and with one entity said as a constant: a join in SQL reads the rows of all others too, and takes
    three times as long for the history of one coin of 300.
    """
    conditions = [f"{ddl.identifier(period.name)} between ? and ?"]
    parameters: list[object] = [closed[period.name].min(), closed[period.name].max()]
    for name in entry.key:
        values = closed[name].unique().to_list() if name != period.name else []
        if len(values) == 1:
            conditions.append(f"{ddl.identifier(name)} = ?")
            parameters += values
        elif values:
            conditions.append(f"{ddl.identifier(name)} in (select unnest(?))")
            parameters.append(values)
    columns = ddl.column_list([*entry.key, *figures])
    found = cursor.sql(
        f"select {columns} from {ddl.qualified(entry.name)} where {' and '.join(conditions)}", params=parameters
    )
    return found.pl().cast({name: entry.polars_schema[name] for name in (*entry.key, *figures)})


def _changes(entry: Table, closed: pl.DataFrame, stored: pl.DataFrame, figures: list[str]) -> pl.DataFrame:
    """One row a changed figure: key, ``column_name, old, new, change`` (share of the old one; null where that is 0)."""
    both = stored.rename({name: f"old.{name}" for name in figures}).join(closed, on=entry.key, how="inner")
    differs = pl.any_horizontal(pl.col(f"old.{name}").ne_missing(pl.col(name)) for name in figures)
    if (changed := both.filter(differs)).is_empty():
        return changed
    each = [
        changed.lazy().select(
            *entry.key,
            pl.lit(name).alias("column_name"),
            pl.col(f"old.{name}").cast(pl.Float64).alias("old"),
            pl.col(name).cast(pl.Float64).alias("new"),
        )
        for name in figures
    ]
    return _that_count(pl.concat(each)).collect()


def _that_count(changes: pl.LazyFrame) -> pl.LazyFrame:
    """Those of the changes that are more than noise, with ``change``."""
    old, new = pl.col("old"), pl.col("new")
    return changes.filter(
        old.is_not_null(), new.is_null() | ((new - old).abs() > SMALLEST_CHANGE * old.abs())
    ).with_columns(change=pl.when(old != 0).then((new - old) / old.abs()))


def _as_revisions(entry: Table, period: Column, changes: pl.DataFrame, provenance: Provenance) -> pl.DataFrame:
    """Rows of ``meta.revisions``: each change, or the largest alone of an entity that has too many."""
    entity = [name for name in entry.key if name != period.name]
    counted = changes.lazy().with_columns(n=pl.len().over(entity))
    few = counted.filter(pl.col("n") <= MOST_ROWS_OF_AN_ENTITY).with_columns(
        key=_as_text(entry, entry.key), n_changes=pl.lit(1, pl.Int32)
    )
    # A figure that went, or was 0, has changed by more than any share.
    by_size = pl.col("change").abs().fill_null(float("inf"))
    many = (
        counted.filter(pl.col("n") > MOST_ROWS_OF_AN_ENTITY)
        .filter(by_size.arg_max().over(entity) == pl.int_range(pl.len()).over(entity))
        .with_columns(key=_as_text(entry, entity), n_changes=pl.col("n").cast(pl.Int32))
    )
    return (
        pl.concat([few, many])
        .select(
            pl.lit(entry.name).alias("table_name"),
            "key",
            "column_name",
            "old",
            "new",
            pl.lit(provenance.seen_at).cast(TABLES[REVISIONS].polars_schema["seen_at"]).alias("seen_at"),
            pl.lit(provenance.cause).alias("cause"),
            "n_changes",
            (100 * pl.col("change")).alias("change_pct"),
        )
        .collect()
    )


def _as_text(entry: Table, names: Sequence[str]) -> pl.Expr:
    """Values of key columns as one CSV record, written as `row_keys` writes the keys of the quarantine."""
    return pl.concat_str([_field(entry.column(name)) for name in names], separator=",")


def _field(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    match column.dtype:
        case DType.TIME:
            return value.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
        case DType.TEXT:
            doubled = value.str.replace_all('"', '""', literal=True)
            quoted = pl.concat_str(pl.lit('"'), doubled, pl.lit('"'))
            return pl.when(value.str.contains(r'[",\r\n]|^$')).then(quoted).otherwise(value)
        case _:
            return value.cast(pl.String)
