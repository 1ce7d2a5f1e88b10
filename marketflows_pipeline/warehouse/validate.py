"""What a frame must be before it is stored: exactly what the registry says."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import polars as pl
from polars import selectors as cs

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import Table

WORST_ROWS = 5


def check_frame(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Hold a frame to its registry entry.

    Returns:
        The frame with its columns in stored order.

    Raises:
        WarehouseError: on missing, extra or mistyped columns, a null where none may be, a value that is not finite,
            or a key that is there twice; it names table, column and up to five of the rows at fault.
    """
    _check_columns(table, frame)
    ordered = frame.select(table.column_names)
    _check_nulls(table, ordered)
    _check_finite(table, ordered)
    _check_keys(table, ordered)
    return ordered


def checked_blocks(table: Table, blocks: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Hold each block of a table to its registry entry, as `check_frame` does, and the blocks to one another.

    Raises:
        WarehouseError: as `check_frame` does; if a block begins at or before the end of an earlier one, in the first
            column of the key; or if all are empty where the table may not be.
    """
    leading, end = pl.col(table.key[0]), None
    is_empty = True
    for block in blocks:
        rows = check_frame(table, block)
        if not rows.is_empty():
            at_fault = rows.filter(leading <= end) if end is not None else rows.clear()
            if not at_fault.is_empty():
                raise _fault(table, table.key[0], "is in more than one block", at_fault)
            end, is_empty = rows[table.key[0]].max(), False
        yield rows
        del rows, block
    if is_empty and not table.may_be_empty:
        raise WarehouseError(f"{table.name} was not written: the frame is empty, and this table may not be")


def begun(blocks: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The blocks, the first one made at once; from then on none is held while the next one is made."""
    in_hand = [next(blocks)]

    def each() -> Iterator[pl.DataFrame]:
        while in_hand:
            yield in_hand.pop()
            in_hand.extend(itertools.islice(blocks, 1))

    return each()


def _check_columns(table: Table, frame: pl.DataFrame) -> None:
    expected = table.polars_schema
    faults = [f"lacks {name}" for name in expected if name not in frame.columns]
    faults += [f"has {name}, which is not registered" for name in frame.columns if name not in expected]
    faults += [
        f"holds {name} as {frame.schema[name]} instead of {dtype}"
        for name, dtype in expected.items()
        if name in frame.columns and frame.schema[name] != dtype
    ]
    if faults:
        raise WarehouseError(f"{table.name} was not written: the frame {'; '.join(faults)}")


def _check_nulls(table: Table, frame: pl.DataFrame) -> None:
    counts = dict(zip(frame.columns, frame.null_count().row(0), strict=True))
    for column in table.columns:
        if not column.nullable and counts[column.name]:
            at_fault = frame.filter(pl.col(column.name).is_null())
            raise _fault(table, column.name, "is null where it may not be", at_fault)


def _check_finite(table: Table, frame: pl.DataFrame) -> None:
    finite = frame.select(cs.float().is_finite().all())
    for name in finite.columns:
        if not finite.item(0, name):
            at_fault = frame.filter(~pl.col(name).is_finite())
            raise _fault(table, name, "is not finite (a missing value is null)", at_fault)


def _check_keys(table: Table, frame: pl.DataFrame) -> None:
    key = list(table.key)
    if frame.height == frame.select(key).n_unique():
        return
    at_fault = frame.filter(pl.struct(key).is_duplicated()).sort(key)
    raise _fault(table, ", ".join(key), "is there more than once", at_fault)


def _fault(table: Table, column: str, what: str, at_fault: pl.DataFrame) -> WarehouseError:
    rows = "; ".join(
        ", ".join(f"{name}={value}" for name, value in row.items())
        for row in at_fault.head(WORST_ROWS).iter_rows(named=True)
    )
    return WarehouseError(f"{table.name} was not written: {column} {what} in {at_fault.height} rows, such as {rows}")
