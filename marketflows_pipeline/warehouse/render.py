"""The look of an answer: a table for people, CSV and JSON for programs."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, count, islice
from typing import Any, Literal, TypeAlias

from marketflows_pipeline.system.printable import escaped, escaped_in_json, without_formula

Format: TypeAlias = Literal["table", "csv", "json", "parquet"]
Batches: TypeAlias = Iterable[list[tuple[Any, ...]]]

TABLE_ROWS = 1_000

_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "NUMBER", "HUGE")


def lines(
    output_format: Format,
    columns: Sequence[str],
    types: Sequence[str],
    batches: Batches,
    *,
    for_spreadsheets: bool = False,
) -> Iterator[str]:
    """The text of an answer, in pieces that can be written as they come.

    Characters that cannot be shown, such as escape sequences, are spelt out in a table; JSON has them as its own
    escapes, which read back as they were; CSV has them as they are, unless it is made for spreadsheets. Numbers, by
    their DuckDB types, stand right-aligned in a table. For spreadsheets cells of text in CSV have an apostrophe before
    what would be taken for a formula.
    """
    if not columns:
        return
    if output_format == "csv":
        yield from _csv(columns, batches, _safe_cell if for_spreadsheets else _csv_cell)
    elif output_format == "json":
        yield from _json(columns, batches)
    else:
        yield from _table(columns, types, batches)


def _csv(columns: Sequence[str], batches: Batches, cell: Callable[[object], object]) -> Iterator[str]:
    for rows in chain([[tuple(columns)]], batches):
        lines: list[str] = []
        # Whoever writes CSV quotes what holds a character of its end of line, and a return alone would end a row too.
        writer = csv.writer(_Lines(lines), lineterminator="\r\n")
        writer.writerows([cell(value) for value in row] for row in rows)
        yield "".join(f"{line[:-2]}\n" for line in lines)


class _Lines:
    """A file that keeps what is written, line by line."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def _safe_cell(value: object) -> object:
    cell = _csv_cell(value)
    return without_formula(escaped(cell)) if isinstance(value, str) and isinstance(cell, str) else cell


def _csv_cell(value: object) -> object:
    plain = _plain(value)
    if plain is None:
        return ""
    if isinstance(value, Decimal) and Decimal(str(plain)) != value:
        return value
    if isinstance(plain, bool | list | dict):
        return json.dumps(plain, ensure_ascii=False)
    return plain


def _json(columns: Sequence[str], batches: Batches) -> Iterator[str]:
    names = _distinct(columns)
    separator = "[\n"
    for rows in batches:
        for row in rows:
            item = dict(zip(names, map(_plain, row), strict=True))
            yield separator + escaped_in_json(json.dumps(item, ensure_ascii=False, allow_nan=False))
            separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _distinct(columns: Sequence[str]) -> list[str]:
    """Names made different by a number that no column bears, as two columns of a join may bear the same one."""
    names: list[str] = []
    for column in columns:
        taken = {*columns, *names}
        numbered = (f"{column}_{number}" for number in count(2))
        names.append(column if column not in names else next(name for name in numbered if name not in taken))
    return names


def _plain(value: object) -> object:
    """A value as JSON knows it: ISO times in UTC, seconds for intervals, null for what is not finite."""
    if value is None or isinstance(value, bool | int | str):
        return value
    for kind, convert in _CONVERSIONS:
        if isinstance(value, kind):
            return convert(value)
    return str(value)


_CONVERSIONS: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (datetime, lambda value: (value.astimezone(UTC) if value.tzinfo else value).isoformat()),
    (date, date.isoformat),
    (time, time.isoformat),
    (timedelta, timedelta.total_seconds),
    (Decimal, lambda value: int(value) if value == value.to_integral_value() else float(value)),
    (float, lambda value: value if math.isfinite(value) else None),
    (list, lambda value: [_plain(item) for item in value]),
    (tuple, lambda value: [_plain(item) for item in value]),
    (dict, lambda value: {str(key): _plain(item) for key, item in value.items()}),
    (bytes, bytes.hex),
)


def _table(columns: Sequence[str], types: Sequence[str], batches: Batches) -> Iterator[str]:
    from marketflows_pipeline.warehouse.table import table_text  # noqa: PLC0415 (programs need not wait for rich)

    rows = list(islice(chain.from_iterable(batches), TABLE_ROWS + 1))
    cells = [[_cell(value) for value in row] for row in rows[:TABLE_ROWS]]
    is_number = [kind.upper().startswith(_NUMBERS) or "INT" in kind.upper() for kind in types]
    yield table_text([escaped(column) for column in columns], is_number, cells)
    if len(rows) > TABLE_ROWS:
        yield f"\nThe first {TABLE_ROWS:,} rows; --format csv gives them all.\n"
    else:
        yield f"\n{len(rows):,} {'row' if len(rows) == 1 else 'rows'}\n"


def _cell(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | Decimal):
        return _number(float(value))
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, timedelta):
        return str(value)
    return escaped(str(_plain(value)))


def _moment(value: datetime) -> str:
    moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return moment.isoformat(" ") + ("Z" if value.tzinfo else "")


def _number(value: float) -> str:
    """Cents above a thousand, six digits below, no exponent where it can be read without."""
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1000:
        return f"{value:,.2f}"
    if value == 0 or abs(value) >= 1e-4:
        return f"{value:.6g}"
    return f"{value:.6e}" if abs(value) < 1e-12 else f"{value:.16f}".rstrip("0")
