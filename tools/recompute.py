"""Shared by the recomputations: read a warehouse file, and report where two figures differ.

It imports nothing of the package, as the scripts that use it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb

DAY = timedelta(days=1)
# Of the larger of a figure and the largest of its column: sums are added up in another order here.
TOLERANCE = 1e-9

Rows = list[dict[str, Any]]


def read(file: str, sql: str) -> Rows:
    """The answer of a question to a warehouse file, private or published, with times in UTC."""
    with duckdb.connect(file, read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def utc_day(moment: datetime) -> date:
    """The date in UTC."""
    return moment.astimezone(UTC).date()


def differences(expected: Iterable[Mapping[str, Any]], found: Rows, key: Sequence[str]) -> list[str]:
    """One line for each figure that differs, and each row that one side lacks.

    Args:
        expected: rows with the columns of `key` and those to compare.
        found: rows of the same columns and any more.
        key: columns that name a row.
    """
    wanted = {tuple(row[name] for name in key): row for row in expected}
    stored = {tuple(row[name] for name in key): row for row in found}
    lines = [f"{key_}: not in the file" for key_ in sorted(wanted.keys() - stored.keys())]
    lines += [f"{key_}: in the file only" for key_ in sorted(stored.keys() - wanted.keys())]
    sizes: dict[str, float] = {}
    for row in wanted.values():
        for name, value in row.items():
            if isinstance(value, float):
                sizes[name] = max(sizes.get(name, 0.0), abs(value))
    for key_ in sorted(wanted.keys() & stored.keys()):
        for name, value in wanted[key_].items():
            other = stored[key_][name]
            if not _same(value, other, sizes.get(name, 0.0)):
                lines.append(f"{key_}: {name} is {other}, recomputed {value}")
    return lines


def _same(value: object, other: object, size: float) -> bool:
    if isinstance(value, float) and isinstance(other, int | float):
        return abs(value - other) <= TOLERANCE * max(size, 1.0)
    return value == other


def main(compare: Callable[[str], list[str]], arguments: list[str]) -> int:
    """Compare each file named with its recomputation, and say what differs; 1 if anything does."""
    if not arguments:
        sys.stderr.write("name a warehouse file, such as warehouse/marketflows.duckdb\n")
        return 2
    lines = [line for file in arguments for line in compare(file)]
    sys.stdout.write(("\n".join(lines) or "every figure is as recomputed") + "\n")
    return 1 if lines else 0
