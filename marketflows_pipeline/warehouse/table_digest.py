"""A number that differs where the rows of two tables do, whatever their order and whatever stores them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import duckdb

from marketflows_pipeline.warehouse import ddl

# Name to DuckDB type.
Columns: TypeAlias = Mapping[str, str]
_FLOATS = frozenset({"DOUBLE", "FLOAT"})
_NESTED = ("STRUCT", "MAP", "UNION")


@dataclass(frozen=True)
class Digest:
    """What tells the rows of a table: how many they are, and the sum of the hashes of each."""

    rows: int
    hashes: int


def digest_of(cursor: duckdb.DuckDBPyConnection, relation: str, columns: Columns) -> Digest:
    """The digest of a relation's rows; a row that is there twice counts twice.

    Args:
        cursor: in the same session in UTC as for the digest that it is compared with.
        relation: a table, quoted, or a question in brackets.
        columns: those that count, in the same order for both; at least one.
    """
    values = ", ".join(value for name, kind in columns.items() for value in _values(ddl.identifier(name), kind))
    ((rows, hashes),) = cursor.execute(f"select count(*), sum(hash({values})) from {relation}").fetchall()
    return Digest(int(rows), int(hashes or 0))


def _values(column: str, kind: str) -> Iterator[str]:
    """What is hashed of a column."""
    yield column
    if kind in _FLOATS:
        # Equal values have equal hashes, and so have both zeros.
        yield f"{column} = 0 and signbit({column})"
    elif kind.endswith("]") or kind.startswith(_NESTED):
        # An empty list has the hash of a missing one, and in a list both zeros have one hash.
        yield f"cast({column} as varchar)"
