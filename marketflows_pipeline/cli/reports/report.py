"""What a report is, and its three forms: JSON for programs, a table for people, CSV for spreadsheets."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeAlias

from marketflows_pipeline.system.printable import visible
from marketflows_pipeline.warehouse import render

ReportFormat: TypeAlias = Literal["json", "table", "csv"]

_CENTS = 2
_DIGITS = 6
_WIDTH = 110


@dataclass(frozen=True)
class ColumnFormat:
    """A column of the table for people.

    Attributes:
        header: name with its unit.
        key: of the entry.
        digits: after the point, for a number; None for text.
        divisor: what the figure is divided by, such as 1e6 where the header says M USD.
    """

    header: str
    key: str
    digits: int | None = None
    divisor: float = 1.0


@dataclass(frozen=True)
class Report:
    """What one command prints.

    Attributes:
        title: what it is about, for the heading.
        body: the JSON object, with ``as_of``, ``stale``, ``synthetic``, ``source``, ``method`` and ``coverage``.
        entries: its main list.
        csv_columns: keys of an entry that CSV gives, in order.
        table_columns: columns of the table.
        summary: lines below the table.
        footnotes: what is missing, in words.
        headline: the finding in a sentence, above the table.
        warnings: what nobody should overlook; they go to standard error.
    """

    title: str
    body: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]]
    csv_columns: tuple[str, ...]
    table_columns: tuple[ColumnFormat, ...]
    summary: tuple[str, ...] = ()
    footnotes: tuple[str, ...] = ()
    headline: str = ""
    warnings: tuple[str, ...] = ()


def text_of(report: Report, output_format: ReportFormat, *, about: str) -> Iterator[str]:
    """The report in a format, in pieces; what cannot be shown is left out of its texts.

    Args:
        report: what is printed.
        output_format: json, table or csv.
        about: what made-up figures are not about, for the table.
    """
    if output_format == "json":
        yield json.dumps(plain(report.body), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    elif output_format == "csv":
        yield from _csv(report)
    else:
        yield from _table(report, about)


def plain(value: object, key: str = "") -> object:
    """A value as JSON holds it: dollars in cents, other figures to six digits, times in ISO 8601, never NaN.

    Texts are without what cannot be shown.

    Args:
        value: anything a report may hold.
        key: what it is called; ``_usd`` at its end means dollars.
    """
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, float):
        return _rounded(value, _CENTS if key.endswith("_usd") else _DIGITS)
    if isinstance(value, date):
        return (value.astimezone(UTC) if isinstance(value, datetime) else value).isoformat()
    if isinstance(value, Mapping):
        return {visible(name): plain(item, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, key) for item in value]
    return value


def header(now: datetime, as_of: datetime | None, *, stale: bool = False, synthetic: bool = False) -> dict[str, Any]:
    """The keys that every report begins with."""
    return {"timestamp": now, "as_of": as_of, "stale": stale, "synthetic": synthetic}


def moment(value: datetime | None) -> str:
    """A time as people read it."""
    return "an unknown time" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def figure(value: float | None, digits: int = 2, unit: str = "", divisor: float = 1.0) -> str:
    """A number as people read it; ``unknown`` where there is none."""
    return "unknown" if value is None else f"{value / divisor:,.{digits}f}{unit}"


def _rounded(value: float, digits: int) -> float | None:
    # Adding zero turns -0.0 into 0.0.
    return round(value, digits) + 0.0 if math.isfinite(value) else None


def _csv(report: Report) -> Iterator[str]:
    columns = list(report.csv_columns)
    rows = [[_flat(plain(entry.get(key), key)) for key in columns] for entry in report.entries]
    if report.body["synthetic"]:
        columns.append("synthetic")
        rows = [[*row, True] for row in rows]
    yield from render.lines("csv", columns, [], [[tuple(row) for row in rows]], for_spreadsheets=True)


def _flat(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _table(report: Report, about: str) -> Iterator[str]:
    """The table between words, each a line or filled to several."""
    from marketflows_pipeline.warehouse.table import page_width  # programs need not wait for rich

    age = " (STALE: older than it should be)" if report.body["stale"] else ""
    yield f"{visible(report.title)}, as of {moment(report.body['as_of'])}{age}\n"
    if report.body["synthetic"]:
        yield f"SYNTHETIC: the tutorial's made-up figures, about no real {about}\n"
    if report.headline:
        yield f"{visible(report.headline)}\n"
    yield "\n"
    types = ["VARCHAR" if column.digits is None else "DOUBLE" for column in report.table_columns]
    rows = [tuple(_cell(entry.get(column.key), column) for column in report.table_columns) for entry in report.entries]
    yield from render.lines("table", [column.header for column in report.table_columns], types, [rows])
    page = page_width()
    for line in report.summary:
        yield textwrap.fill(visible(line), page, subsequent_indent="  ") + "\n"
    yield "\n"
    for line in (report.body["method"], *report.footnotes, report.body["source"]):
        yield textwrap.fill(visible(line), min(page, _WIDTH), initial_indent="* ", subsequent_indent="  ") + "\n"


def _cell(value: object, column: ColumnFormat) -> object:
    if value is None or column.digits is None or not isinstance(value, int | float):
        return _flat(list(value)) if isinstance(value, list | tuple) else value
    scaled = value / column.divisor
    # Rounded first, so that nothing reads -0.0.
    return f"{round(scaled, column.digits) + 0.0:,.{column.digits}f}" if math.isfinite(scaled) else None
