"""Compare rows of a stored table with rows that were computed a second time, and say how far they are apart.

A number may differ by 1e-9 of the expected one, or of the largest one of its column: a change that passes through zero
has no more digits than the levels it comes from. All else has to be equal. It imports nothing of the package.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recompute import TOLERANCE, Rows

MAX_LINES = 12


@dataclass
class Comparison:
    """What came of one table.

    Attributes:
        table: its name.
        n_rows: rows that both have.
        worst: column to the largest difference, relative to the value or to the column's size.
        lines: a line for each figure that differs by too much, and each row that one side lacks.
    """

    table: str
    n_rows: int = 0
    worst: dict[str, float] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


def compared(table: str, expected: Rows, found: Rows, key: Sequence[str], sizes: Sequence[str] = ()) -> Comparison:
    """Compare by key, in the columns that the expected rows have.

    Args:
        table: its name.
        expected: computed a second time.
        found: as stored, with these columns and any more.
        key: columns that name a row.
        sizes: columns beside which the others may be small, such as the caps that effects are changes of.
    """
    wanted = {tuple(row[name] for name in key): row for row in expected}
    stored = {tuple(row[name] for name in key): row for row in found}
    result = Comparison(table, len(wanted.keys() & stored.keys()))
    for missing, where in (
        (wanted.keys() - stored.keys(), "not in the file"),
        (stored.keys() - wanted.keys(), "extra"),
    ):
        result.lines += [f"{table} {_text(name)}: {where}" for name in sorted(missing, key=str)]
    largest = {
        name: max((abs(row[name]) for row in expected if isinstance(row[name], float)), default=0.0)
        for name in (expected[0] if expected else ())
    }
    beside = max((largest.get(name, 0.0) for name in sizes), default=0.0)
    for name in sorted(wanted.keys() & stored.keys(), key=str):
        for column, value in wanted[name].items():
            if column in key:
                continue
            other = stored[name][column]
            if isinstance(value, float) and isinstance(other, int | float) and not isinstance(other, bool):
                size = max(abs(value), largest[column], beside, 1e-300)
                relative = abs(other - value) / size
                result.worst[column] = max(result.worst.get(column, 0.0), relative)
                is_same = relative <= TOLERANCE
            else:
                is_same = value == other
            if not is_same:
                result.lines.append(f"{table} {_text(name)} {column}: {value} by the text, {other} in the file")
    return result


def _text(key: tuple[Any, ...]) -> str:
    return " ".join(map(str, key))


def say(results: Sequence[Comparison]) -> int:
    """Print what came of each table; 1 if anything differs, or nothing was there to compare."""
    for result in results:
        worst = max(result.worst.values(), default=0.0)
        sys.stdout.write(
            f"{result.table}: {result.n_rows} rows, largest relative difference {worst:.2g},"
            f" {len(result.lines)} differ\n"
        )
        sys.stdout.writelines(f"  {line}\n" for line in result.lines[:MAX_LINES])
    return 1 if not results or any(result.lines for result in results) else 0


def packaged_settings() -> Path:
    """The tutorial's settings."""
    return Path(__file__).resolve().parent.parent / "marketflows_pipeline" / "tutorial" / "config.toml"


def main(recompute: Callable[..., list[Comparison]], arguments: list[str], *, by_settings: bool = True) -> int:
    """Compare a file's tables with what is computed from its raw tables.

    Args:
        recompute: makes the comparisons of a file, and of settings where it goes by them.
        arguments: the file, and the settings' file where it is not the tutorial's.
        by_settings: whether it goes by settings.
    """
    if not arguments:
        sys.stderr.write(f"Say which file: python {sys.argv[0]} FILE{' [SETTINGS]' if by_settings else ''}\n")
        return 2
    file, settings = arguments[0], Path(arguments[1]) if len(arguments) > 1 else packaged_settings()
    return say(recompute(file, settings) if by_settings else recompute(file))
