"""What an answer is, and its three forms: JSON for programs, a table for people, CSV for spreadsheets."""

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

AnswerFormat: TypeAlias = Literal["json", "table", "csv"]

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
    """One command's answer.

    Attributes:
        title: what it is about, for the heading.
        body: the JSON object, with ``as_of``, ``stale``, ``synthetic``, ``source``, ``method`` and ``coverage``.
        entries: its main list.
        columns: keys of an entry that CSV gives, in order.
        shown: columns of the table.
        summary: lines below the table.
        footnotes: what is missing, in words.
        headline: the answer in a sentence, above the table.
        warnings: what nobody should overlook; they go to standard error.
        about: what made-up figures are not about.
    """

    title: str
    body: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]]
    columns: tuple[str, ...]
    shown: tuple[ColumnFormat, ...]
    summary: tuple[str, ...] = ()
    footnotes: tuple[str, ...] = ()
    headline: str = ""
    warnings: tuple[str, ...] = ()
    about: str = "exchange"


def text_of(answer: Report, output_format: AnswerFormat) -> Iterator[str]:
    """The answer in a format, in pieces; what cannot be shown is left out of its texts."""
    if output_format == "json":
        yield json.dumps(plain(answer.body), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    elif output_format == "csv":
        yield from _csv(answer)
    else:
        yield from _table(answer)


def plain(value: object, key: str = "") -> object:
    """A value as JSON holds it: dollars in cents, other figures to six digits, times in ISO 8601, never NaN.

    Texts are without what cannot be shown.

    Args:
        value: anything an answer may hold.
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


def total(values: Sequence[float | None]) -> float | None:
    """Sum of what is there; None where nothing is."""
    given = [value for value in values if value is not None]
    return math.fsum(given) if given else None


def moment(value: datetime | None) -> str:
    """A time as people read it."""
    return "an unknown time" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def figure(value: float | None, digits: int = 2, unit: str = "", divisor: float = 1.0) -> str:
    """A number as people read it; ``unknown`` where there is none."""
    return "unknown" if value is None else f"{value / divisor:,.{digits}f}{unit}"


def _rounded(value: float, digits: int) -> float | None:
    # Adding zero turns -0.0 into 0.0.
    return round(value, digits) + 0.0 if math.isfinite(value) else None


def _csv(answer: Report) -> Iterator[str]:
    columns = list(answer.columns)
    rows = [[_flat(plain(entry.get(key), key)) for key in columns] for entry in answer.entries]
    if answer.body["synthetic"]:
        columns.append("synthetic")
        rows = [[*row, True] for row in rows]
    yield from render.lines("csv", columns, [], [[tuple(row) for row in rows]], for_spreadsheets=True)


def _flat(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _table(answer: Report) -> Iterator[str]:
    """The table between words, each a line or filled to several."""
    age = " (STALE: older than it should be)" if answer.body["stale"] else ""
    yield f"{visible(answer.title)}, as of {moment(answer.body['as_of'])}{age}\n"
    if answer.body["synthetic"]:
        yield f"SYNTHETIC: the tutorial's made-up figures, about no real {answer.about}\n"
    if answer.headline:
        yield f"{visible(answer.headline)}\n"
    yield "\n"
    types = ["VARCHAR" if column.digits is None else "DOUBLE" for column in answer.shown]
    rows = [tuple(_cell(entry.get(column.key), column) for column in answer.shown) for entry in answer.entries]
    yield from render.lines("table", [column.header for column in answer.shown], types, [rows])
    for line in answer.summary:
        yield f"{visible(line)}\n"
    yield "\n"
    for line in (answer.body["method"], *answer.footnotes, answer.body["source"]):
        yield textwrap.fill(visible(line), _WIDTH, initial_indent="* ", subsequent_indent="  ") + "\n"


def _cell(value: object, column: ColumnFormat) -> object:
    if value is None or column.digits is None or not isinstance(value, int | float):
        return _flat(list(value)) if isinstance(value, list | tuple) else value
    scaled = value / column.divisor
    # Rounded first, so that nothing reads -0.0.
    return f"{round(scaled, column.digits) + 0.0:,.{column.digits}f}" if math.isfinite(scaled) else None
