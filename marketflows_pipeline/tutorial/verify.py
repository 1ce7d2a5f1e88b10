"""Whether a tutorial run came out as it should: its tables and its log beside the golden ones."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
from polars import selectors as cs

from marketflows_pipeline.schema import table
from marketflows_pipeline.tutorial.files import PACKAGED

RELATIVE_TOLERANCE = 1e-9
EXPECTED_LOG = "expected_marketflows.log"
MAX_LOG_LINES = 20

_GOLDEN = "golden."
_TIME_KEYS = ("ts", "day", "session")
# What a run may say differently from another: when, for how long, where, how large, and under which id.
_VARYING = (
    (re.compile(r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,]\d+(?:Z|[+-]\d\d:?\d\d)? "), ""),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"(?<![\w.])\d+(?:[.,]\d+)?\s?[kMG]?B\b"), "<size>"),
    (re.compile(r"(?<![\w.])\d+(?:[.,]\d+)?\s?(?:ms|s|seconds?|min|minutes?)\b"), "<duration>"),
    # From the first folder to a bracket or the end of the line, because a folder's name may hold spaces.
    (re.compile(r"(?<!\S)\S*/.*?(?= \(|$)"), "<path>"),
)
# Lines that depend on the machine and on what ran before: chatter, progress, another run, pictures of other settings,
# models that were trained.
_CIRCUMSTANCE = re.compile(
    r"^DEBUG |: \d+ of \d+(?:, about <duration> left)?$| Waiting up to | removed, as settings and data "
    r"| of trained models are up to date$"
)


@dataclass(frozen=True)
class Difference:
    """One column of one table that is not as expected.

    Attributes:
        table: its name.
        column: its name, or ``rows`` where rows are missing or too many.
        n_rows: how many rows differ.
        row: key of the row that differs most.
        expected: what that row should hold.
        found: what it holds.
    """

    table: str
    column: str
    n_rows: int
    row: str
    expected: str
    found: str

    def __str__(self) -> str:
        return (
            f"{self.table}.{self.column}: {self.n_rows} rows differ, most at {self.row}: "
            f"expected {self.expected}, found {self.found}"
        )


def compare_with_golden(
    read: Callable[[str], pl.DataFrame], log_text: str | None, *, folder: Path = PACKAGED
) -> list[str]:
    """One line for each difference of tables and log; empty where the run matches the golden result.

    Args:
        read: gives a table of the run by its name.
        log_text: what the run logged; None where that could not be kept, and only tables are compared.
        folder: where the golden files are.
    """
    expected = (folder / EXPECTED_LOG).read_text(encoding="utf-8")
    lines = [] if log_text is None else compare_log(expected, log_text)
    shown = [f"log: {line}" for line in lines[:MAX_LOG_LINES]]
    if len(lines) > MAX_LOG_LINES:
        shown.append(f"log: and {len(lines) - MAX_LOG_LINES} more lines")
    return [*map(str, compare_tables(read, folder=folder)), *shown]


def compare_tables(read: Callable[[str], pl.DataFrame], *, folder: Path = PACKAGED) -> list[Difference]:
    """Compare every golden table with the run's, row by row of its key, in the columns that the golden one has.

    Where a golden file's metadata say what it ``covers`` (column to value), other rows of the run's are left alone.
    Numbers agree where they differ by at most 1e-9 of the expected value, or of the largest one of the same curve: a
    growth that passes through zero has no more digits than the level it comes from. All else agrees where it is equal.

    Args:
        read: gives a table of the run by its name.
        folder: where the golden files are.
    """
    files = sorted(folder.glob(f"{_GOLDEN}*.parquet"))
    return [
        difference
        for file in files
        for name in [file.stem.removeprefix(_GOLDEN)]
        for difference in _differences(name, pl.read_parquet(file), _covered(file, read(name)))
    ]


def compare_log(expected: str, found: str) -> list[str]:
    """Lines that only one of two logs has, ``- expected`` or ``+ found``, in order.

    Times, durations, sizes, ids, folders, and lines about the circumstances are left out of the comparison.
    """
    lines = difflib.ndiff(_comparable(expected), _comparable(found))
    return [line for line in lines if line.startswith(("- ", "+ "))]


def _comparable(log: str) -> list[str]:
    lines = []
    for line in log.splitlines():
        text = line
        for pattern, replacement in _VARYING:
            text = pattern.sub(replacement, text)
        if not _CIRCUMSTANCE.search(text):
            lines.append(text.rstrip())
    return lines


def _covered(file: Path, found: pl.DataFrame) -> pl.DataFrame:
    """The rows of a run's table that a golden file speaks about."""
    about = pl.read_parquet_metadata(file)
    covers, since = (json.loads(about.get(name, "{}")) for name in ("covers", "since"))
    wanted = [pl.col(column) == value for column, value in covers.items()]
    wanted += [pl.col(column) >= date.fromisoformat(first) for column, first in since.items()]
    return found.filter(*wanted)


def _differences(name: str, expected: pl.DataFrame, found: pl.DataFrame) -> Iterator[Difference]:
    key = list(table(name).key)
    times = cs.datetime().cast(pl.Datetime("us", "UTC"))
    both = expected.with_columns(times, is_expected=True).join(
        found.select(expected.columns).with_columns(times, is_found=True), on=key, how="full", coalesce=True
    )
    yield from _row_differences(name, key, both)
    matched = both.filter("is_expected", "is_found")
    curve = [column for column in key if column not in _TIME_KEYS]
    for column in expected.columns:
        if column in key:
            continue
        wanted, given = pl.col(column), pl.col(f"{column}_right")
        if expected.schema[column].is_float():
            largest = wanted.abs()
            if len(curve) < len(key):
                largest = largest.max().over(curve) if curve else largest.max()
            off_by = (given - wanted).abs()
            wrong = (given.is_null() != wanted.is_null()) | given.is_nan() | (off_by > RELATIVE_TOLERANCE * largest)
        else:
            wrong = given.ne_missing(wanted)
            off_by = pl.lit(0.0)
        wrong_rows = matched.with_columns(off_by=off_by).filter(wrong).sort("off_by", descending=True, nulls_last=False)
        if wrong_rows.height:
            worst = wrong_rows.row(0, named=True)
            yield Difference(
                name,
                column,
                wrong_rows.height,
                _named(worst, key),
                _shown(worst[column]),
                _shown(worst[f"{column}_right"]),
            )


def _row_differences(name: str, key: list[str], both: pl.DataFrame) -> Iterator[Difference]:
    for side, expectation, finding in (("is_found", "a row", "none"), ("is_expected", "no row", "one")):
        rows = both.filter(pl.col(side).is_null())
        if rows.height:
            yield Difference(name, "rows", rows.height, _named(rows.row(0, named=True), key), expectation, finding)


def _named(row: dict[str, object], key: list[str]) -> str:
    return ", ".join(f"{column} {row[column]}" for column in key)


def _shown(value: object) -> str:
    return "null" if value is None else repr(value)
